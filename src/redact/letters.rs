//! How the letters of a value are mixed: numbers, words, random text. Knows no rule and no surrounding.

use super::look::{is_path, is_placeholder};

/// A number, with a unit perhaps: `512`, `2.1s`, `15m`, `1e-5`.
pub(super) fn is_quantity(value: &[u8]) -> bool {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || b".,-+".contains(byte)).count();
    digits > 0
        && value.len() - digits <= 3
        && value[digits..].iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'%')
}

/// How the letters of a value change: the mark of random text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mix {
    pub len: usize,
    pub lower: usize,
    pub upper: usize,
    pub digit: usize,
    pub other: usize,
    /// How often the class changes; a capital and the small letters after it count as one.
    pub turns: usize,
    pub hex: bool,
}

pub(super) fn mix(value: &[u8]) -> Mix {
    let mut mix = Mix { len: value.len(), hex: true, ..Mix::default() };
    let mut before = 9;
    for (index, byte) in value.iter().enumerate() {
        let class = match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        };
        match class {
            0 => mix.lower += 1,
            1 => mix.upper += 1,
            2 => mix.digit += 1,
            _ => mix.other += 1,
        }
        let hump = before == 1 && class == 0;
        mix.turns += usize::from(index > 0 && class != before && !hump && class != 3 && before != 3);
        mix.hex &= byte.is_ascii_hexdigit();
        before = class;
    }
    mix.hex &= mix.lower == 0 || mix.upper == 0;
    mix
}

/// Random letters of a key or a token, not a word, a name, a version or an id made of words.
pub(super) fn is_random(value: &[u8]) -> bool {
    let mix = mix(value);
    if mix.len < 8 || mix.digit == 0 || mix.lower + mix.upper == 0 || mix.other * 3 > mix.len {
        return false;
    }
    if mix.hex {
        return mix.len >= 16 && mix.digit >= 3 && mix.lower + mix.upper >= 2;
    }
    let letters = usize::from(mix.lower > 0) + usize::from(mix.upper > 0);
    let most = if letters == 2 { mix.len >= 8 } else { mix.len >= 12 };
    most && mix.turns >= 3 && mix.turns * 5 >= mix.len && mix.digit * 20 >= mix.len
}

/// Small and capital letters and digits in one short word: a password as generators make them.
pub(super) fn is_generated(value: &[u8]) -> bool {
    let mix = mix(value);
    if mix.digit == 0 {
        return is_shuffled(value);
    }
    (8..=64).contains(&mix.len)
        && mix.upper > 0
        && mix.lower > 1
        && mix.digit > 0
        && mix.turns > 2
        && mix.turns * 4 >= mix.len
        && !value.iter().any(|byte| b"/.:=()[]{}<>,;_".contains(byte))
}

/// Small and capital letters without a digit (one generated password in ten): words have no five
/// consonants in a row, nor as many capitals as small letters.
fn is_shuffled(value: &[u8]) -> bool {
    let mix = mix(value);
    let (mut run, mut longest) = (0, 0);
    for byte in value {
        let consonant = byte.is_ascii_alphabetic() && !b"aeiou".contains(&byte.to_ascii_lowercase());
        run = if consonant { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let capitals = value.iter().skip(1).filter(|byte| byte.is_ascii_uppercase()).count();
    // Names in camel case have a capital in four letters at most.
    let even = mix.len > 11 && mix.upper * 10 >= mix.len * 3 && mix.lower * 10 >= mix.len * 3;
    mix.len > 9
        && mix.len < 65
        && mix.other == 0
        && mix.digit == 0
        && capitals > 1
        && mix.lower > 2
        && (longest > 4 || even)
}

/// Letters alone that nobody can pronounce: five consonants in a row, or hardly a vowel. Only where a password is
/// expected: names of programs come close.
pub(super) fn is_scrambled(value: &[u8]) -> bool {
    let vowel = |byte: &u8| b"aeiouy".contains(&byte.to_ascii_lowercase());
    let longest = value.split(|byte| vowel(byte)).map(<[u8]>::len).max().unwrap_or(0);
    let vowels = value.iter().filter(|byte| vowel(byte)).count();
    (10..65).contains(&value.len())
        && value.iter().all(u8::is_ascii_alphabetic)
        && (longest > 4 || vowels * 6 < value.len())
}

/// A long word of small and capital letters in no order: names in camel case have fewer capitals.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    let mix = mix(value);
    mix.len >= 24
        && mix.digit + mix.other == 0
        && mix.upper * 10 >= mix.len * 3
        && mix.lower * 10 >= mix.len * 3
        && mix.turns * 6 >= mix.len
}

/// Groups of letters of one length, as recovery codes and device passwords are written: `abCde-fGhij-KlmnO`.
pub(super) fn is_grouped(value: &[u8]) -> bool {
    let groups = || value.split(|byte| b"- ".contains(byte));
    let len = groups().next().map_or(0, <[u8]>::len);
    let mixed = |group: &[u8]| {
        let mix = mix(group);
        mix.digit > 0 && mix.lower + mix.upper > 0 || mix.upper > 0 && mix.lower > 0 && mix.turns > 0
    };
    (4..9).contains(&len)
        && groups().count() > 1
        && groups().all(|group| group.len() == len && group.iter().all(u8::is_ascii_alphanumeric))
        && groups().filter(|group| mixed(group)).count() * 2 > groups().count()
}

/// One word, neither a plain nor a capitalised one.
pub(super) fn is_one_password(value: &[u8]) -> bool {
    let mix = mix(value);
    let humps = value.iter().skip(1).any(u8::is_ascii_uppercase) && mix.lower > 1;
    mix.len > 7 && !value.contains(&b' ') && (humps || mix.digit > 0 || mix.other > 0) && !is_placeholder(value, true)
}

/// A UUID: an identifier unless its name says otherwise.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Names of algorithms and protocols that mix letters and digits.
const ALGORITHMS: &[&str] = &[
    "hs256",
    "hs384",
    "hs512",
    "rs256",
    "rs384",
    "rs512",
    "es256",
    "es384",
    "ps256",
    "eddsa",
    "sha256",
    "sha512",
    "sha1",
    "md5",
    "utf8",
    "utf-8",
    "oauth2",
    "x509",
    "base64",
    "ed25519",
    "scram-sha-256",
    "aes256",
    "argon2",
    "argon2id",
    "argon2i",
    "bcrypt",
    "pbkdf2",
    "ipv4",
    "ipv6",
    "http2",
    "pkcs12",
    "pkcs8",
    "rsa2048",
    "rsa4096",
];

/// The name of an algorithm or a protocol.
pub(super) fn is_algorithm(value: &[u8]) -> bool {
    value.len() < 16 && ALGORITHMS.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
}

/// What may be a password where only a space stands between it and the word `password`: letters with digits or marks.
pub(super) fn is_loose(value: &[u8]) -> bool {
    let mix = mix(value);
    if mix.len < 6 || mix.len > 512 || is_quantity(value) || is_path(value) {
        return false;
    }
    if is_algorithm(value) || is_address(value) {
        return false;
    }
    let marks = value.iter().filter(|byte| b"!@#$%^&*+=~?".contains(byte)).count();
    let inner = !matches!(value[0], b'%' | b'$' | b'&' | b'*' | b'=' | b'#' | b'@') && !value.contains(&b'=');
    is_shuffled(value)
        || (mix.digit > 0 && mix.lower + mix.upper > 1 && !is_version(value))
        || (marks > 0 && inner && mix.lower + mix.upper > 3 && mix.digit > 0)
}

/// `v1.2.3`, `1.0.12-home`, `q4_K_M`, `20260610_031500`: digits and dots first, or one letter and then those.
fn is_version(value: &[u8]) -> bool {
    let rest = value.strip_prefix(b"v").unwrap_or(value);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0
        && matches!(rest.get(digits), Some(b'.' | b'-' | b'_' | b':'))
        && rest[digits..].iter().any(u8::is_ascii_digit)
}

/// An address, a host with a port, a time.
fn is_address(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_hexdigit() || b".:[]/-TZ".contains(byte))
        && value.iter().any(|byte| b".:".contains(byte))
        || value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(byte))
            && value.iter().rposition(|byte| *byte == b':').is_some_and(|colon| {
                colon > 0 && value.len() - colon <= 6 && value[colon + 1..].iter().all(u8::is_ascii_digit)
            })
}
