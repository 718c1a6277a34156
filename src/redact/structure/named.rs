//! A name that is itself a value: `{"name": "DB_PASSWORD", "value": "x"}`, `<add key="…" value="…"/>`.

use super::block::is_value_word;
use super::extent;
use super::pair::{self, Name};
use super::text::{byte, skip_while, trim};

/// How far the value may stand from the name.
const NEAR: usize = 200;

/// Finds the value beside a quoted name that ends before `at`.
pub(super) fn value(text: &[u8], name: &Name, at: usize, out: &mut Vec<crate::redact::span::Span>) -> bool {
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
