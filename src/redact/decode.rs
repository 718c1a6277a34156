//! Text seen through its escapes: `%40`, `\"`, `\u0026`, `&quot;`.
//!
//! A secret inside JSON inside a URL is the same secret, so the finders look at the decoded line
//! as well and what they find is mapped back. One level a call; the engine peels up to three.

/// A decoded text, and where its parts came from.
#[derive(Debug, Default)]
pub(super) struct View {
    pub bytes: Vec<u8>,
    /// In order; the last one is never an escape.
    stretches: Vec<Stretch>,
}

/// A part of a view: text without an escape, or a single escape.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Where it starts in the view.
    here: usize,
    /// Where it starts in the text.
    there: usize,
    escape: bool,
}

impl View {
    /// The range of the text that the non-empty `start..end` of the view stands for.
    pub fn origin(&self, start: usize, end: usize) -> (usize, usize) {
        let first = self.stretches[self.stretch(start)];
        let from = if first.escape { first.there } else { first.there + start - first.here };
        let index = self.stretch(end - 1);
        let last = self.stretches[index];
        // An end in the middle of an escape is the end of that escape.
        let to = if last.escape { self.stretches[index + 1].there } else { last.there + end - last.here };
        (from, to)
    }

    /// The stretch that holds the byte at `at`.
    fn stretch(&self, at: usize) -> usize {
        self.stretches.partition_point(|stretch| stretch.here <= at) - 1
    }

    fn push(&mut self, text: &[u8], there: usize, escape: bool) {
        self.stretches.push(Stretch { here: self.bytes.len(), there, escape });
        self.bytes.extend_from_slice(text);
    }
}

/// Undoes one level of escapes; `None` when the text has none.
pub(super) fn view(text: &[u8]) -> Option<View> {
    let mut view = View::default();
    let (mut plain, mut at) = (0, 0);
    while let Some(offset) = memchr::memchr3(b'%', b'\\', b'&', &text[at..]) {
        at += offset;
        let Some((bytes, used)) = escape(&text[at..]) else {
            at += 1;
            continue;
        };
        if view.stretches.is_empty() {
            view.bytes.reserve(text.len());
        }
        view.push(&text[plain..at], plain, false);
        view.push(bytes.as_slice(), at, true);
        at += used;
        plain = at;
    }
    view.push(&text[plain..], plain, false);
    (plain > 0).then_some(view)
}

/// All levels undone, without a map.
pub(super) fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = view(text)?.bytes;
    for _ in 0..2 {
        match view(&plain) {
            Some(next) => plain = next.bytes,
            None => break,
        }
    }
    Some(plain)
}

/// Whether an escape starts here (the text begins with `%`, `\` or `&`).
pub(super) fn is_escape(text: &[u8]) -> bool {
    escape(text).is_some()
}

/// Up to four bytes that an escape stands for.
struct Plain {
    bytes: [u8; 4],
    len: usize,
}

impl Plain {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], len: 1 }
    }

    fn code_point(code: u32) -> Self {
        let mut bytes = [0; 4];
        let len = char::from_u32(code).unwrap_or('\u{fffd}').encode_utf8(&mut bytes).len();
        Self { bytes, len }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn escape(text: &[u8]) -> Option<(Plain, usize)> {
    match text.first()? {
        b'%' => Some((Plain::byte(hex_byte(text.get(1..3)?)?), 3)),
        b'\\' => backslash(text),
        b'&' => entity(text),
        _ => None,
    }
}

fn backslash(text: &[u8]) -> Option<(Plain, usize)> {
    let plain = match text.get(1)? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        byte @ (b'"' | b'\'' | b'\\' | b'/' | b'$' | b'`') => *byte,
        b'x' => return Some((Plain::byte(hex_byte(text.get(2..4)?)?), 4)),
        b'u' => {
            let high = hex_byte(text.get(2..4)?)?;
            let low = hex_byte(text.get(4..6)?)?;
            return Some((Plain::code_point(u32::from(high) << 8 | u32::from(low)), 6));
        }
        _ => return None,
    };
    Some((Plain::byte(plain), 2))
}

fn entity(text: &[u8]) -> Option<(Plain, usize)> {
    const NAMED: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&quot;", b'"'), (b"&apos;", b'\''), (b"&lt;", b'<'), (b"&gt;", b'>')];
    if let Some((name, byte)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((Plain::byte(*byte), name.len()));
    }
    let body = text.strip_prefix(b"&#")?;
    let end = body.iter().take(8).position(|byte| *byte == b';')?;
    let digits = std::str::from_utf8(&body[..end]).ok()?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((Plain::code_point(code), end + 3))
}

fn hex_byte(two: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(two[0])? << 4 | digit(two[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::view;

    #[test]
    fn every_byte_of_a_view_knows_where_it_came_from() {
        let text = br#"a%40b\"c&quot;\u00e9%25\nz"#;
        let view = view(text).unwrap();
        assert_eq!(view.bytes, "a@b\"c\"é%\nz".as_bytes());
        let parts = [
            (0, 1, "a"),
            (1, 2, "%40"),
            (2, 4, "b\\\""),
            (4, 5, "c"),
            (5, 6, "&quot;"),
            (6, 7, "\\u00e9"),
            (7, 8, "\\u00e9"),
            (6, 9, "\\u00e9%25"),
            (10, 11, "z"),
            (0, 11, std::str::from_utf8(text).unwrap()),
        ];
        for (start, end, part) in parts {
            let (from, to) = view.origin(start, end);
            assert_eq!(std::str::from_utf8(&text[from..to]).unwrap(), part, "{start}..{end}");
        }
    }
}
