//! Copies a stretch of text with its spans replaced.
//!
//! The output is never larger than twice the input: where many short secrets stand close together
//! the replacement gives up its number, then its name. Line ends inside a span stay, so line
//! numbers keep their meaning.

use super::Counts;
use super::number::Numbers;
use super::span::Span;

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
pub(super) fn write(
    text: &[u8],
    spans: &[Span],
    numbers: &Numbers,
    out: &mut Vec<u8>,
    counts: &mut Counts,
    credit: &mut usize,
) {
    let from = out.len();
    let allowed = *credit + 2 * text.len();
    for detail in [Detail::Numbered, Detail::Plain, Detail::Stars] {
        out.truncate(from);
        once(text, spans, numbers, out, detail);
        if out.len() - from <= allowed {
            break;
        }
    }
    *credit = allowed.saturating_sub(out.len() - from).min(1 << 20);
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
            let hash = span.secret.unwrap_or_else(|| numbers.hash(secret));
            let text = match numbers.of(hash) {
                Some(number) => format!("[REDACTED:{}#{number}]", span.kind),
                None => format!("[REDACTED:{}]", span.kind),
            };
            out.extend_from_slice(text.as_bytes());
        }
    }
}
