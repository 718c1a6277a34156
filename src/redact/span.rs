//! A stretch of text that must go, and the rule that says so.
//!
//! Finders only add spans; they never edit. Overlaps become one span, so that two rules which see
//! different halves of a secret together hide all of it.

/// A rule of the engine: what the table in `docs/SUPPORT_BUNDLE.md` prints and the tests try.
///
/// Examples are templates (`{a20}` = 20 letters and digits, see `example.rs`), because a forge's
/// secret scanner would object to the real thing.
#[derive(Debug)]
pub struct Rule {
    /// Stable name, counted by in `--json`.
    pub id: &'static str,
    /// What stands in the replacement: `[REDACTED:kind#n]`.
    pub kind: &'static str,
    /// What it finds, for people.
    pub about: &'static str,
    /// Texts it must change: every `{…}` in them must go.
    pub yes: &'static [&'static str],
    /// Texts the whole engine must leave alone.
    pub no: &'static [&'static str],
}

/// Byte range `start..end` of the scanned text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
    pub rule: &'static Rule,
    pub kind: &'static str,
    /// Hash of a known value, so that each of its encodings gets the same number.
    pub secret: Option<u64>,
    /// Continues the span before it (a later line of a block): goes without a replacement of its own.
    pub cont: bool,
}

impl Span {
    pub fn new(start: usize, end: usize, rule: &'static Rule) -> Self {
        Self { start, end, rule, kind: rule.kind, secret: None, cont: false }
    }

    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub fn cont(mut self, cont: bool) -> Self {
        self.cont = cont;
        self
    }
}

/// Sorts and joins: afterwards spans are in order and do not overlap.
pub(super) fn merge(spans: &mut Vec<Span>) {
    spans.retain(|span| span.start < span.end);
    spans.sort_by_key(|span| (span.start, usize::MAX - span.end));
    let mut kept: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans.drain(..) {
        match kept.last_mut() {
            Some(last) if span.start < last.end => {
                if span.end > last.end {
                    last.end = span.end;
                    last.secret = None;
                } else if span.start == last.start && span.end == last.end {
                    last.secret = last.secret.or(span.secret);
                }
                last.cont &= span.cont;
            }
            _ => kept.push(span),
        }
    }
    *spans = kept;
}
