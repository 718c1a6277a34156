//! Small questions about a text: lines, words, spaces. Nothing here knows what a secret is.

/// Start of the line that `at` is on.
#[inline]
pub(crate) fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1)
}

/// End of the line that `at` is on, without its line end.
#[inline]
pub(crate) fn line_end(text: &[u8], at: usize) -> usize {
    let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline);
    if end > at && text[end - 1] == b'\r' { end - 1 } else { end }
}

/// How long a line is looked at where only its form is asked for.
const NEAR: usize = 4 << 10;

/// The last byte of the line that `at` is on, if that is near.
pub(crate) fn last_byte(text: &[u8], at: usize) -> u8 {
    let near = &text[..text.len().min(at + NEAR)];
    let end = line_end(near, at);
    if end < near.len() || near.len() == text.len() { before(text, end) } else { 0 }
}

/// Start of the next line, if there is one.
#[inline]
pub(crate) fn next_line(text: &[u8], at: usize) -> Option<usize> {
    memchr::memchr(b'\n', &text[at..]).map(|newline| at + newline + 1)
}

/// The byte at `at`; 0 beyond the end.
#[inline]
pub(crate) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The byte before `at`; 0 at the beginning.
#[inline]
pub(crate) fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |index| text[index])
}

/// Past blanks and colour codes, on the same line.
#[inline]
pub(crate) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    loop {
        match byte(text, at) {
            b' ' | b'\t' => at += 1,
            0x1b => at = skip_colour(text, at),
            0xc2 if byte(text, at + 1) == 0xa0 => at += 2,
            _ => return at,
        }
    }
}

/// Past one colour code (`ESC [ … letter`).
pub(crate) fn skip_colour(text: &[u8], at: usize) -> usize {
    let body = text[at + 1..].iter().take(16).position(u8::is_ascii_alphabetic);
    body.map_or(at + 1, |letter| at + letter + 2)
}

/// Past every byte of a class.
pub(crate) fn skip_while(text: &[u8], at: usize, class: impl Fn(u8) -> bool) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| class(**byte)).count()
}

/// How far a line is indented.
pub(crate) fn indent(text: &[u8], start: usize) -> usize {
    skip_while(text, start, |byte| byte == b' ' || byte == b'\t') - start
}

/// `start..end` without blanks at both ends.
pub(crate) fn trim(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    let from = skip_while(&text[..end], start, |byte| byte.is_ascii_whitespace());
    let back = text[from..end].iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    (from, end - back)
}

/// Letters of a name: `spring.datasource.password`, `api-key`, `DB_PASS`.
#[inline]
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)
}

/// A quote's closing form when one opens here, and how long the opening is.
pub(crate) fn quote(text: &[u8], at: usize) -> Option<(&'static [u8], usize)> {
    const QUOTES: [(&[u8], &[u8]); 13] = [
        (b"\"\"\"", b"\"\"\""),
        (b"'''", b"'''"),
        (b"\"", b"\""),
        (b"'", b"'"),
        (b"`", b"`"),
        ("“".as_bytes(), "”".as_bytes()),
        ("„".as_bytes(), "“".as_bytes()),
        ("‘".as_bytes(), "’".as_bytes()),
        ("‚".as_bytes(), "‘".as_bytes()),
        ("«".as_bytes(), "»".as_bytes()),
        ("»".as_bytes(), "«".as_bytes()),
        ("”".as_bytes(), "”".as_bytes()),
        ("’".as_bytes(), "’".as_bytes()),
    ];
    let rest = &text[at.min(text.len())..];
    if !matches!(rest.first(), Some(b'"' | b'\'' | b'`' | 0xe2 | 0xc2)) {
        return None;
    }
    QUOTES.iter().find(|(open, _)| rest.starts_with(open)).map(|(open, close)| (*close, open.len()))
}
