//! Replacements that are already in the text: a text may come through the engine twice.
//!
//! They are never part of a secret. A finding that reaches over one keeps only what is beside it.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::span::Span;

static BRACKET: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"[REDACTED"));
static STARS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"***"));

/// Takes what is already replaced out of the spans.
pub(super) fn settle(text: &[u8], spans: &mut Vec<Span>) {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return };
    let near = first.start.saturating_sub(48);
    let markers = all(text, near, text.len().min(last.end + 48));
    if markers.is_empty() {
        return;
    }
    let mut settled = Vec::with_capacity(spans.len());
    let mut next = 0;
    for span in spans.drain(..) {
        while next < markers.len() && markers[next].1 <= span.start {
            next += 1;
        }
        let mut from = span.start;
        let over: Vec<_> = markers[next..].iter().take_while(|(start, _)| *start < span.end).collect();
        for (start, end) in &over {
            rest(text, &span, from, *start, &mut settled);
            from = from.max(*end);
        }
        if over.is_empty() {
            settled.push(span);
        } else {
            rest(text, &span, from, span.end, &mut settled);
        }
    }
    *spans = settled;
}

/// Every replacement in `from..to`.
fn all(text: &[u8], mut from: usize, to: usize) -> Vec<(usize, usize)> {
    let mut markers = Vec::new();
    while let Some((start, end)) = find(&text[from..to]) {
        markers.push((from + start, from + end));
        from += end;
    }
    markers
}

/// Keeps `from..to` of a span if a part of a secret can still be there.
fn rest(text: &[u8], span: &Span, from: usize, to: usize, out: &mut Vec<Span>) {
    if from >= to {
        return;
    }
    let letters = text[from..to].iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    if letters > 3 {
        out.push(Span { start: from, end: to, secret: None, ..*span });
    }
}

/// Whether a value is a replacement, or what a cut has left of one.
pub(super) fn is_begun(value: &[u8]) -> bool {
    let (length, whole) = length(value);
    whole || length == value.len() && length >= BRACKET.needle().len()
}

/// How much of the text is a replacement from its beginning on, and whether that is all of one. Nothing else may stand
/// in the brackets: a secret there would be sheltered.
fn length(text: &[u8]) -> (usize, bool) {
    let open = BRACKET.needle();
    if !text.starts_with(open) {
        return (0, false);
    }
    let run =
        |from: usize, is: fn(u8) -> bool| from + text[from..].iter().take(24).take_while(|byte| is(**byte)).count();
    let mut at = open.len();
    if text.get(at) == Some(&b':') {
        at = run(at + 1, |byte| byte.is_ascii_lowercase() || byte == b'-');
        if text.get(at) == Some(&b'#') {
            at = run(at + 1, |byte| byte.is_ascii_digit());
        }
    }
    let closed = text.get(at) == Some(&b']');
    (at + usize::from(closed), closed)
}

/// The first replacement in `text`: `[REDACTED]`, `[REDACTED:kind#n]`, `***`.
pub(super) fn find(text: &[u8]) -> Option<(usize, usize)> {
    let bracket = BRACKET.find_iter(text).find_map(|start| match length(&text[start..]) {
        (length, true) => Some((start, start + length)),
        _ => None,
    });
    // Stars only count before the bracket: no text is searched twice.
    let before = &text[..bracket.map_or(text.len(), |(start, _)| start)];
    let stars =
        STARS.find(before).map(|start| (start, start + text[start..].iter().take_while(|byte| **byte == b'*').count()));
    stars.or(bracket)
}
