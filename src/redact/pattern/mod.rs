//! Layer three: what looks like a secret by itself.

pub(super) mod blob;
pub(super) mod form;
pub(super) mod jwt;
pub(super) mod keyblock;
pub(super) mod random;
pub(super) mod tokens;

use form::Part;
use tokens::{TOKENS, Token};

use super::span::Span;

/// A form ready to be tried where its first letters were found.
pub(super) struct Candidate {
    token: &'static Token,
    parts: Vec<Part<'static>>,
}

/// Every form with the letters by which it is found.
pub(super) fn candidates() -> Vec<(&'static str, Candidate)> {
    let mut all = Vec::new();
    for token in TOKENS {
        for form in token.forms {
            let parts = form::parts(form);
            if let Some(Part::Literal(first)) = parts.first() {
                all.push((*first, Candidate { token, parts }));
            }
        }
    }
    all
}

impl Candidate {
    /// Adds a span if the form is there.
    pub fn find(&self, text: &[u8], at: usize, out: &mut Vec<Span>) {
        let glued = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_' || text[at - 1] == b'-');
        if glued && !self.token.inside && !starts_value(text, at) {
            return;
        }
        if let Some((start, end)) = form::matches(&self.parts, text, at) {
            let secret = &text[start..end];
            // `sk-learn-contrib-package` is made of words: a token has digits.
            let mix = super::look::mix(secret);
            if self.token.inside || mix.digit > 0 || (mix.upper > 2 && mix.lower > 2) {
                out.push(Span::new(start, end, &self.token.rule));
            }
        }
    }
}

/// Whether the letters before are an escape (`\n`, `%3D`), not a part of the word.
fn starts_value(text: &[u8], at: usize) -> bool {
    at >= 2 && text[at - 2] == b'\\' || at >= 3 && text[at - 3] == b'%'
}
