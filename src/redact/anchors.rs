//! One automaton finds every place where a rule could begin; only there is anything looked at.
//!
//! Names, tokens, URLs and tools are all found in a single pass, so that a million lines without a
//! secret cost little more than reading them.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::pattern::keyblock::{self, Quiet};
use super::pattern::{self, Candidate, jwt};
use super::span::Span;
use super::structure::{header, pair, tool, url};

/// What may begin where an anchor stands.
enum What {
    Name,
    Scheme,
    Sign,
    Bearer,
    Jwt,
    Begin,
    End,
    Putty,
    Tool(usize),
    Token(Candidate),
}

/// Letters that occur in every name of a secret.
const NAMES: &[&str] = &[
    "pass", "pwd", "pw", "psk", "secret", "token", "key", "cred", "auth", "cookie", "session", "sess", "sid", "otp", "jwt", "sign", "sig",
    "salt", "seed", "mnemonic", "kennwort", "senha", "contrase", "wachtwoord", "haslo", "mdp", "code", "license", "licence", "community", "pin", "private",
    "webhook", "rootpw",
];

struct Anchors {
    automaton: AhoCorasick,
    what: Vec<What>,
}

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    let mut all: Vec<(&str, What)> = NAMES.iter().map(|name| (*name, What::Name)).collect();
    all.extend([("://", What::Scheme), ("@", What::Sign), ("bearer ", What::Bearer), ("basic ", What::Bearer), ("eyj", What::Jwt)]);
    all.extend([("--begin ", What::Begin), ("-- begin ", What::Begin), ("--end ", What::End), ("-- end ", What::End), ("private-lines:", What::Putty)]);
    all.extend(tool::names().enumerate().map(|(row, name)| (name, What::Tool(row))));
    all.extend(pattern::candidates().into_iter().map(|(first, candidate)| (first, What::Token(candidate))));
    let (texts, what): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(texts)
        .expect("a few hundred short patterns fit an automaton");
    Anchors { automaton, what }
});

/// Every span that begins at an anchor; bodies of public armour are remembered in `quiet`.
pub(super) fn find(text: &[u8], quiet: &mut Quiet, out: &mut Vec<Span>) {
    let mut named = 0;
    for found in ANCHORS.automaton.find_overlapping_iter(text) {
        let at = found.start();
        match &ANCHORS.what[found.pattern().as_usize()] {
            What::Name if at < named => {}
            What::Name => named = pair::find(text, at, found.end(), out),
            What::Scheme => url::scheme(text, at, out),
            What::Sign => url::sign(text, at, out),
            What::Bearer => header::scheme(text, at, found.end(), out),
            What::Jwt if text[at..].starts_with(b"eyJ") => jwt::find(text, at, out),
            What::Jwt => {}
            What::Begin => keyblock::begin(text, at, out, quiet),
            What::End => keyblock::end(text, at, out, quiet),
            What::Putty => keyblock::putty(text, at, out),
            What::Tool(row) => tool::find(text, *row, at, out),
            What::Token(candidate) => candidate.find(text, at, out),
        }
    }
}
