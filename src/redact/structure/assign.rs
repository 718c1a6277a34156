//! `name = value` and `name: value`: where such a value starts, how far it goes, and what may follow it.

use super::extent::{self, Around, Extent};
use super::glue::Glue;
use super::pair::{self, Name};
use super::text::{before, byte, is_name, line_end, next_line, quote, skip_blanks, skip_while, trim};
use super::{block, call};
use crate::look;
use crate::name::Grade;
use crate::span::Span;

/// The value behind the sign at `at`.
pub(super) fn value(text: &[u8], name: &Name, glue: Glue, at: usize, around: Around, out: &mut Vec<Span>) {
    let open = skip_blanks(text, at);
    if byte(text, open) == b'(' && glue == Glue::Equals && call::credentials(text, name, open + 1, out) {
        return;
    }
    let at = wrapped(text, open);
    if block::find(text, name, glue, at, around, out) {
        return;
    }
    let Some(at) = on_this_line_or_the_next(text, at) else { return };
    let Some(value) = extent_of(text, name, glue, at, around) else { return };
    // `password: str = "x"`: the value of a typed name stands behind the next sign.
    let after = skip_blanks(text, value.end);
    if glue == Glue::Colon && !value.quoted && byte(text, after) == b'=' && byte(text, after + 1) != b'=' {
        if let Some(value) = extent::quoted(text, skip_blanks(text, after + 1), false) {
            pair::take(text, name, value, out);
        }
        return;
    }
    pair_of_words(text, name, value, out);
    if is_told(text, glue, at, value, around) || is_itself(text, name, glue, value) {
        return;
    }
    pair::take(text, name, value, out);
    more(text, name, value, out);
    successor(text, name, value, out);
}

/// Where the value starts: here, behind a line that a backslash continues, or, in quotes, on the next line.
fn on_this_line_or_the_next(text: &[u8], at: usize) -> Option<usize> {
    let eol = line_end(text, at);
    let continued = &text[at.min(eol)..eol] == b"\\";
    if at < eol && !continued {
        return Some(at);
    }
    let next = skip_blanks(text, next_line(text, eol)?);
    let start = wrapped(text, next);
    (continued || start > next || quote(text, start).is_some()).then_some(start).filter(|at| *at < line_end(text, *at))
}

fn extent_of(text: &[u8], name: &Name, glue: Glue, at: usize, around: Around) -> Option<Extent> {
    let eol = line_end(text, at);
    if let Some(quote) = around.quote.filter(|_| !is_closed(text, name)) {
        // `"KEY=value"`: the quote around both.
        let end = (at..eol).find(|i| text[*i] == quote && before(text, *i) != b'\\').unwrap_or(eol);
        return Some(quote_inside(text, at, end).unwrap_or(Extent { start: at, end, quoted: false }));
    }
    if quote(text, at).is_some() {
        return extent::quoted(text, at, around.leading);
    }
    let close = |open: u8, close: u8| {
        (byte(text, at) == open).then(|| text[at..eol].iter().position(|byte| *byte == close)).flatten()
    };
    if let Some(end) = close(b'{', b'}').filter(|_| glue == Glue::Equals) {
        return Some(Extent { start: at + 1, end: at + end, quoted: false });
    }
    // `<set to the key 'x' in secret 'y'>`
    if let Some(end) = close(b'<', b'>').filter(|_| byte(text, at + 1).is_ascii_alphabetic()) {
        return Some(Extent { start: at, end: at + end + 1, quoted: false });
    }
    Some(unquoted(text, name, glue, at, around))
}

/// `passwd: all tests passed`: words in the middle of a line are a sentence.
fn is_told(text: &[u8], glue: Glue, at: usize, value: Extent, around: Around) -> bool {
    !value.quoted
        && !around.leading
        && glue == Glue::Colon
        && before(text, at) == b' '
        && text[value.start..value.end].iter().all(u8::is_ascii_lowercase)
        && byte(text, value.end) == b' '
}

/// `this.token = token;`
fn is_itself(text: &[u8], name: &Name, glue: Glue, value: Extent) -> bool {
    let word = &text[name.start..name.end];
    let own = word.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    glue == Glue::Equals
        && own.len() < word.len()
        && own == &text[value.start..value.end]
        && (byte(text, value.end) == b';' || value.end == line_end(text, value.end))
}

/// `"old" -> "new"`, `[-"old"-]{+"new"+}`: what takes the place of the value.
fn successor(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let from = value.end + usize::from(value.quoted);
    let eol = line_end(text, from.min(text.len()));
    let to = skip_while(&text[..eol], from.min(eol), |byte| b" -=>]{[}+".contains(&byte));
    let sign = &text[from.min(to)..to];
    let arrow = memchr::memchr(b'>', sign).is_some() || sign.ends_with(b"{+");
    if arrow
        && quote(text, to).is_some()
        && let Some(value) = extent::quoted(text, to, false)
    {
        pair::take(text, name, value, out);
    }
}

/// `passwords: a, b`: the rest of a bare list.
fn more(text: &[u8], name: &Name, value: Extent, out: &mut Vec<Span>) {
    let mut at = value.end;
    while before(text, name.end) == b's' && !value.quoted && byte(text, at) == b',' && byte(text, at + 1) == b' ' {
        let end = skip_while(text, at + 2, |byte| !byte.is_ascii_whitespace() && byte != b',');
        if !look::is_loose(&text[at + 2..end]) {
            return;
        }
        pair::take(text, name, Extent { start: at + 2, end, quoted: false }, out);
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
            out.push(Span::new(start, end, &pair::PAIR).kind("password"));
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
        b"bytes.fromhex(",
        b"bytearray.fromhex(",
        b"base64.b64decode(",
        b"b64decode(",
        b"unhexlify(",
        b"binascii.unhexlify(",
        b"hex::decode(",
        b"Buffer.from(",
        b"atob(",
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
    // `Login[user=tars, password=two words, id=7]`
    if around.list == b',' && around.bracket && byte(text, end) == b' ' {
        let stop = (at..eol).find(|i| b")]}".contains(&text[*i]) || text[*i] == b',' && has_pair(&text[*i..eol]));
        return Extent { start: at, end: trim(text, at, stop.unwrap_or(end)).1, quoted: false };
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
