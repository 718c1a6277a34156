//! Text files: UTF-8, UTF-16 with its mark, else the old Western code page; never a guess about binary files.

use std::fs::File;
use std::io::Read;

use super::{FILE_MAX_BYTES, TEXT_MAX_BYTES, Unreadable, child};

/// What stands at 0x80–0x9F of Windows-1252; the rest is the code point itself.
const C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Reads a whole file as text.
pub(super) fn read(file: File) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    let limit = FILE_MAX_BYTES.min(TEXT_MAX_BYTES as u64) + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| Unreadable::new(format!("it cannot be read: {error}")))?;
    if bytes.len() > TEXT_MAX_BYTES { Err(child::too_much()) } else { decode(bytes) }
}

/// Bytes as text.
///
/// # Errors
/// When they are no text in any of the encodings.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let text = match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => Some(String::from_utf8(bytes).unwrap_or_else(|error| western(error.as_bytes()))),
    };
    match text {
        Some(text) if !text.chars().any(is_binary) => Ok(text),
        _ => Err(Unreadable::new("it is no text: neither UTF-8 nor UTF-16 nor Windows-1252")),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
}

fn western(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        0x80..=0x9F => C1[usize::from(byte - 0x80)],
        other => char::from(*other),
    };
    bytes.iter().map(letter).collect()
}

// What no text holds: NUL and the control characters that are neither blanks nor terminal colours nor page ends.
fn is_binary(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}' | '\u{80}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_encodings_are_read() {
        assert_eq!(decode("Grüße".into()).unwrap(), "Grüße");
        assert_eq!(decode(b"\xEF\xBB\xBFGr".to_vec()).unwrap(), "Gr");
        assert_eq!(decode(b"Gr\xFC\xDFe \x80 5".to_vec()).unwrap(), "Grüße € 5");
        assert_eq!(decode(b"\xFF\xFEG\0r\0".to_vec()).unwrap(), "Gr");
        assert_eq!(decode(b"\xFE\xFF\0G\0r".to_vec()).unwrap(), "Gr");
    }

    #[test]
    fn what_is_no_text_says_so() {
        for bytes in
            [&b"\x7fELF\x02\x01\0\0"[..], b"\xFF\xD8\xFF\xE0\0\x10JFIF", b"\xFF\xFEG\0r", b"\xEF\xBB\xBF\xC3\x28"]
        {
            assert!(decode(bytes.to_vec()).unwrap_err().0.starts_with("it is no text"));
        }
    }
}
