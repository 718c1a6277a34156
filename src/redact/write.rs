//! Copies a stretch of text with its spans replaced.
//!
//! The output is never larger than twice the input: where many short secrets stand close together
//! the replacement gives up its number, then its name. Line ends inside a span stay, so line
//! numbers keep their meaning.

use super::number::Numbers;
use super::span::Span;
use super::{Counts, Redactor, engine, marker};

/// How much a replacement says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Numbered,
    Plain,
    Stars,
}

/// Replaces `spans` (merged, inside `text`) and appends the result to `out`.
///
/// `credit` is what earlier text of the same stream left of the "twice the input" allowance.
pub(super) fn write(redactor: &Redactor, text: &[u8], spans: &[Span], out: &mut Vec<u8>, credit: &mut usize) {
    let mut counts = Counts::default();
    let allowed = *credit + 2 * text.len();
    // The caller's own buffer when there is nothing in it yet: fresh memory is dear.
    let mut done = if out.is_empty() { std::mem::take(out) } else { Vec::new() };
    done.reserve(text.len());
    replace(redactor, text, spans, &mut done, allowed, &mut counts);
    // What a replacement now stands beside may read differently: until nothing changes any more.
    for _ in 0..4 {
        let Some(next) = again(redactor, &done, allowed, &mut counts) else { break };
        done = next;
    }
    *credit = allowed.saturating_sub(done.len()).min(1 << 20);
    if out.is_empty() {
        *out = done;
    } else {
        out.extend_from_slice(&done);
    }
    redactor.count(&counts);
}

/// Looks once more at the lines that hold a replacement, and at a few around them.
fn again(redactor: &Redactor, text: &[u8], allowed: usize, counts: &mut Counts) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let (mut copied, mut at) = (0, 0);
    while let Some((start, stop)) = marker::find(&text[at..]).map(|(start, end)| (at + start, at + end)) {
        let line = back(text, start, copied);
        let mut last = stop;
        let mut end = ahead(text, last);
        while let Some((_, next)) = marker::find(&text[last..end]).filter(|_| end - line < 64 << 10) {
            last += next;
            end = ahead(text, last);
        }
        let spans = engine::scan(redactor, &text[line..end]);
        if !spans.is_empty() {
            let out = out.get_or_insert_with(Vec::new);
            out.extend_from_slice(&text[copied..line]);
            let left = allowed.saturating_sub(out.len() + text.len() - line);
            replace(redactor, &text[line..end], &spans, out, end - line + left, counts);
            copied = end;
        }
        at = end;
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(&text[copied..]);
    }
    out
}

/// Two lines further back than the one at `at`, but not before `least`.
fn back(text: &[u8], at: usize, least: usize) -> usize {
    let mut start = at;
    for _ in 0..3 {
        start = memchr::memrchr(b'\n', &text[least..start]).map_or(least, |newline| least + newline);
    }
    if start > least { start + 1 } else { least }
}

/// Behind the line at `at` and three more. The line ends of what was replaced stand right behind it: they do not count.
fn ahead(text: &[u8], at: usize) -> usize {
    let mut end = at + text[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    for _ in 0..4 {
        end = memchr::memchr(b'\n', &text[end..]).map_or(text.len(), |newline| end + newline + 1);
    }
    end
}

fn replace(redactor: &Redactor, text: &[u8], spans: &[Span], out: &mut Vec<u8>, allowed: usize, counts: &mut Counts) {
    let numbers = &redactor.inner.numbers;
    let from = out.len();
    for detail in [Detail::Numbered, Detail::Plain, Detail::Stars] {
        out.truncate(from);
        once(text, spans, numbers, out, detail);
        if out.len() - from <= allowed {
            break;
        }
    }
    for span in spans.iter().filter(|span| !span.cont) {
        counts.add(span.rule.id);
    }
}

fn once(text: &[u8], spans: &[Span], numbers: &Numbers, out: &mut Vec<u8>, detail: Detail) {
    let mut at = 0;
    for span in spans {
        out.extend_from_slice(&text[at..span.start]);
        let secret = &text[span.start..span.end];
        if !span.cont {
            replacement(span, secret, numbers, out, detail);
        }
        // A secret of several lines keeps its line ends.
        for (index, _) in secret.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            if index > 0 && secret[index - 1] == b'\r' {
                out.push(b'\r');
            }
            out.push(b'\n');
        }
        at = span.end;
    }
    out.extend_from_slice(&text[at..]);
}

fn replacement(span: &Span, secret: &[u8], numbers: &Numbers, out: &mut Vec<u8>, detail: Detail) {
    match detail {
        Detail::Stars => out.extend_from_slice(b"***"),
        Detail::Plain => out.extend_from_slice(b"[REDACTED]"),
        Detail::Numbered => {
            // A host or an address is the same in capitals.
            let named = matches!(span.kind, "host" | "user" | "ip" | "email");
            let hash = match span.secret {
                Some(hash) => hash,
                None if named => numbers.hash(&secret.to_ascii_lowercase()),
                None => numbers.hash(secret),
            };
            let text = match numbers.of(hash) {
                Some(number) => format!("[REDACTED:{}#{number}]", span.kind),
                None => format!("[REDACTED:{}]", span.kind),
            };
            out.extend_from_slice(text.as_bytes());
        }
    }
}
