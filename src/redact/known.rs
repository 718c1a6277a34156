//! Layer one: values the operator's own files call secret, wherever and however they re-appear.
//!
//! One finder holds every value in every encoding that hides its letters: base64 at each
//! alignment, base64 of that, UTF-16, hexadecimal, shell and SQL quoting. Escapes that can be undone
//! byte by byte (URL, JSON, XML) need no pattern: the engine searches the decoded line too.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::number::Numbers;
use super::span::{Rule, Span};
use super::value;

pub(super) static KNOWN: Rule = Rule {
    id: "known-value",
    kind: "secret",
    about: "a value that the env file, compose or a credentials file calls secret, in any encoding",
    yes: &[],
    no: &[],
};

/// Longer values are cut into pieces of this many bytes: adjacent pieces cover the whole.
const PIECE: usize = 512;

/// A value to hide. Not `Debug`: nothing may print it.
#[derive(Clone)]
pub(super) struct Value {
    /// The setting that holds it.
    pub name: Arc<str>,
    pub kind: &'static str,
    pub secret: Vec<u8>,
}

/// One form of a known value.
pub(super) struct Pattern {
    pub text: Vec<u8>,
    pub name: Arc<str>,
    pub kind: &'static str,
    hash: u64,
    form: Form,
}

/// How far a match reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// Exactly the match.
    Exact,
    /// Only as a word of its own: the value is short or looks like a word.
    Word,
    /// The whole base64 run around it, whose first and last letters also carry bits of the secret.
    Base64,
}

/// Every form of every value.
pub(super) fn patterns(values: &[Value], numbers: &Numbers) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    let mut seen = BTreeSet::new();
    for value in values {
        // A name of a machine or a person is the same in capitals.
        let named = matches!(value.kind, "host" | "user");
        let hash = if named { numbers.hash(&value.secret.to_ascii_lowercase()) } else { numbers.hash(&value.secret) };
        for (text, form) in forms(&value.secret) {
            if seen.insert(text.clone()) {
                patterns.push(Pattern { text, name: value.name.clone(), kind: value.kind, hash, form });
            }
        }
    }
    patterns
}

impl Pattern {
    /// Adds the span of the occurrence at `start`.
    pub fn find(&self, text: &[u8], start: usize, out: &mut Vec<Span>) {
        let end = start + self.text.len();
        let (start, end) = match self.form {
            Form::Exact => (start, end),
            Form::Word if value::is_word_of_its_own(text, start, end) => (start, end),
            Form::Word => return,
            Form::Base64 => value::run(text, start, end, value::is_base64),
        };
        let mut span = Span::new(start, end, &KNOWN).kind(self.kind);
        span.secret = Some(self.hash);
        out.push(span);
    }
}

fn forms(secret: &[u8]) -> Vec<(Vec<u8>, Form)> {
    let mut forms = Vec::new();
    let mut parts: Vec<&[u8]> = vec![secret, secret.trim_ascii()];
    parts.extend(secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.len() >= 12));
    for part in parts {
        match value::presence(part) {
            value::Presence::Anywhere => anywhere(part, &mut forms),
            value::Presence::Word => forms.push((part.to_vec(), Form::Word)),
            value::Presence::Nowhere => {}
        }
    }
    forms
}

fn anywhere(part: &[u8], forms: &mut Vec<(Vec<u8>, Form)>) {
    if part.len() > 2 * PIECE {
        for piece in part.chunks(PIECE) {
            let from = part.len() - PIECE;
            anywhere(if piece.len() < PIECE { &part[from..] } else { piece }, forms);
        }
        return;
    }
    forms.extend(quoted(part).into_iter().map(|text| (text, Form::Exact)));
    let percent = percent_encode(part, NON_ALPHANUMERIC).to_string().into_bytes();
    for plain in [part, &percent] {
        for core in base64_cores(plain) {
            if core.len() >= 12 {
                forms.extend(base64_cores(&core).into_iter().map(|twice| (twice, Form::Base64)));
            }
            forms.push((core, Form::Base64));
        }
    }
    let wide: Vec<u8> = part.iter().flat_map(|byte| [*byte, 0]).collect();
    forms.extend(base64_cores(&wide).into_iter().map(|core| (core, Form::Base64)));
    for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
        let digit = |four: u8| digits[usize::from(four)];
        let hex = part.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        forms.push((hex, Form::Exact));
    }
}

/// The value as shells, SQL and compose files write it.
fn quoted(part: &[u8]) -> Vec<Vec<u8>> {
    let replace = |byte: u8, with: &[u8]| -> Vec<u8> {
        part.iter().flat_map(|b| if *b == byte { with.to_vec() } else { vec![*b] }).collect()
    };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(byte);
    let escaped = part.iter().flat_map(|b| if plain(b) { vec![*b] } else { vec![b'\\', *b] }).collect();
    vec![
        part.to_vec(),
        replace(b'\'', b"''"),
        replace(b'\'', b"'\\''"),
        replace(b'\'', b"'\"'\"'"),
        replace(b'"', b"\"\""),
        replace(b'$', b"$$"),
        replace(b'%', b"%%"),
        replace(b' ', b"+"),
        replace(b'\n', b"\r\n"),
        escaped,
    ]
}

/// What every base64 text that contains `plain` at any offset must contain.
fn base64_cores(plain: &[u8]) -> Vec<Vec<u8>> {
    let mut cores = Vec::new();
    for offset in 0..3 {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(plain);
        let whole = padded.len() / 3 * 3;
        let skip = [0, 2, 3][offset];
        for text in [STANDARD_NO_PAD.encode(&padded[..whole]), URL_SAFE_NO_PAD.encode(&padded[..whole])] {
            let core = text.as_bytes().get(skip..).unwrap_or_default().to_vec();
            if core.len() >= 7 && !cores.contains(&core) {
                cores.push(core);
            }
        }
    }
    cores
}
