//! Where a value starts and ends.
//!
//! A password may hold any character, so the end is read from the surroundings: a quote from its
//! partner, an item of a list from the separator before its name, a setting from its line.

use super::text::{before, byte, line_end, line_start, quote, skip_while};
use crate::look;

/// The bytes of a value, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub start: usize,
    pub end: usize,
    pub quoted: bool,
}

/// How far a multi-line value may reach.
const FAR: usize = 8 << 10;

/// The value between quotes that open at `at`.
pub(super) fn quoted(text: &[u8], at: usize, may_span_lines: bool) -> Option<Extent> {
    let (close, open) = quote(text, at)?;
    let start = at + open;
    let eol = line_end(text, start);
    let far = text.len().min(start + FAR);
    let end = closing(text, start, eol, close).or_else(|| {
        let end = closing(text, start, far, close).filter(|_| may_span_lines)?;
        let after = skip_while(text, end + close.len(), |byte| b" ,;)]}".contains(&byte));
        matches!(byte(text, after), b'\n' | b'\r' | 0).then_some(end)
    });
    Some(Extent { start, end: end.unwrap_or(eol), quoted: true })
}

fn closing(text: &[u8], start: usize, limit: usize, close: &[u8]) -> Option<usize> {
    let mut at = start;
    while at + close.len() <= limit {
        if text[at] == b'\\' && close.len() == 1 {
            at += 2;
        } else if text[at..limit].starts_with(close) {
            // A doubled quote is one inside the value, an empty value is none.
            let doubled = at > start && close.len() == 1 && byte(text, at + 1) == close[0] && at + 1 < limit;
            if !doubled {
                return Some(at);
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    None
}

/// What stands around a name: decides where its bare value ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// The quote that opened right before the name: the value ends at its partner.
    pub quote: Option<u8>,
    /// Whether an older quote is still open.
    pub inside: [bool; 2],
    /// The separator before the name, in a list of settings.
    pub list: u8,
    /// Whether the name is the first thing on its line.
    pub leading: bool,
    /// Whether a bracket is open before the name.
    pub bracket: bool,
    /// Part of a URL's query.
    pub query: bool,
}

/// Looks at the line before a name.
pub(super) fn around(text: &[u8], name: usize) -> Around {
    let start = line_start(text, name).max(name.saturating_sub(2048));
    let line = &text[start..name];
    let last = before(text, name);
    let separator = line.trim_ascii_end().last().copied().unwrap_or(0);
    let mut inside = [false; 2];
    let mut depth = 0_i32;
    for (index, byte) in line.iter().enumerate() {
        match byte {
            b'"' if index == 0 || line[index - 1] != b'\\' => inside[0] = !inside[0],
            // An apostrophe inside a word is no quote.
            b'\'' if index == 0 || !line[index - 1].is_ascii_alphanumeric() || inside[1] => inside[1] = !inside[1],
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    Around {
        quote: matches!(last, b'"' | b'\'' | b'`').then_some(last),
        inside,
        list: if b",;&?|".contains(&separator) { separator } else { 0 },
        leading: is_decoration(line),
        bracket: depth > 0,
        query: matches!(last, b'?' | b'&') || (last == b'#' && line.contains(&b'/')),
    }
}

/// Whether only list marks, comment marks and `export` stand before the name.
fn is_decoration(line: &[u8]) -> bool {
    const WORDS: [&[u8]; 16] = [
        b"export",
        b"set",
        b"env",
        b"arg",
        b"setenv",
        b"local",
        b"readonly",
        b"declare",
        b"const",
        b"let",
        b"var",
        b"my",
        b"environment=",
        b"set-item",
        b"setx",
        b"static",
    ];
    // `service-1  | KEY=value`, as compose prints logs and environments.
    let line = line.rsplit(|byte| *byte == b'|').next().unwrap_or(line);
    line.split(|byte| byte.is_ascii_whitespace() || b"-#;/+>*\"'!$:<\xef\xbb\xbf\xe2\x94\x82".contains(byte))
        .all(|word| word.is_empty() || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// The end of a bare value: at blanks, or at what separates it from the next setting.
pub(super) fn bare(text: &[u8], start: usize, around: Around) -> usize {
    let eol = line_end(text, start);
    let mut at = start;
    while at < eol {
        let next = byte(text, at + 1);
        let ends = match text[at] {
            b' ' | b'\t' | b'`' | 0x1b | 0 => true,
            b'"' => around.inside[0] || !next.is_ascii_alphanumeric(),
            b'\'' => around.inside[1] || !next.is_ascii_alphanumeric(),
            b'&' | b'#' if around.query => true,
            b',' | b';' | b'&' => around.list == text[at] || separates(text, at, eol),
            b')' | b']' | b'}' => around.bracket && closes(text, at, eol),
            b'<' => next == b'/',
            b'\\' => at + 1 == eol || (b"nrt\"".contains(&next) && look::mix(&text[start..at]).len > 3),
            0xe2 => text[at..].starts_with("│".as_bytes()) || text[at..].starts_with("”".as_bytes()),
            _ => false,
        };
        if ends {
            return at;
        }
        at += 1;
    }
    eol
}

/// Whether the next setting follows this `,`, `;` or `&`.
fn separates(text: &[u8], at: usize, eol: usize) -> bool {
    let next = skip_while(text, at + 1, |byte| byte == b' ' || byte == b'"' || byte == b'\'');
    if next >= eol || next > at + 1 {
        return true;
    }
    let end = skip_while(text, next, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    end > next && end < eol && matches!(text[end], b'=' | b':') && text[next].is_ascii_alphabetic()
        || text[next..eol].starts_with(b"//")
}

/// Whether a bracket here closes what holds the value rather than being a part of it.
fn closes(text: &[u8], at: usize, eol: usize) -> bool {
    let end = skip_while(text, at, |byte| b")]}>'\"".contains(&byte));
    end >= eol || b" ,;.:\t".contains(&text[end])
}
