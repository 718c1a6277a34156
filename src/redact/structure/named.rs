//! A name that is itself a value: `{"name": "DB_PASSWORD", "value": "x"}`, `<add key="…" value="…"/>`.

use super::block::is_value_word;
use super::extent;
use super::pair::{self, Name};
use super::text::{byte, line_end, skip_blanks, skip_while, trim};

/// How far the value may stand from the name.
const NEAR: usize = 200;

/// Finds the value beside a quoted name that ends before `at`.
pub(super) fn value(text: &[u8], name: &Name, at: usize, out: &mut Vec<crate::span::Span>) -> bool {
    let far = text.len().min(at + NEAR);
    let mut i = at;
    while i < far {
        match text[i] {
            b'}' | b']' => return false,
            // `<entry name="x">value</entry>`
            b'>' => {
                let mut start = i + 1;
                if text[start..far].trim_ascii_start().starts_with(b"<value>") {
                    start = start + text[start..far].iter().position(|byte| *byte == b'>').unwrap_or(0) + 1;
                }
                let end = start + text[start..].iter().take(4096).position(|byte| *byte == b'<').unwrap_or(0);
                let (start, end) = trim(text, start, end);
                pair::take(text, name, extent::Extent { start, end, quoted: true }, out);
                return end > start;
            }
            byte if byte.is_ascii_alphabetic() => {
                let end = skip_while(text, i, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let sign = skip_while(text, end, |byte| b"\"' ".contains(&byte));
                if is_value_word(&text[i..end]) && matches!(self::byte(text, sign), b':' | b'=') {
                    let start = skip_while(text, sign + 1, |byte| b" >".contains(&byte));
                    if let Some(value) = extent::quoted(text, start, false) {
                        pair::take(text, name, value, out);
                    }
                    return true;
                }
                i = end;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    false
}

/// `name: DB_PASSWORD` with `value: x` behind a comma or on the next line, as YAML writes it without quotes.
pub(super) fn below(text: &[u8], name: &Name, out: &mut Vec<crate::span::Span>) -> bool {
    let start = skip_while(text, name.end, |byte| b", \t\r\n\"'".contains(&byte));
    let end = skip_while(text, start, |byte| byte.is_ascii_alphabetic());
    let colon = skip_blanks(text, end);
    let apart = text[name.end..start].iter().any(|byte| b",\n".contains(byte));
    if !apart || !is_value_word(&text[start..end]) || byte(text, colon) != b':' {
        return false;
    }
    let at = skip_blanks(text, colon + 1);
    let flow = byte(text, name.end) == b',';
    let eol = line_end(text, at);
    let bare = (at..eol).find(|i| flow && b",}".contains(&text[*i]) || text[*i..eol].starts_with(b" #")).unwrap_or(eol);
    let value = extent::quoted(text, at, false).unwrap_or(extent::Extent {
        start: at,
        end: trim(text, at, bare).1,
        quoted: false,
    });
    pair::take(text, name, value, out);
    true
}
