//! Names and values as arguments: `("name", "value")`, `["--name", "value"]`, `login("user", "x")`.

use super::extent;
use super::glue::{self, Glue};
use super::pair::{self, Name};
use super::text::{before, line_end, quote, skip_while};
use crate::look;
use crate::name::{self, Grade};
use crate::span::Span;

/// `("name", "value")`, `--name", "value"`, `name('value')`.
pub(super) fn argument(text: &[u8], name: &Name, glue: Glue, at: usize, out: &mut Vec<Span>) {
    let flag = glue::is_flag(text, name.start);
    if glue == Glue::Paren && credentials(text, name, at, out) {
        return;
    }
    // `"name": "DB_PASSWORD", "value": "x"`
    let label = text[..name.start.saturating_sub(1)].trim_ascii_end().last();
    if glue == Glue::Comma && !flag && matches!(label, Some(b':' | b'=')) && super::named::value(text, name, at, out) {
        return;
    }
    let mut at = skip_while(text, at, |byte| b" \t\r\n".contains(&byte));
    at = super::assign::wrapped(text, at);
    let Some(value) = extent::quoted(text, at, false) else { return };
    let secret = &text[value.start..value.end];
    let list = glue == Glue::Comma
        && !flag
        && before(text, name.start.saturating_sub(1)) != b'('
        && !super::is_tuple(text, name.start);
    let names = name::grade(secret) != Grade::No && !look::is_random(secret);
    if flag || !(list || names) || look::is_random(secret) {
        pair::take(text, name, value, out);
    }
}

/// `auth=('user', 'x')`, `login("user", "x")`: the strings behind the first.
pub(super) fn credentials(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) -> bool {
    let word = text[name.start..name.end].to_ascii_lowercase();
    if ![&b"auth"[..], b"login", b"credential", b"session"]
        .iter()
        .any(|part| memchr::memmem::find(&word, part).is_some())
    {
        return false;
    }
    let eol = line_end(text, at).min(at + 400);
    let (mut i, mut index) = (at, 0);
    while i < eol && text[i] != b')' {
        if quote(text, i).is_some() {
            let Some(value) = extent::quoted(text, i, false) else { return index > 1 };
            if index > 0 && look::is_loose(&text[value.start..value.end]) {
                out.push(Span::new(value.start, value.end, &pair::PAIR).kind("password"));
            }
            index += 1;
            i = value.end;
        }
        i += 1;
    }
    index > 1
}
