//! A name that says its value is secret, and that value, in whatever language they are written.
//!
//! One path for env files, YAML, JSON, INI, TOML, XML, code, logs, flags and tables: find the name,
//! the glue behind it, the value behind that; then ask whether the value is one.

use super::account;
use super::assign;
use super::call;
use super::extent::{self, Extent};
use super::glue::{self, Glue};
use super::header;
use super::space;
use super::table;
use super::text::{before, byte, is_name, last_byte, line_end, skip_blanks, skip_while, trim};
use crate::look;
use crate::name::{self, Grade};
use crate::span::{Rule, Span};
use crate::value::is_base64;
use base64::Engine as _;

pub(crate) static PAIR: Rule = Rule {
    id: "name-value",
    kind: "secret",
    about: "the value of a setting, field, flag or column whose name says that it is secret",
    yes: &[
        "DB_PASSWORD={a16}",
        "# export smtp_pass='{a16}'",
        "{\"apiKey\": \"{a32}\", \"n\": 1}",
        "  passphrase: {w4}",
        "tool --token {a20} --verbose",
        "requirepass {a20}",
        "the password is {p12}",
    ],
    no: &[
        "PASSWORD_FILE=/run/secrets/x",
        "password: ${DB_PASSWORD}",
        "max_tokens: 512",
        "password authentication failed for user \"tars\"",
    ],
};

/// A secret name in the text.
pub(super) struct Name {
    pub start: usize,
    pub end: usize,
    pub grade: Grade,
    pub kind: &'static str,
    /// Nothing but `auth`: as drivers call their password.
    pub auth: bool,
}

/// The word for a password in other letters.
pub(crate) const FOREIGN: [&str; 5] = ["パスワード", "密码", "пароль", "Пароль", "비밀번호"];

/// The whole name around the letters that an anchor found.
pub(super) fn name_around(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    let low = start.saturating_sub(80);
    let mut from = start - text[low..start].iter().rev().take_while(|byte| is_name(**byte)).count();
    let mut to = skip_while(&text[..text.len().min(end + 80)], end, is_name);
    while from < start && b".-".contains(&text[from]) {
        from += 1;
    }
    while to > end && b".-".contains(&text[to - 1]) {
        to -= 1;
    }
    (from, to)
}

/// Looks at the name around an anchor; gives where that name ends.
pub(crate) fn find(text: &[u8], at: usize, out: &mut Vec<Span>) -> usize {
    if let Some(word) = FOREIGN.iter().find(|word| text[at..].starts_with(word.as_bytes())) {
        let name = Name { start: at, end: at + word.len(), grade: Grade::Strong, kind: "password", auth: false };
        value_of(text, &name, out);
        return name.end;
    }
    let (mut start, mut end) = name_around(text, at, at);
    // "contraseña"
    if text[..end].ends_with(b"contrase") && text[end..].starts_with("ña".as_bytes()) {
        end += "ña".len();
    }
    if text[..start].ends_with(b"[REDACTED:") {
        return end;
    }
    account::below_heading(text, start, end, out);
    if !may_follow(text, start, end) {
        return end;
    }
    if is_tag_or_sum(text, start, end) {
        return end;
    }
    let last = &text[start..end];
    // "api key", "verification code", "recovery codes": the word before belongs to the name.
    if last.len() < 8 && before(text, start) == b' ' && is_two_words(last) {
        let word = text[..start - 1].iter().rev().take(24).take_while(|byte| byte.is_ascii_alphabetic()).count();
        start -= if word > 0 { word + 1 } else { 0 };
    }
    let (mut grade, kind) = name::read(&text[start..end]);
    // The tail of a path (`/etc/passwd:/etc/passwd`) and a test's verdict (`PASS: it works`) name nothing.
    let verdict = &text[start..end] == b"PASS" && byte(text, end) == b':';
    if grade == Grade::Strong && (before(text, start) == b'/' || verdict) {
        grade = Grade::Weak;
    }
    if grade == Grade::No {
        space::code_below(text, last, end, out);
        return end;
    }
    let auth = text[start..end].eq_ignore_ascii_case(b"auth");
    let name = Name { start, end, grade, kind, auth };
    if grade == Grade::Strong {
        table::find(text, &name, out);
        table::insert(text, &name, out);
    }
    if !in_authority(text, start) {
        value_of(text, &name, out);
    }
    end
}

/// The name of a program in a log (`passwd[99]:`), of a checksum (`checksum/secret`), of a cache (`cache key`).
fn is_tag_or_sum(text: &[u8], start: usize, end: usize) -> bool {
    let name = &text[start..end];
    let lead = &text[start.saturating_sub(80)..start];
    let has = |word: &[u8]| memchr::memmem::find(lead, word).is_some();
    name == b"passwd" && byte(text, end) == b'['
        || lead.ends_with(b"checksum/")
        || name == b"secret" && has(b"arn:aws:secretsmanager:")
        || name == b"key" && !lead.contains(&b'\n') && (has(b"cache ") || has(b"Cache "))
}

/// Whether the name is the user of a URL (`https://x-access-token:…@host`): that is another rule's.
fn in_authority(text: &[u8], start: usize) -> bool {
    let low = start.saturating_sub(64);
    let word = text[low..start]
        .iter()
        .rev()
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"?&=#;,\"'".contains(byte))
        .count();
    let before = &text[start - word..start];
    memchr::memmem::find(before, b"://").is_some_and(|at| !before[at + 3..].contains(&b'/'))
}

/// Whether what follows can be a value at all: most names in a log stand in a sentence.
fn may_follow(text: &[u8], start: usize, end: usize) -> bool {
    let next = byte(text, end);
    if next == b'<' {
        return text[end..].starts_with(b"</");
    }
    if next != b' ' && next != b'\t' {
        return !(next.is_ascii_whitespace() || b"/;!".contains(&next))
            || is_column(text, start, end)
            || before(text, start) == b'-'
            || next == b',';
    }
    let from = skip_blanks(text, end);
    let to = skip_while(&text[..text.len().min(from + 80)], from, |byte| !byte.is_ascii_whitespace());
    let word = &text[from..to];
    let plain = word.iter().all(|byte| byte.is_ascii_alphabetic() || b".,!)".contains(byte));
    !plain
        || text[end..].starts_with(b"  ")
        || last_byte(text, to) == b':'
        || is_column(text, start, end)
        || before(text, start) == b'-'
        || space::is_link(word)
        || is_exact(&text[start..end])
}

/// Whether the name is a cell of a heading, or a column of a list.
fn is_column(text: &[u8], start: usize, end: usize) -> bool {
    let next = byte(text, skip_blanks(text, end));
    let last = before(text, start);
    let bar = |byte: u8| b"|,;\t".contains(&byte) || byte == 0xe2 || byte == 0x82;
    bar(next)
        || (matches!(next, b'\n' | b'\r' | 0) && (bar(last) || b" :".contains(&last) || start == 0))
        || next == b')'
}

/// Settings and commands that take any word as their value.
fn is_exact(name: &[u8]) -> bool {
    matches!(name, b"PASS" | b"AUTH" | b"passwd") || name.eq_ignore_ascii_case(b"password") || space::is_directive(name)
}

fn is_two_words(word: &[u8]) -> bool {
    [&b"key"[..], b"keys", b"code", b"codes", b"phrase", b"id", b"seed"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn value_of(text: &[u8], name: &Name, out: &mut Vec<Span>) {
    // `name: DB_PASSWORD`, and `value: x` on the next line
    if text[..name.start].trim_ascii_end().ends_with(b":") && super::named::below(text, name, out) {
        return;
    }
    let Some((glue, at)) = glue::after(text, name.start, name.end) else { return };
    if header_of(text, name, glue, at, out) {
        return;
    }
    match glue {
        Glue::Space => space::find(text, name, at, out),
        Glue::Cell => cell(text, name, at, out),
        Glue::Tag => tag(text, name, at, out),
        Glue::Sibling => sibling(text, name, at, out),
        Glue::Comma | Glue::Paren => call::argument(text, name, glue, at, out),
        Glue::Equals | Glue::Colon => assign::value(text, name, glue, at, extent::around(text, name.start), out),
    }
}

/// Headers have values of their own form.
fn header_of(text: &[u8], name: &Name, glue: Glue, at: usize, out: &mut Vec<Span>) -> bool {
    let word = text[name.start..name.end].to_ascii_lowercase();
    if word.ends_with(b"authorization") && glue != Glue::Cell {
        header::authorization(text, at, out);
        return true;
    }
    word.ends_with(b"cookie")
        && matches!(glue, Glue::Colon | Glue::Equals)
        && header::cookies(text, at, word.starts_with(b"set"), out)
}

/// The next cell of a table row.
fn cell(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) {
    let at = skip_blanks(text, at);
    let eol = line_end(text, at);
    let bars = |i: usize| text[i] == b'|' || text[i..].starts_with("│".as_bytes());
    let end = (at..eol).find(|i| bars(*i)).unwrap_or(eol);
    let (start, end) = trim(text, at, end);
    let names = name::grade(&text[start..end]) == Grade::Strong && !look::is_loose(&text[start..end]);
    if !names && !text[start..end].contains(&b' ') || (name.grade == Grade::Strong && look::is_loose(&text[start..end]))
    {
        take(text, name, Extent { start, end, quoted: false }, out);
    }
}

/// `<name>value</name>`.
fn tag(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) {
    let end = at + text[at..text.len().min(at + 8192)].iter().position(|byte| *byte == b'<').unwrap_or(0);
    let (start, end) = trim(text, at, end);
    if text[start..end].starts_with(b"<![CDATA[") || end <= start {
        return;
    }
    take(text, name, Extent { start, end, quoted: true }, out);
}

/// `<key>name</key> <string>value</string>`, also the next cell of a table.
fn sibling(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) {
    let element = text[..name.start - 1].rsplit(|byte| *byte == b'<').next().unwrap_or_default();
    let open = skip_while(text, at, |byte| byte.is_ascii_whitespace());
    let far = text.len().min(open + 200);
    if byte(text, open) != b'<' || byte(text, open + 1) == b'/' || element.len() > 40 {
        return;
    }
    let Some(start) = text[open..far].iter().position(|byte| *byte == b'>').map(|end| open + end + 1) else { return };
    let end = start + text[start..text.len().min(start + 4096)].iter().position(|byte| *byte == b'<').unwrap_or(0);
    let (start, end) = trim(text, start, end);
    let named = element.eq_ignore_ascii_case(b"key") || element.eq_ignore_ascii_case(b"name");
    if named || look::is_one_password(&text[start..end]) {
        take(text, name, Extent { start, end, quoted: true }, out);
    }
}

/// Adds the value unless it is none.
pub(super) fn take(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let secret = &text[value.start..value.end];
    let word = text[name.start..name.end].to_ascii_lowercase();
    // Consul's and Nomad's tokens are UUIDs; a file of credentials has options behind it.
    let accessor = matches!(&word[..], b"secretid" | b"secret_id" | b"secret-id") && look::is_uuid(secret);
    let file = word.ends_with(b"credentials")
        && secret.starts_with(b"/")
        && secret.split(|byte| *byte == b',').next().is_some_and(look::is_path);
    if accessor || !file && is_secret(name, secret, value.quoted) {
        out.push(Span::new(value.start, value.end, &PAIR).kind(name.kind));
    }
}

/// `3 active`.
fn is_count(secret: &[u8]) -> bool {
    let digits = secret.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0
        && digits < 6
        && secret.len() > digits + 1
        && secret[digits..].iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ')
        && secret[digits] == b' '
}

/// `sha256:…`, all of it.
fn is_digest(secret: &[u8]) -> bool {
    let digits = secret.strip_prefix(b"sha256:").or_else(|| secret.strip_prefix(b"sha512:")).unwrap_or_default();
    digits.len() > 63 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// `user:word` in base64.
fn is_basic(secret: &[u8]) -> bool {
    let shaped = secret.len() >= 8 && secret.len() < 2048 && secret.iter().all(|byte| is_base64(*byte));
    let plain = shaped.then(|| base64::engine::general_purpose::STANDARD.decode(secret).ok()).flatten();
    plain.is_some_and(|plain| {
        let colon = plain.iter().position(|byte| *byte == b':');
        colon.is_some_and(|at| at > 0 && at + 1 < plain.len()) && plain.iter().all(|byte| (0x20..0x7f).contains(byte))
    })
}

/// Whether this can be the secret that the name announces.
pub(super) fn is_secret(name: &Name, secret: &[u8], quoted: bool) -> bool {
    let secret = secret.trim_ascii();
    if secret.is_empty()
        || look::is_placeholder(secret, quoted)
        || look::is_sentence(secret)
        || look::is_algorithm(secret)
        || name.kind != "password" && (is_digest(secret) || is_count(secret))
    {
        return false;
    }
    if name.grade == Grade::Weak {
        // Docker's `"auth": "dXNlcjp3b3Jk"`.
        if name.auth && quoted && is_basic(secret) {
            return true;
        }
        let phrase = name.auth && quoted && secret.len() > 9 && look::is_loose(secret) && !secret.contains(&b' ');
        return (phrase || look::is_random(secret)) && !look::is_uuid(secret);
    }
    let digits = secret.iter().all(u8::is_ascii_digit);
    // A long number under "token" is an id of the vocabulary, or a count.
    let least = match name.kind {
        "password" | "code" => 4,
        "token" | "key" => 10,
        _ => 6,
    };
    if name.kind == "code" && secret.len() < 4 {
        return false;
    }
    if digits {
        return secret.len() >= least;
    }
    matches!(name.kind, "password" | "code") || !look::is_quantity(secret)
}
