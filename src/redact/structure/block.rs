//! Values that stand below their name: YAML blocks and lists, arrays, objects, prompts.

use super::extent::{self, Around, Extent};
use super::glue::Glue;
use super::pair::{self, Name, PAIR};
use super::text::{byte, indent, line_end, line_start, next_line, quote, skip_blanks, skip_while, trim};
use crate::look;
use crate::name::{self, Grade};
use crate::span::Span;

/// How many lines a block is followed.
const LINES: usize = 400;

/// Handles what opens at `at` when that is more than a plain value.
pub(super) fn find(text: &[u8], name: &Name, glue: Glue, at: usize, around: Around, out: &mut Vec<Span>) -> bool {
    let eol = line_end(text, at);
    match byte(text, at) {
        b'[' => array(text, name, at + 1, out),
        b'{' if glue == Glue::Colon || at + 1 >= eol => object(text, name, at, out),
        b'(' if at + 1 >= eol => strings(text, name, at, out),
        b'|' | b'>' if is_indicator(&text[at..eol]) => scalar(text, name, eol, out),
        b'!' if text[at..eol].starts_with(b"!!binary |") => scalar(text, name, eol, out),
        _ if at >= eol && glue == Glue::Colon => below(text, name, eol, around, out),
        _ => return false,
    }
    true
}

/// `|`, `>-`, `|2+`, perhaps with a comment.
fn is_indicator(rest: &[u8]) -> bool {
    let mark = rest.iter().take_while(|byte| b"|>+-123456789".contains(byte)).count();
    let after = rest[mark..].trim_ascii();
    after.is_empty() || after.starts_with(b"#")
}

/// Every string of an array.
fn array(text: &[u8], name: &Name, mut at: usize, out: &mut Vec<Span>) {
    let far = text.len().min(at + 8192);
    while at < far && text[at] != b']' {
        if quote(text, at).is_some() {
            let Some(value) = extent::quoted(text, at, false) else { return };
            pair::take(text, name, value, out);
            at = value.end + 1;
        } else if text[at].is_ascii_alphanumeric() {
            let end = skip_while(text, at, |byte| !b" ,]\r\n".contains(&byte));
            pair::take(text, name, Extent { start: at, end, quoted: false }, out);
            at = end;
        } else {
            at += 1;
        }
    }
    // `[-"old"-]{+"new"+}`: a list to the eye, a change of words to git.
    let changed = text.get(at..).is_some_and(|rest| rest.starts_with(b"]{+"));
    if changed && let Some(value) = extent::quoted(text, at + 3, false) {
        pair::take(text, name, value, out);
    }
}

/// An object under a secret name: `{"user": …, "value": …}`, `{"sessionid": …}`.
fn object(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) {
    let far = text.len().min(at + 4096);
    let cookies = name.kind == "session";
    let mut i = at + 1;
    let mut depth = 1;
    while i < far && depth > 0 {
        match text[i] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'"' | b'\'' | b'\n' | b' ' | b',' => {
                let start = skip_while(text, i, |byte| b"\"' \n\r\t,".contains(&byte));
                let end = skip_while(text, start, |byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
                let key = &text[start..end];
                let colon = skip_while(text, end, |byte| b"\"' ".contains(&byte));
                if end > start && matches!(byte(text, colon), b':' | b'=') && (cookies || is_value_word(key)) {
                    let value = skip_blanks(text, colon + 1);
                    if let Some(value) = extent::quoted(text, value, false) {
                        pair::take(text, name, value, out);
                        i = value.end;
                    }
                }
                i = i.max(end.max(i + 1) - 1);
            }
            _ => {}
        }
        i += 1;
    }
}

/// Names that only say "here is the value".
pub(super) fn is_value_word(key: &[u8]) -> bool {
    [
        &b"value"[..],
        b"data",
        b"val",
        b"content",
        b"contents",
        b"plaintext",
        b"plain",
        b"raw",
        b"text",
        b"default",
        b"current",
        b"old",
        b"new",
    ]
    .iter()
    .any(|word| key.eq_ignore_ascii_case(word))
}

/// Strings in brackets over several lines.
fn strings(text: &[u8], name: &Name, at: usize, out: &mut Vec<Span>) {
    let far = text.len().min(at + 8192);
    let (mut at, from) = (at + 1, out.len());
    while at < far && text[at] != b')' {
        if let (Some(_), Some(value)) = (quote(text, at), extent::quoted(text, at, false)) {
            pair::take(text, name, value, out);
            at = value.end;
        }
        at += 1;
    }
    let _ = from;
}

/// The deeper lines of a YAML block scalar: one secret, line by line.
fn scalar(text: &[u8], name: &Name, eol: usize, out: &mut Vec<Span>) {
    let base = indent(text, line_start(text, name.start));
    let mut line = next_line(text, eol);
    let mut first = true;
    for _ in 0..LINES {
        let Some(start) = line else { return };
        let end = line_end(text, start);
        let (from, to) = trim(text, start, end);
        if from < to {
            if indent(text, start) <= base {
                return;
            }
            if first && name.grade == Grade::Weak && !look::is_random(&text[from..to])
                || look::is_placeholder(&text[from..to], true)
            {
                return;
            }
            out.push(Span::new(from, to, &PAIR).kind(name.kind).cont(!first));
            first = false;
        }
        line = next_line(text, end);
    }
}

/// What stands on the lines below `name:`.
fn below(text: &[u8], name: &Name, eol: usize, around: Around, out: &mut Vec<Span>) {
    let base = indent(text, line_start(text, name.start));
    let mut line = next_line(text, eol);
    let mut blank = 0;
    for index in 0..LINES {
        let Some(start) = line else { return };
        let end = line_end(text, start);
        let (mut from, to) = trim(text, start, end);
        line = next_line(text, end);
        if from >= to {
            blank += 1;
            if index > 2 {
                return;
            }
            continue;
        }
        let deeper = indent(text, start);
        let item = text[from..to].starts_with(b"- ") && deeper >= base;
        let number = skip_while(text, from, |byte| byte.is_ascii_digit());
        let numbered = number > from && b".)".contains(&byte(text, number)) && byte(text, number + 1) == b' ';
        let item = item || numbered;
        if item {
            from = if numbered { number + 2 } else { from + 2 };
        }
        if item || (deeper > base && around.leading && is_single(&text[from..to])) {
            let quoted = quote(text, from).and_then(|_| extent::quoted(text, from, false));
            let (start, end) = trim(text, from, to);
            let value = quoted.unwrap_or(Extent { start, end: comment_cut(text, start, end), quoted: false });
            if named(&text[value.start..value.end]) && !value.quoted {
                return;
            }
            pair::take(text, name, value, out);
            continue;
        }
        // "Enter password:" and what was typed: one word that can be a password.
        if index == blank && deeper <= base && is_single(&text[from..to]) && name.grade == Grade::Strong {
            let word = &text[from..to];
            if memchr::memmem::find(word, b"://").is_some() {
                link(text, from, to, name, out);
            } else if (look::is_loose(word) || look::is_grouped(word)) && !named(word) && !is_prompt(word) {
                out.push(Span::new(from, to, &PAIR).kind(name.kind));
                // Recovery codes come one below the other.
                if name.kind == "code" {
                    blank = index + 1;
                    continue;
                }
            }
        }
        return;
    }
}

/// "choose a new password:" and a link: only its random parts are secret.
fn link(text: &[u8], from: usize, to: usize, name: &Name, out: &mut Vec<Span>) {
    let mut at = from;
    for part in text[from..to].split(|byte| b"/?&=#".contains(byte)) {
        if look::is_random(part) && !part.contains(&b'.') {
            out.push(Span::new(at, at + part.len(), &PAIR).kind(name.kind));
        }
        at += part.len() + 1;
    }
}

fn comment_cut(text: &[u8], start: usize, end: usize) -> usize {
    (start..end).find(|at| text[*at..end].starts_with(b" #")).unwrap_or(end)
}

fn is_single(line: &[u8]) -> bool {
    !line.contains(&b' ') && !line.contains(&b'\t')
}

/// `KEY=value`, `key:`: a line of its own kind.
fn named(line: &[u8]) -> bool {
    let name = line.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)).count();
    let sep = line.get(name).copied().unwrap_or(0);
    name > 0
        && (sep == b':' && line.len() > name + 1 && line[name + 1] == b' ' || sep == b':' && line.len() == name + 1)
        || (sep == b'='
            && name::grade(&line[..name]) == Grade::No
            && line[..name].iter().all(|b| b.is_ascii_uppercase() || *b == b'_'))
}

fn is_prompt(word: &[u8]) -> bool {
    matches!(word.last(), Some(b'$' | b'#' | b'>' | b':'))
}
