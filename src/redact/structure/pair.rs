//! A name that says its value is secret, and that value, in whatever language they are written.
//!
//! One path for env files, YAML, JSON, INI, TOML, XML, code, logs, flags and tables: find the name,
//! the glue behind it, the value behind that; then ask whether the value is one.

use super::block;
use super::call;
use super::extent::{self, Around, Extent};
use super::glue::{self, Glue};
use super::header;
use super::space;
use super::table;
use super::text::{before, byte, is_name, line_end, quote, skip_blanks, skip_while, trim};
use crate::redact::look;
use crate::redact::name::{self, Grade};
use crate::redact::span::{Rule, Span};

pub(in crate::redact) static PAIR: Rule = Rule {
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
}

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
pub(in crate::redact) fn find(text: &[u8], at: usize, out: &mut Vec<Span>) -> usize {
    let (mut start, end) = name_around(text, at, at);
    if text[..start].ends_with(b"[REDACTED:") || !may_follow(text, start, end) {
        return end;
    }
    let last = &text[start..end];
    // "api key", "verification code", "recovery codes": the word before belongs to the name.
    if last.len() < 8 && before(text, start) == b' ' && is_two_words(last) {
        let word = text[..start - 1].iter().rev().take(24).take_while(|byte| byte.is_ascii_alphabetic()).count();
        start -= if word > 0 { word + 1 } else { 0 };
    }
    let mut grade = name::grade(&text[start..end]);
    // The tail of a path (`/etc/passwd:/etc/passwd`) and a test's verdict (`PASS: it works`) name nothing.
    let verdict = &text[start..end] == b"PASS" && byte(text, end) == b':';
    if grade == Grade::Strong && (before(text, start) == b'/' || verdict) {
        grade = Grade::Weak;
    }
    table::find(text, start, end, out);
    if matches!(byte(text, end), b',' | b')') && b"(, \"`".contains(&before(text, start)) {
        table::insert(text, start, end, out);
    }
    if grade != Grade::No && !in_authority(text, start) {
        let kind = name::kind_of(&text[start..end]);
        value_of(text, &Name { start, end, grade, kind }, out);
    }
    end
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
    if next != b' ' && next != b'\t' {
        return !(next.is_ascii_whitespace() || b"/;!<".contains(&next))
            || is_column(text, start, end)
            || before(text, start) == b'-'
            || next == b',';
    }
    let from = skip_blanks(text, end);
    let to = skip_while(&text[..text.len().min(from + 80)], from, |byte| !byte.is_ascii_whitespace());
    let word = &text[from..to];
    let plain = word.iter().all(|byte| byte.is_ascii_alphabetic() || b".,!)".contains(byte));
    !plain
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
    bar(next) || (matches!(next, b'\n' | b'\r' | 0) && (bar(last) || last == b' ' || start == 0)) || next == b')'
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
        Glue::Comma | Glue::Paren => call::argument(text, name, glue, at, out),
        Glue::Equals | Glue::Colon => assigned(text, name, glue, at, extent::around(text, name.start), out),
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

/// `name = value`, `name: value`.
fn assigned(text: &[u8], name: &Name, glue: Glue, at: usize, around: Around, out: &mut Vec<Span>) {
    let open = skip_blanks(text, at);
    let at = wrapped(text, open);
    let eol = line_end(text, at);
    if byte(text, open) == b'(' && glue == Glue::Equals && call::credentials(text, name, open + 1, out) {
        return;
    }
    if block::find(text, name, glue, at, around, out) {
        return;
    }
    if at >= eol {
        return;
    }
    let value = if around.quote.is_some() && !is_closed(text, name) {
        // `"KEY=value"`: the quote around both.
        let quote = around.quote.unwrap_or(b'"');
        let end = (at..eol).find(|i| text[*i] == quote && before(text, *i) != b'\\').unwrap_or(eol);
        let inner = quote_inside(text, at, end);
        inner.unwrap_or(Extent { start: at, end, quoted: false })
    } else if quote(text, at).is_some() {
        let Some(value) = extent::quoted(text, at, around.leading) else { return };
        value
    } else if byte(text, at) == b'{' && glue == Glue::Equals && text[at..eol].contains(&b'}') {
        let end = at + text[at..eol].iter().position(|byte| *byte == b'}').unwrap_or(0);
        Extent { start: at + 1, end, quoted: false }
    } else {
        unquoted(text, name, glue, at, around)
    };
    // `password: str = "x"`: the value of a typed name stands behind the next sign.
    let after = skip_blanks(text, value.end);
    if glue == Glue::Colon && !value.quoted && byte(text, after) == b'=' && byte(text, after + 1) != b'=' {
        let rest = skip_blanks(text, after + 1);
        if let Some(value) = extent::quoted(text, rest, false) {
            take(text, name, value, out);
        }
        return;
    }
    pair_of_words(text, name, value, out);
    // `passwd: all tests passed`: words in the middle of a line are a sentence.
    let words = !value.quoted && !around.leading && glue == Glue::Colon && before(text, at) == b' ';
    if words && text[value.start..value.end].iter().all(u8::is_ascii_lowercase) && byte(text, value.end) == b' ' {
        return;
    }
    // `this.token = token;`
    let word = &text[name.start..name.end];
    if glue == Glue::Equals
        && word.contains(&b'.')
        && word.ends_with(&text[value.start..value.end])
        && byte(text, value.end) == b';'
    {
        return;
    }
    take(text, name, value, out);
    more(text, name, value, out);
}

/// `passwords: a, b`: the rest of a bare list.
fn more(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let mut at = value.end;
    while before(text, name.end) == b's' && !value.quoted && byte(text, at) == b',' && byte(text, at + 1) == b' ' {
        let end = skip_while(text, at + 2, |byte| !byte.is_ascii_whitespace() && byte != b',');
        if !look::is_loose(&text[at + 2..end]) {
            return;
        }
        take(text, name, Extent { start: at + 2, end, quoted: false }, out);
        at = end;
    }
}

/// `Login: admin / secret`: the second word is the password.
fn pair_of_words(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let rest = &text[value.end..line_end(text, value.end)];
    if rest.starts_with(b" / ") && name.kind != "password" {
        let start = value.end + 3;
        let end = skip_while(text, start, |byte| !byte.is_ascii_whitespace());
        if look::is_loose(&text[start..end]) {
            out.push(Span::new(start, end, &PAIR).kind("password"));
        }
    }
}

/// Whether a quote closes right behind the name: then it is the name that is quoted.
fn is_closed(text: &[u8], name: &Name) -> bool {
    byte(text, name.end) == before(text, name.start)
}

fn quote_inside(text: &[u8], at: usize, end: usize) -> Option<Extent> {
    let value = extent::quoted(&text[..end], at, false)?;
    (value.end > value.start).then_some(value)
}

/// Past what wraps a value: `Some(`, `<<`, `b"`, `!unsafe`, `string(14)`.
pub(super) fn wrapped(text: &[u8], at: usize) -> usize {
    let rest = &text[at..text.len().min(at + 40)];
    for wrapper in [
        &b"Some("[..],
        b"<<",
        b"SecretStr(",
        b"Secret(",
        b"String(",
        b"new String(",
        b"!unsafe ",
        b"!!str ",
        b"!!binary ",
        b"&",
        b"Ok(",
    ] {
        if rest.starts_with(wrapper) && quote(text, skip_blanks(text, at + wrapper.len())).is_some()
            || rest.starts_with(b"!") && rest.starts_with(wrapper)
        {
            return skip_blanks(text, at + wrapper.len());
        }
    }
    if rest.starts_with(b"string(") {
        let end = skip_while(text, at + 7, |byte| byte.is_ascii_digit() || byte == b')' || byte == b' ');
        return end;
    }
    if rest.len() > 1 && b"bBrRfFuULN@(".contains(&rest[0]) && matches!(rest[1], b'"' | b'\'') {
        return at + 1;
    }
    at
}

/// A value without quotes: to the end of its line where the name opens it, else to the next separator.
fn unquoted(text: &[u8], name: &Name, glue: Glue, at: usize, around: Around) -> Extent {
    let end = extent::bare(text, at, around);
    let eol = line_end(text, at);
    let spaced = before(text, at) == b' ';
    let whole = around.leading && !around.query && byte(text, end) == b' ' && name.grade == Grade::Strong;
    if whole && (glue == Glue::Colon || spaced) {
        let end = comment(text, end, eol);
        if !has_pair(&text[at..end]) {
            return Extent { start: at, end: trim(text, at, end).1, quoted: false };
        }
    }
    // `User=tars; Password = two words ; Pooling=true`
    if around.list == b';' && spaced && byte(text, end) == b' ' {
        let end = at + text[at..eol].iter().position(|byte| *byte == b';').unwrap_or(eol - at);
        return Extent { start: at, end: trim(text, at, end).1, quoted: false };
    }
    if whole && is_phrase(&text[at..eol]) {
        return Extent { start: at, end: eol, quoted: false };
    }
    Extent { start: at, end, quoted: false }
}

/// Where a comment or a remark starts behind a value.
fn comment(text: &[u8], from: usize, eol: usize) -> usize {
    const MARKS: [&[u8]; 9] = [b" #", b" (", b" //", b" ;", b" |", b"  ", b" -- ", b"\t", " │".as_bytes()];
    (from..eol).find(|at| MARKS.iter().any(|mark| text[*at..eol].starts_with(mark))).unwrap_or(eol)
}

/// Whether another `name=value` follows on the line.
fn has_pair(rest: &[u8]) -> bool {
    rest.split(|byte| *byte == b' ').skip(1).any(|word| {
        let name = word.iter().take_while(|byte| is_name(**byte)).count();
        name > 0 && matches!(word.get(name), Some(b'=' | b':'))
    })
}

/// Three or more plain words: a passphrase where a password could stand.
fn is_phrase(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii();
    let words = rest.split(|byte| *byte == b' ').count();
    words > 2 && rest.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ')
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

/// Adds the value unless it is none.
pub(super) fn take(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let secret = &text[value.start..value.end];
    if is_secret(name, secret, value.quoted) {
        out.push(Span::new(value.start, value.end, &PAIR).kind(name.kind));
    }
}

/// Whether this can be the secret that the name announces.
pub(super) fn is_secret(name: &Name, secret: &[u8], quoted: bool) -> bool {
    let secret = secret.trim_ascii();
    if secret.is_empty() || look::is_placeholder(secret, quoted) || look::is_sentence(secret) {
        return false;
    }
    if name.grade == Grade::Weak {
        return look::is_random(secret) && !look::is_uuid(secret);
    }
    let digits = secret.iter().all(u8::is_ascii_digit);
    let least = if matches!(name.kind, "password" | "code") { 4 } else { 6 };
    if name.kind == "code" && secret.len() < 4 {
        return false;
    }
    if digits {
        return secret.len() >= least;
    }
    matches!(name.kind, "password" | "code") || !look::is_quantity(secret)
}
