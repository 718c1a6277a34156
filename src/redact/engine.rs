//! One look at a window of text: every finder, then one list of spans.

use super::Redactor;
use super::decode;
use super::marker;
use super::obfuscate;
use super::pattern::keyblock::Quiet;
use super::pattern::random;
use super::span::{self, Span};

/// How many escapes deep a secret is followed: JSON in a URL in JSON.
const DEPTH: usize = 3;

/// Everything to replace in `text`, in order and without overlaps.
pub(super) fn scan(redactor: &Redactor, text: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    level(redactor, text, DEPTH, &mut spans);
    span::merge(&mut spans);
    marker::settle(text, &mut spans);
    spans
}

fn level(redactor: &Redactor, text: &[u8], depth: usize, out: &mut Vec<Span>) {
    let mut quiet = Quiet::new();
    redactor.inner.anchors.find(text, &mut quiet, out);
    random::find(text, &quiet, &|plain| depth > 0 && hides(redactor, plain, depth - 1), out);
    if redactor.inner.obfuscate {
        obfuscate::find(text, out);
    }
    if depth > 0 {
        escaped(redactor, text, depth - 1, out);
    }
}

/// Whether decoded text holds a secret.
fn hides(redactor: &Redactor, plain: &[u8], depth: usize) -> bool {
    let mut found = Vec::new();
    level(redactor, plain, depth, &mut found);
    !found.is_empty()
}

/// Looks at lines with escapes once more, decoded.
fn escaped(redactor: &Redactor, text: &[u8], depth: usize, out: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(offset) = memchr::memchr3(b'%', b'\\', b'&', &text[at..]) {
        let here = at + offset;
        at = here + 1;
        if !decode::is_escape(&text[here..]) {
            continue;
        }
        let start = memchr::memrchr(b'\n', &text[..here]).map_or(0, |newline| newline + 1);
        let end = memchr::memchr(b'\n', &text[here..]).map_or(text.len(), |newline| here + newline);
        at = end;
        if let Some(view) = decode::view(&text[start..end]) {
            let mut found = Vec::new();
            level(redactor, &view.bytes, depth, &mut found);
            for mut span in found.into_iter().filter(|span| span.start < span.end) {
                let (from, to) = view.origin(span.start, span.end);
                (span.start, span.end) = (start + from, start + to);
                out.push(span);
            }
        }
    }
}
