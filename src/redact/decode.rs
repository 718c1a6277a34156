//! Text seen through its escapes: `%40`, `\"`, `\u0026`, `&quot;`.
//!
//! A secret inside JSON inside a URL is the same secret, so the finders look at the decoded line
//! as well and what they find is mapped back. One level a call; the engine peels up to three.

/// A decoded stretch with, for each of its bytes, where that came from.
#[derive(Debug, Default)]
pub(super) struct View {
    pub bytes: Vec<u8>,
    /// `from[i]` is the offset of `bytes[i]` in the text; one entry more marks the end.
    from: Vec<u32>,
}

impl View {
    /// The range of the text that the non-empty `start..end` of the view stands for.
    pub fn origin(&self, start: usize, end: usize) -> (usize, usize) {
        let last = self.from[end - 1];
        // An end in the middle of an escape is the end of that escape.
        let next = self.from[end..].iter().find(|from| **from != last).unwrap_or(&last);
        (self.from[start] as usize, *next as usize)
    }
}

/// Undoes one level of escapes; `None` when the text has none.
pub(super) fn view(text: &[u8]) -> Option<View> {
    memchr::memchr3(b'%', b'\\', b'&', text)?;
    let mut view = View { bytes: Vec::with_capacity(text.len()), from: Vec::with_capacity(text.len() + 1) };
    let (mut at, mut changed) = (0, false);
    while at < text.len() {
        let from = u32::try_from(at).ok()?;
        if let Some((bytes, used)) = escape(&text[at..]) {
            changed = true;
            for byte in bytes.as_slice() {
                view.bytes.push(*byte);
                view.from.push(from);
            }
            at += used;
        } else {
            view.bytes.push(text[at]);
            view.from.push(from);
            at += 1;
        }
    }
    view.from.push(u32::try_from(text.len()).ok()?);
    changed.then_some(view)
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
