//! What stands between a name and its value.

use super::text::{before, byte, line_end, quote, skip_blanks, skip_while};

/// How a value is tied to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    /// `=`, `:=`, `=>`, `->`.
    Equals,
    /// `:`.
    Colon,
    /// `("name", "value")`.
    Comma,
    /// Only blanks.
    Space,
    /// The rest of a table row: `| name | value |`, `name ...... value`.
    Cell,
    /// `<name>value`.
    Tag,
    /// `name("value")`.
    Paren,
    /// `<key>name</key><string>value</string>`.
    Sibling,
}

/// The glue after a name that ends at `at`, and where the value may start.
pub(super) fn after(text: &[u8], name: usize, at: usize) -> Option<(Glue, usize)> {
    let mut at = closers(text, at);
    let blanks = skip_blanks(text, at);
    let spaced = blanks > at;
    at = blanks;
    // `password (again): x`
    if spaced && byte(text, at) == b'(' {
        let eol = line_end(text, at);
        let end = text[at..eol].iter().take(32).position(|byte| *byte == b')').map(|end| at + end + 1);
        if let Some(end) = end.filter(|end| byte(text, *end) == b':') {
            at = end;
        }
    }
    let next = byte(text, at + 1);
    let glue = match byte(text, at) {
        b'=' => (Glue::Equals, skip_while(text, at, |byte| b"=>~".contains(&byte))),
        b':' if next == b':' => return None,
        // `${NAME:?message}`
        b':' if b"?+".contains(&next) && before(text, name) == b'{' => return None,
        b'<' if next == b'/' && before(text, name) == b'>' => {
            let eol = line_end(text, at);
            (Glue::Sibling, at + text[at..eol].iter().position(|byte| *byte == b'>')? + 1)
        }
        b':' | b'?' | b'.' | b'+' | b'|' if next == b'=' => (Glue::Equals, at + 2),
        b':' => (Glue::Colon, at + 1),
        b'|' if next == b'|' && byte(text, at + 2) == b'=' => (Glue::Equals, at + 3),
        0xef if text[at..].starts_with("：".as_bytes()) => (Glue::Colon, at + 3),
        b'-' if next == b'>' => (Glue::Equals, at + 2),
        0xe2 if text[at..].starts_with("→".as_bytes()) => (Glue::Equals, at + 3),
        b'.' if next == b'.' => (Glue::Cell, skip_while(text, at, |byte| byte == b'.')),
        b'|' => (Glue::Cell, at + 1),
        0xe2 if text[at..].starts_with("│".as_bytes()) => (Glue::Cell, at + 3),
        b',' if quote(text, name.saturating_sub(1)).is_some() || is_flag(text, name) => (Glue::Comma, at + 1),
        b'>' if is_tag(text, name) || is_attribute(text, name) => (Glue::Tag, at + 1),
        // "the password (x) works"
        b'(' if !spaced || quote(text, at + 1).is_some() => (Glue::Paren, at + 1),
        b'[' if spaced => (Glue::Space, at),
        _ if spaced && is_tag(text, name) => (Glue::Tag, tag_end(text, at)?),
        _ if spaced => (Glue::Space, at),
        b'\n' | b'\r' if is_flag(text, name) => (Glue::Space, at),
        _ => return None,
    };
    Some(glue)
}

/// Past what closes a quoted or indexed name: `"]`, `')`, `[25]`.
fn closers(text: &[u8], mut at: usize) -> usize {
    if byte(text, at) == b'[' {
        let digits = skip_while(text, at + 1, |byte| byte.is_ascii_digit());
        if byte(text, digits) == b']' {
            at = digits + 1;
        }
    }
    if let Some((_, long)) = quote(text, at).filter(|(_, long)| *long != 3 || byte(text, at) > 127) {
        at += long;
        if byte(text, at) == b']' {
            at += 1;
        }
    } else if byte(text, at) == b']' {
        at += 1;
    }
    at
}

/// `<name …>`.
fn is_tag(text: &[u8], name: usize) -> bool {
    before(text, name) == b'<' || (before(text, name) == b':' && text[..name].iter().rev().take(16).any(|b| *b == b'<'))
}

/// `<param name="…">`.
fn is_attribute(text: &[u8], name: usize) -> bool {
    let lead = &text[name.saturating_sub(48)..name];
    let open = lead.iter().rposition(|byte| *byte == b'<');
    (lead.ends_with(b" name=\"") || lead.ends_with(b" key=\""))
        && open.is_some_and(|open| !lead[open..].contains(&b'>'))
}

fn tag_end(text: &[u8], at: usize) -> Option<usize> {
    let eol = line_end(text, at);
    let end = at + text[at..eol].iter().take(120).position(|byte| *byte == b'>')?;
    (before(text, end) != b'/').then_some(end + 1)
}

/// `--name`, `-name`, `/name` of a command line.
pub(super) fn is_flag(text: &[u8], name: usize) -> bool {
    let dashes = text[..name].iter().rev().take_while(|byte| **byte == b'-').count();
    let start = name - dashes;
    dashes > 0 && dashes < 3 && !before(text, start).is_ascii_alphanumeric() && before(text, start) != b'_'
}
