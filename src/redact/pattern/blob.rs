//! Base64 that hides readable text with a secret in it, or a private key.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::random::Inside;
use crate::look::mix;
use crate::span::Rule;

pub(crate) static BLOB: Rule = Rule {
    id: "base64",
    kind: "base64",
    about: "base64 of a text that holds a secret (settings, scripts, JSON, tokens), or of a private key",
    yes: &[],
    no: &["VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyBuZWFyIHRoZSBOQVMu"],
};

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// How much of a blob is decoded.
const MOST: usize = 64 << 10;

fn decode(word: &[u8]) -> Option<Vec<u8>> {
    let word = &word[..word.len().min(MOST)];
    let bare = &word[..word.len() - word.iter().rev().take_while(|byte| **byte == b'=').count()];
    let whole = if bare.len() % 4 == 1 { &bare[..bare.len() - 1] } else { bare };
    let alphabet = if whole.iter().any(|byte| b"_-".contains(byte)) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, LOOSE).decode(whole).ok()
}

/// Whether this is base64 of readable text in which `inside` finds a secret, or of a private key.
pub(crate) fn hides(word: &[u8], inside: Inside<'_>) -> bool {
    if word.len() < 20 || word.len() > 24 && mix(&word[..24]).turns < 3 {
        return false;
    }
    let Some(plain) = decode(word) else { return false };
    if is_der_key(&plain) {
        return true;
    }
    match readable(&plain) {
        Some(text) => inside(&text),
        None => false,
    }
}

/// Whether this is base64 of random bytes, as keys are: no picture, no certificate, no text.
pub(crate) fn is_binary(word: &[u8]) -> bool {
    let m = mix(word);
    let words = word
        .split(|byte| *byte == b'/')
        .filter(|part| part.len() > 2 && part.iter().all(u8::is_ascii_lowercase))
        .count();
    if word.len() < 40 || m.upper < 4 || m.lower < 4 || m.digit < 2 || m.turns * 4 < m.len || words > 1 {
        return false;
    }
    decode(word).is_some_and(|plain| readable(&plain).is_none() && !is_file(&plain))
}

/// Whether this is base64 of a text, a picture or a certificate.
pub(crate) fn is_harmless(word: &[u8]) -> bool {
    word.len() >= 24 && decode(word).is_some_and(|plain| readable(&plain).is_some() || is_file(&plain))
}

fn is_file(plain: &[u8]) -> bool {
    const FILES: [&[u8]; 15] = [
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"%PDF",
        b"PK\x03\x04",
        b"RIFF",
        b"\x7fELF",
        b"wOF",
        b"BM\x00",
        b"\0\0\0\x07ssh-",
        b"\0\0\0\x0bssh-",
        b"\0\0\0\x13ecdsa",
        &[0x30, 0x82],
        &[0x30, 0x81],
        &[0x30, 0x59],
    ];
    FILES.iter().any(|magic| plain.starts_with(magic))
}

/// A DER sequence that starts with a version number: PKCS#1, PKCS#8, SEC1. Certificates start with another sequence.
fn is_der_key(plain: &[u8]) -> bool {
    plain.len() > 40
        && (plain.starts_with(&[0x30, 0x82]) && plain[4] == 2 || plain.starts_with(&[0x30, 0x81]) && plain[3] == 2)
        || plain.starts_with(b"openssh-key-v1")
}

/// The text, if nine in ten bytes can be read; UTF-16 as `powershell -enc` takes it is narrowed.
fn readable(plain: &[u8]) -> Option<Vec<u8>> {
    let narrow: Vec<u8> = if plain.len() > 8 && plain.iter().skip(1).step_by(2).take(16).all(|byte| *byte == 0) {
        plain.iter().step_by(2).copied().collect()
    } else {
        plain.to_vec()
    };
    let good =
        narrow.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || **byte == 0).count();
    (good * 10 >= narrow.len() * 9).then(|| narrow.iter().map(|byte| if *byte == 0 { b'\n' } else { *byte }).collect())
}
