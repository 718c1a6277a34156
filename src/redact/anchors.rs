//! One pass finds every place where a rule could begin; only there is anything looked at.
//!
//! Names, tokens, URLs and tools are all found in a single pass, so that a million lines without a
//! secret cost little more than reading them.

use super::finder::{Finder, Wanted};
use super::known::Pattern;
use super::pattern::keyblock::{self, Quiet};
use super::pattern::{self, Candidate, jwt};
use super::span::Span;
use super::structure::{account, header, pair, place, special, tool, url};

/// What may begin where an anchor stands.
enum What {
    Name,
    Known(Pattern),
    Scheme,
    Bearer,
    Jwt,
    Begin,
    End,
    Putty,
    Line(fn(&[u8], usize, &mut Vec<Span>)),
    Exact(fn(&[u8], usize, &mut Vec<Span>)),
    Tool(usize),
    Token(Candidate),
}

/// Letters that occur in every name of a secret.
const NAMES: &[&str] = &[
    "pass",
    "pw",
    "psk",
    "secret",
    "token",
    "key",
    "cred",
    "auth",
    "cookie",
    "sess",
    "sid",
    "otp",
    "jwt",
    "sig",
    "salt",
    "seed",
    "mnemonic",
    "kennwort",
    "senha",
    "contrase",
    "wachtwoord",
    "haslo",
    "mdp",
    "code",
    "license",
    "licence",
    "community",
    "pin",
    "private",
    "webhook",
    "rootpw",
    "login",
    "phrase",
    "hmac",
];

/// Every place that any rule or known value begins at.
pub(super) struct Anchors {
    finder: Finder,
    what: Vec<What>,
}

/// Anchors and known values in one pass over the text.
pub(super) fn anchors(known: Vec<Pattern>) -> Anchors {
    let mut all: Vec<(&str, What)> = NAMES.iter().chain(&pair::FOREIGN).map(|name| (*name, What::Name)).collect();
    all.extend([("://", What::Scheme), ("bearer ", What::Bearer), ("basic ", What::Bearer), ("eyJ", What::Jwt)]);
    all.extend([
        ("--begin ", What::Begin),
        ("-- begin ", What::Begin),
        ("--end ", What::End),
        ("-- end ", What::End),
        ("private-lines:", What::Putty),
    ]);
    let ports = [":*:", ":445:", ":5432:", ":5433:", ":5434:", ":6432:", ":6543:"];
    all.extend(ports.map(|text| (text, What::Line(special::pgpass))));
    all.extend(["~*", "+@", " on >", " on #"].map(|text| (text, What::Line(special::acl))));
    all.extend(["echo ", "printf "].map(|text| (text, What::Line(special::echo))));
    all.extend(["\"input\"", "input_value="].map(|text| (text, What::Line(special::input))));
    all.extend([
        ("form-data;", What::Line(special::form_data)),
        (" is your", What::Line(special::is_your)),
        (" is the ", What::Line(special::is_your)),
        (" is my ", What::Line(special::is_your)),
        (" as password", What::Line(special::is_your)),
        (":AA", What::Line(special::telegram)),
    ]);
    all.extend([
        ("]:", What::Line(account::relay)),
        (" * ", What::Line(account::chap)),
        ("monitor ", What::Line(account::monitor)),
        (":lct-", What::Line(account::lan_hashes)),
        (":::", What::Line(account::lan_hashes)),
        (" login ", What::Line(account::imap_login)),
        ("client_send", What::Line(account::client_send)),
        ("&t=", What::Line(account::query_login)),
        ("&p=", What::Line(account::query_login)),
        (" = 0x", What::Line(account::debugger)),
    ]);
    all.extend([
        ("stringdata:", What::Line(place::kubernetes)),
        ("kind: secret", What::Line(place::kubernetes)),
        ("\"result\"", What::Line(place::terraform)),
        ("key content", What::Line(place::key_content)),
        (": eap \"", What::Line(place::ipsec)),
        (": xauth \"", What::Line(place::ipsec)),
        (": ntlm \"", What::Line(place::ipsec)),
        ("send \"", What::Line(place::send)),
        ("<<<", What::Line(place::here_string)),
        ("user=", What::Line(place::cifs)),
        ("username=", What::Line(place::cifs)),
    ]);
    all.push(("WIFI:", What::Exact(place::wifi)));
    all.push(("UGFzc3dvcmQ6", What::Exact(account::asked)));
    all.extend(tool::names().enumerate().map(|(row, name)| (name, What::Tool(row))));
    all.extend(pattern::candidates().into_iter().map(|(first, candidate)| (first, What::Token(candidate))));
    let mut wanted = Vec::new();
    let mut what = Vec::new();
    for (text, kind) in all {
        wanted.push(Wanted::new(text.as_bytes(), !matches!(kind, What::Token(_) | What::Jwt | What::Exact(_))));
        what.push(kind);
    }
    for pattern in known {
        wanted.push(Wanted::new(&pattern.text, false));
        what.push(What::Known(pattern));
    }
    Anchors { finder: Finder::new(wanted), what }
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Anchors({})", self.what.len())
    }
}

impl Anchors {
    /// Every span that begins at an anchor; bodies of public armour are remembered in `quiet`.
    pub fn find(&self, text: &[u8], quiet: &mut Quiet, out: &mut Vec<Span>) {
        let mut named = 0;
        self.finder.find(text, |index, at| match &self.what[index] {
            What::Name if at < named => {}
            What::Name => named = pair::find(text, at, out),
            What::Known(pattern) => pattern.find(text, at, out),
            What::Scheme => url::scheme(text, at, out),
            What::Bearer => header::scheme(text, at, out),
            What::Jwt => jwt::find(text, at, out),
            What::Begin => keyblock::begin(text, at, out, quiet),
            What::End => keyblock::end(text, at, out, quiet),
            What::Line(find) | What::Exact(find) => find(text, at, out),
            What::Putty => keyblock::putty(text, at, out),
            What::Tool(row) => tool::find(text, *row, at, out),
            What::Token(candidate) => candidate.find(text, at, out),
        });
        for at in memchr::memchr_iter(b'@', text) {
            url::sign(text, at, out);
        }
    }
}
