//! A secret name and a value with nothing but a blank between: directives, flags, SQL, sentences.

use super::extent::{self, Around, Extent};
use super::glue;
use super::pair::{self, Name, PAIR};
use super::text::{before, byte, line_end, line_start, next_line, quote, skip_blanks, skip_while, trim};
use crate::look;
use crate::name::Grade;
use crate::span::Span;

/// Settings of servers that take their secret as the next word, whatever it looks like.
const DIRECTIVES: &[&str] = &[
    "requirepass",
    "masterauth",
    "primaryauth",
    "bindpw",
    "rootpw",
    "rocommunity",
    "rwcommunity",
    "ansible_become_pass",
    "rpcpassword",
    "db_password",
    "shared-secret",
    "auth_pass",
    "auth-pass",
    "pre-shared-key",
    "insecure-password",
];

/// Whether any word behind this name is its value.
pub(super) fn is_directive(name: &[u8]) -> bool {
    DIRECTIVES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Words between the name and the value in a sentence.
const VERBS: &[&str] = &[
    "is", "was", "are", "ist", "war", "lautet", "est", "es", "è", "now", "to", "set", "will", "be", "it", "=", "used",
    "changed", "became", "equals", "wurde", "heisst", "heißt", "reads", "named", "called", "value", "too",
];

/// Whether a sentence goes on from a secret's name to its value with this word.
pub(super) fn is_link(word: &[u8]) -> bool {
    let word = String::from_utf8_lossy(word).to_lowercase();
    VERBS.contains(&word.trim_end_matches(':'))
        || matches!(word.as_str(), "for" | "of" | "by" | "with" | "fue" | "fur" | "für")
}

pub(super) fn find(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) {
    let word = &text[name.start..name.end];
    let flag = glue::is_flag(text, name.start);
    if !flag && (byte(text, at) == b'[' || at >= line_end(text, at)) {
        return;
    }
    let opened = byte(text, at) == b'{' && name.grade == Grade::Strong;
    if opened && super::block::find(text, name, glue::Glue::Colon, at, extent::around(text, name.start), out) {
        return;
    }
    let around = extent::around(text, name.start);
    if flag {
        return flagged(text, name, at, around, out);
    }
    if spoken(text, name, at, out) || attribute(text, name, at, out) {
        return;
    }
    // `password 7 0822455D0A16`, `secret 5 $1$…`: the kind of encryption first.
    let kind = byte(text, at).is_ascii_digit() && byte(text, at + 1) == b' ';
    // ("db_password   3 months ago" is a row of a list.)
    if kind && text[at + 2..blank(text, at + 2, line_end(text, at))].iter().all(u8::is_ascii_lowercase) {
        return;
    }
    let at = if kind && name.grade == Grade::Strong { at + 2 } else { at };
    let lower = String::from_utf8_lossy(word).to_ascii_lowercase();
    if DIRECTIVES.contains(&lower.as_str()) || is_netrc(text, name, &lower) || is_protocol(text, name, word) {
        return directive(text, name, at, around, &lower, out);
    }
    if let Some(value) = quoted_value(text, at) {
        // `resource "random_password" "db" {`
        if quote(text, name.end).is_some() && byte(text, skip_blanks(text, value.end + 1)) == b'{' {
            return;
        }
        // `password "Auth" "x"`: what it is for, then itself.
        let second = quoted_value(text, skip_blanks(text, value.end + 1)).filter(|next| next.start > value.end + 2);
        return sentence_or_secret(text, name, second.unwrap_or(value), out);
    }
    // "the token (x)"
    let at = at + usize::from(byte(text, at) == b'(' && name.grade == Grade::Strong);
    let mut end = extent::bare(text, at, around);
    if before(text, at) == b'(' {
        end = text[at..end].iter().position(|byte| *byte == b')').map_or(end, |close| at + close);
    }
    let value = &text[at..end];
    if around.leading && is_upper(word) && look::is_one_password(value) {
        return push(text, name, at, end, out);
    }
    if around.leading && is_upper(word) && look::is_loose(value)
        || name.grade == Grade::Strong && is_bare_secret(text, name, value)
    {
        return push(text, name, at, end, out);
    }
    prose(text, name, at, around, out);
}

/// `--password x`, also with its value on the next line of a list.
fn flagged(text: &[u8], name: &Name, at: usize, around: Around, out: &mut Vec<Span>) {
    let eol = line_end(text, at);
    let mut at = skip_while(text, at, |byte| b" \t\r\n\\".contains(&byte));
    let item = text[at.min(text.len())..].starts_with(b"- ");
    // On the next line only behind a backslash, in a list, or where it can be nothing else.
    let next = at > eol && before(text, eol) != b'\\' && !item && quote(text, at).is_none();
    if next && !look::is_loose(&text[at.min(text.len())..line_end(text, at.min(text.len()))]) {
        return;
    }
    if item {
        at = skip_blanks(text, at + 2);
    }
    if byte(text, at) == b'-' && !look::is_random(&text[at..extent::bare(text, at, around)]) || at >= text.len() {
        return;
    }
    let value = match quoted_value(text, at) {
        Some(value) => value,
        None => Extent { start: at, end: extent::bare(text, at, around), quoted: false },
    };
    let secret = &text[value.start..value.end];
    // A manual's `[--password PASSWORD]`.
    let bare = secret.strip_suffix(b"]").unwrap_or(secret);
    if bare.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
        && text[name.start..name.end].to_ascii_uppercase().ends_with(bare)
    {
        return;
    }
    if matches!(secret, b"for" | b"is" | b"to" | b"and" | b"or" | b"option" | b"flag" | b"requires" | b"was") {
        return;
    }
    pair::take(text, name, value, out);
}

/// `"AUTH" "x"`, `"AUTH" "user" "x"`, `"HELLO" "3" "AUTH" "user" "x"`, as Redis shows its commands.
fn spoken(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) -> bool {
    if &text[name.start..name.end] != b"AUTH" || before(text, name.start) != b'"' || byte(text, name.end) != b'"' {
        return false;
    }
    let Some(first) = quoted_value(text, at) else { return false };
    let second = quoted_value(text, skip_blanks(text, first.end + 1)).filter(|next| next.start == first.end + 3);
    let value = second.unwrap_or(first);
    if !look::is_placeholder(&text[value.start..value.end], true) {
        push(text, name, value.start, value.end, out);
    }
    true
}

/// `name="password" value="x"`, `<entry name="x">value<`, `key: 'password', 'value': 'x'` on one or two lines.
fn attribute(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) -> bool {
    let quoted = matches!(before(text, name.start), b'"' | b'\'') && byte(text, name.end) == before(text, name.start);
    if !quoted {
        return false;
    }
    super::named::value(text, name, at, out)
}

fn quoted_value(text: &[u8], at: usize) -> Option<Extent> {
    let raw = usize::from(b"bBuUEN".contains(&byte(text, at)) && matches!(byte(text, at + 1), b'\'' | b'"'));
    quote(text, at + raw)?;
    extent::quoted(text, at + raw, false).filter(|value| value.end > value.start)
}

/// `PASSWORD 'x'` is a secret; `key "users_pkey"` and `password "must be long"` are not.
fn sentence_or_secret(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let secret = &text[value.start..value.end];
    let words = secret.split(|byte| *byte == b' ').count();
    let lower = secret.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ');
    let label =
        name.kind != "password" && !secret.iter().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if label || words > 5 || (words > 1 && !lower && !look::is_loose(secret)) {
        return;
    }
    pair::take(text, name, value, out);
}

/// The next word, or the one after a user's name.
fn directive(text: &[u8], name: &Name, at: usize, around: Around, lower: &str, out: &mut Vec<Span>) {
    let eol = line_end(text, at);
    let (mut start, mut last) = (at, (at, at));
    let mut words = 0;
    // `rootpw --plaintext x`
    while text[start..eol].starts_with(b"--") {
        start = skip_blanks(text, blank(text, start, eol));
    }
    while start < eol && words < 2 {
        let value = quoted_value(text, start);
        let end = value.map_or_else(|| blank(text, start, eol), |value| value.end);
        let start_of = value.map_or(start, |value| value.start);
        let secret = &text[start_of..end];
        let sure = !matches!(lower, "auth" | "pass" | "password" | "auth-pass") || look::is_loose(secret);
        last = (start_of, end);
        if sure && lower != "auth-pass" || words == 1 && lower == "auth-pass" {
            return push(text, name, start_of, end, out);
        }
        if lower == "password" || (lower == "pass" && !around.leading) {
            break;
        }
        words += 1;
        start = skip_blanks(text, end + usize::from(value.is_some()));
    }
    match lower {
        // PASS takes the rest of the line; a .netrc password any word.
        "pass" if around.leading => push(text, name, at, eol, out),
        "password" => push(text, name, last.0, last.1, out),
        _ => {}
    }
}

fn blank(text: &[u8], at: usize, eol: usize) -> usize {
    at + text[at..eol]
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b';'))
        .unwrap_or(eol - at)
}

/// `machine x login y password z`.
fn is_netrc(text: &[u8], name: &Name, lower: &str) -> bool {
    let line = &text[line_start(text, name.start)..name.start];
    lower == "password"
        && [&b"login "[..], b"machine ", b"username ", b"neighbor "]
            .iter()
            .any(|word| memchr::memmem::find(line, word).is_some())
}

/// `PASS x`, `AUTH x` as POP3, FTP and Redis speak: upper-case.
fn is_protocol(text: &[u8], name: &Name, word: &[u8]) -> bool {
    matches!(word, b"PASS" | b"AUTH") && !before(text, name.start).is_ascii_alphanumeric()
}

fn is_upper(word: &[u8]) -> bool {
    word.len() > 4 && word.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// A bare word that can hardly be anything else.
fn is_bare_secret(text: &[u8], name: &Name, value: &[u8]) -> bool {
    let value = value.strip_suffix(b".").or(value.strip_suffix(b",")).unwrap_or(value);
    let bare = value.strip_suffix(b"=").unwrap_or(value);
    if before(text, name.start) == b'/' || bare.contains(&b'=') {
        return false;
    }
    if name.kind == "code" && (4..9).contains(&value.len()) && value.iter().all(u8::is_ascii_digit) {
        return true;
    }
    look::is_loose(value) && !look::is_uuid(value)
}

/// "password is x", "password for tars: x".
fn prose(text: &[u8], name: &Name, at: usize, around: Around, out: &mut Vec<Span>) {
    let eol = line_end(text, at).min(at + 80);
    if name.grade != Grade::Strong {
        if text[name.start..name.end].eq_ignore_ascii_case(b"login") {
            nearby(text, at, name, out);
        }
        return;
    }
    if nearby(text, at, name, out) {
        return;
    }
    let (mut start, mut verbs) = (at, 0);
    for _ in 0..4 {
        let end = blank(text, start, eol);
        let word = String::from_utf8_lossy(&text[start..end]).to_lowercase();
        if !VERBS.contains(&word.trim_end_matches(':')) {
            break;
        }
        verbs += 1;
        start = skip_blanks(text, end);
    }
    if verbs > 0 && said(text, name, start, around, out) {
        return;
    }
    let end = line_end(text, at);
    if end > at && text[end - 1] == b':' && end - at < 80 {
        super::block::find(text, name, glue::Glue::Colon, end, around, out);
        return;
    }
    // A colon further on, with only a few words between.
    if matches!(&text[at..eol.min(at + 3)], b"for" | b"of " | b"(ro" | b"fue" | b"fur" | b"f\xc3\xbc" | b"to ")
        && let Some(colon) = text[at..eol].iter().position(|byte| *byte == b':')
    {
        let start = skip_blanks(text, at + colon + 1);
        if start < line_end(text, at) && byte(text, at + colon + 1) == b' ' {
            let end = line_end(text, start);
            // "Password for user tars: x": behind the colon one word, and the line is over.
            if !said(text, name, start, around, out) && look::is_one_password(&text[start..end]) {
                push(text, name, start, end, out);
            }
        } else if start >= line_end(text, at) {
            super::block::find(text, name, glue::Glue::Colon, start, around, out);
        }
    }
}

/// "Reset password for admin to x", "password for role r is x": a generated word further on the line.
fn nearby(text: &[u8], at: usize, name: &Name, out: &mut Vec<Span>) -> bool {
    let eol = line_end(text, at).min(at + 120);
    let mut next = at;
    for word in text[at..eol].split(|byte| byte.is_ascii_whitespace() || b"\"',;".contains(byte)) {
        let word_end = next + word.len();
        let whole = word.strip_suffix(b".").unwrap_or(word);
        // `tars/password`
        let user = whole.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let skip = if user > 0 && whole.get(user) == Some(&b'/') { user + 1 } else { 0 };
        let (from, bare) = (next + skip, &whole[skip..]);
        if (look::is_generated(bare) || look::is_scrambled(bare)) && !look::is_uuid(bare) {
            out.push(Span::new(from, from + bare.len(), &PAIR).kind(name.kind));
            return true;
        }
        next = word_end + 1;
    }
    false
}

fn said(text: &[u8], name: &Name, start: usize, around: Around, out: &mut Vec<Span>) -> bool {
    if let Some(value) = quoted_value(text, start) {
        sentence_or_secret(text, name, value, out);
        return true;
    }
    let mut end = extent::bare(text, start, around);
    while end > start && b".,:;".contains(&text[end - 1]) {
        end -= 1;
    }
    let word = &text[start..end];
    if look::is_loose(word) || (name.kind == "code" && word.len() >= 4 && word.iter().all(u8::is_ascii_digit)) {
        push(text, name, start, end, out);
        return true;
    }
    false
}

fn push(text: &[u8], name: &Name, start: usize, end: usize, out: &mut Vec<Span>) {
    if start < end && !look::is_placeholder(&text[start..end], false) {
        out.push(Span::new(start, end, &PAIR).kind(name.kind));
    }
}

/// Whether a word alone names a secret.
pub(super) fn is_strong(name: &[u8]) -> bool {
    crate::name::grade(name) == Grade::Strong
}

/// "Your … code is: 123456".
fn code_behind(text: &[u8], at: usize, out: &mut Vec<Span>) -> bool {
    let Some(rest) = text[at..].strip_prefix(b" is").map(|rest| text.len() - rest.len()) else { return false };
    let start = skip_while(text, rest, |byte| b": ".contains(&byte));
    let end = skip_while(text, start, |byte| byte.is_ascii_digit());
    let lead = text[line_start(text, at).max(at.saturating_sub(80))..at].to_ascii_lowercase();
    let yours = memchr::memmem::find(&lead, b"your ").is_some() && !byte(text, end).is_ascii_alphanumeric();
    if yours && (4..9).contains(&(end - start)) {
        out.push(Span::new(start, end, &PAIR).kind("code"));
    }
    yours
}

/// "Enter this code to finish signing in:" and, below it, nothing but digits.
pub(super) fn code_below(text: &[u8], word: &[u8], at: usize, out: &mut Vec<Span>) {
    let eol = line_end(text, at);
    let asks = [&b"code"[..], b"pin", b"codes"].iter().any(|name| word.eq_ignore_ascii_case(name));
    if asks && code_behind(text, at, out) {
        return;
    }
    if !asks || before(text, eol) != b':' {
        return;
    }
    let mut line = next_line(text, eol);
    for _ in 0..3 {
        let Some(next) = line else { return };
        let (start, end) = trim(text, next, line_end(text, next));
        let digits = text[start..end].iter().filter(|byte| byte.is_ascii_digit()).count();
        let other = text[start..end].iter().any(|byte| !byte.is_ascii_digit() && !b" -".contains(byte));
        if (4..10).contains(&digits) && !other {
            out.push(Span::new(start, end, &PAIR).kind("code"));
        }
        if start < end {
            return;
        }
        line = next_line(text, end);
    }
}
