//! What names people and machines, for a bundle that goes to a stranger: host names, user names,
//! public addresses, e-mail addresses. Loopback, private ranges and the stack's own names stay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::finder::{Finder, Wanted};
use super::look;
use super::span::{Rule, Span};
use super::structure::text::{before, byte, skip_while};

const fn rule(id: &'static str, kind: &'static str, about: &'static str) -> Rule {
    Rule { id, kind, about, yes: &[], no: &[] }
}

pub(super) static HOST: Rule =
    rule("host-name", "host", "with --obfuscate: host names of this network and of others, not the stack's services");
pub(super) static USER: Rule = rule("user-name", "user", "with --obfuscate: names of people and accounts");
pub(super) static ADDRESS: Rule = rule("public-address", "ip", "with --obfuscate: public IPv4 and IPv6 addresses");
pub(super) static EMAIL: Rule = rule("e-mail", "email", "with --obfuscate: e-mail addresses");

/// Endings of names inside a house or a company.
const ENDINGS: &[&str] = &[
    ".local",
    ".lan",
    ".home",
    ".home.arpa",
    ".internal",
    ".intern",
    ".corp",
    ".fritz.box",
    ".localdomain",
    ".ts.net",
];
/// Words behind which a host or a user is named.
const HOSTS: &[&str] = &["hostname", "host", "server", "nas_ip", "workgroup", "domain", "fqdn"];
const USERS: &[&str] = &["username", "user", "login", "account", "owner", "/home/", "nas_user", "for user", "logname"];
/// Names that every installation has.
const OURS: &[&str] = &[
    "localhost",
    "postgres",
    "redis",
    "chromadb",
    "chroma",
    "ollama",
    "backend",
    "frontend",
    "tars",
    "tars_home",
    "root",
    "nobody",
    "admin",
    "default",
    "daemon",
    "docker",
    "host.docker.internal",
    "gateway.docker.internal",
    "www-data",
    "none",
    "null",
    "true",
    "false",
    "guest",
    "git",
    "name",
    "agent",
    "id",
    "the",
    "is",
    "not",
    "unknown",
    "service",
    "system",
    "sshd",
    "from",
    "for",
    "and",
    "with",
    "was",
    "has",
    "login",
];
/// Public services that say nothing about this network.
const PUBLIC: &[&str] = &[
    "docker.io",
    "github.com",
    "ghcr.io",
    "quay.io",
    "ollama.ai",
    "ollama.com",
    "huggingface.co",
    "pypi.org",
    "pythonhosted.org",
    "debian.org",
    "ubuntu.com",
    "docker.com",
    "nvidia.com",
    "npmjs.org",
    "crates.io",
    "example.com",
    "example.org",
    "w3.org",
    "slack.com",
    "discord.com",
    "telegram.org",
    "googleapis.com",
];

#[derive(Clone, Copy)]
enum What {
    Ending,
    Host,
    User,
    Url,
}

static ANCHORS: LazyLock<(Finder, Vec<What>)> = LazyLock::new(|| {
    let mut all: Vec<(&str, What)> = vec![("://", What::Url)];
    all.extend(ENDINGS.iter().map(|text| (*text, What::Ending)));
    all.extend(HOSTS.iter().map(|text| (*text, What::Host)));
    all.extend(USERS.iter().map(|text| (*text, What::User)));
    let wanted = all.iter().map(|(text, _)| Wanted::new(text.as_bytes(), true)).collect();
    (Finder::new(wanted), all.into_iter().map(|(_, what)| what).collect())
});

/// Adds everything that names somebody.
pub(super) fn find(text: &[u8], out: &mut Vec<Span>) {
    for at in memchr::memchr_iter(b'@', text) {
        email(text, at, out);
    }
    for at in memchr::memchr2_iter(b'.', b':', text) {
        address(text, at, out);
    }
    let (finder, what) = &*ANCHORS;
    finder.find(text, |index, at| match what[index] {
        What::Ending => ending(text, at, out),
        What::Host => named(text, at, &HOST, out),
        What::User => named(text, at, &USER, out),
        What::Url => url(text, at + 3, out),
    });
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' || byte == b'_'
}

fn email(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let start =
        at - text[..at].iter().rev().take(64).take_while(|byte| is_label(**byte) || b"%+".contains(byte)).count();
    let mut end = skip_while(&text[..text.len().min(at + 200)], at + 1, |byte| is_label(byte) && byte != b'_');
    while end > at && b".-".contains(&text[end - 1]) {
        end -= 1;
    }
    let domain = &text[at + 1..end.max(at + 1)];
    let top = domain.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if start < at
        && domain.contains(&b'.')
        && top.len() > 1
        && top.iter().all(u8::is_ascii_alphabetic)
        && before(text, start) != b':'
    {
        out.push(Span::new(start, end, &EMAIL));
    }
}

/// An address around its first `.` or `:`.
fn address(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let start = at - text[..at].iter().rev().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    if start == at || b".:-_".contains(&before(text, start)) || before(text, start).is_ascii_alphanumeric() {
        return;
    }
    let mark = text[at];
    let part = |byte: u8| {
        if mark == b'.' { byte.is_ascii_digit() || byte == b'.' } else { byte.is_ascii_hexdigit() || byte == b':' }
    };
    let mut end = skip_while(&text[..text.len().min(start + 48)], start, part);
    while end > start && text[end - 1] == mark && !(mark == b':' && end > 1 && text[end - 2] == b':') {
        end -= 1;
    }
    let Ok(word) = std::str::from_utf8(&text[start..end]) else { return };
    if byte(text, end).is_ascii_alphanumeric() || byte(text, end) == b'_' {
        return;
    }
    match word.parse() {
        Ok(IpAddr::V4(address)) if is_public_v4(address) => out.push(Span::new(start, end, &ADDRESS)),
        Ok(IpAddr::V6(address)) if is_public_v6(address) => out.push(Span::new(start, end, &ADDRESS)),
        _ => {}
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let local = address.is_private() || address.is_loopback() || address.is_link_local();
    let nobodys = shared || address.is_documentation() || a == 0 || a >= 224;
    !local && !nobodys
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    first & 0xe000 == 0x2000 && !(first == 0x2001 && address.segments()[1] == 0x0db8)
}

/// `nas.home.arpa`: a name with a house's ending.
fn ending(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let start = at - text[..at].iter().rev().take(120).take_while(|byte| is_label(**byte)).count();
    let end = skip_while(text, at, is_label);
    let known = ENDINGS.iter().any(|ending| text[at..end].to_ascii_lowercase().ends_with(ending.as_bytes()));
    if start < at && known && !ours(&text[start..end]) {
        out.push(Span::new(start, end, &HOST));
    }
}

/// The host of a URL, unless it is a service's or an address.
fn url(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let word = skip_while(&text[..text.len().min(at + 300)], at, |byte| {
        !byte.is_ascii_whitespace() && !b"/\"'<>?#,".contains(&byte)
    });
    let start = text[at..word].iter().rposition(|byte| *byte == b'@').map_or(at, |sign| at + sign + 1);
    let end = skip_while(&text[..word], start, is_label);
    let host = &text[start..end];
    let number = host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if host.contains(&b'.') && !number && !ours(host) {
        out.push(Span::new(start, end, &HOST));
    }
}

/// `host=nas`, `user "alice"`, `/home/alice`.
fn named(text: &[u8], at: usize, rule: &'static Rule, out: &mut Vec<Span>) {
    let path = text[at] == b'/';
    if !path && (before(text, at).is_ascii_alphabetic() || before(text, at) == b'.') {
        return;
    }
    let word = if path { at + 6 } else { skip_while(text, at, |byte| byte.is_ascii_alphabetic() || byte == b'_') };
    let word = if text[at..].to_ascii_lowercase_start(b"for user") { at + 8 } else { word };
    let glue = skip_while(text, word, |byte| b"\"'=: ".contains(&byte));
    let end = skip_while(text, glue, is_label);
    let spaced = text[word..glue].iter().all(|byte| *byte == b' ');
    let quoted = text[word..glue].iter().any(|byte| b"\"'".contains(byte));
    let asked = text[at..].to_ascii_lowercase_start(b"for user");
    if end <= glue || (!path && (glue == word || spaced && !asked && !quoted)) {
        return;
    }
    let mut stop = end;
    while stop > glue && b".-".contains(&text[stop - 1]) {
        stop -= 1;
    }
    let value = &text[glue..stop];
    let number = value.iter().all(|byte| byte.is_ascii_digit() || b".:".contains(byte));
    if value.len() > 1 && !number && !ours(value) && !look::is_placeholder(value, true) {
        out.push(Span::new(glue, stop, rule));
    }
}

trait Start {
    fn to_ascii_lowercase_start(&self, start: &[u8]) -> bool;
}

impl Start for [u8] {
    fn to_ascii_lowercase_start(&self, start: &[u8]) -> bool {
        self.len() >= start.len() && self[..start.len()].eq_ignore_ascii_case(start)
    }
}

fn ours(name: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
    OURS.contains(&lower.as_str())
        || lower.starts_with("tars-")
        || PUBLIC.iter().any(|host| lower == *host || lower.ends_with(&format!(".{host}")))
}
