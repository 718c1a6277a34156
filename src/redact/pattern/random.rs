//! Tokens of services that no row knows: long runs of letters that change their class too often.
//!
//! Hexadecimal runs, UUIDs and what the words before call a digest, a fingerprint or a public key
//! are left alone: those are what support needs to read.

use super::blob;
use crate::redact::look::{self, mix};
use crate::redact::span::{Rule, Span};
use crate::redact::structure::text::line_start;

pub(in crate::redact) static RANDOM: Rule = Rule {
    id: "random",
    kind: "token",
    about: "a long word of random letters that nothing around it calls a digest, an id or a public key",
    yes: &["upstream rejected a7Kq{a30}Zx9", "client('acme_live_{a40}')"],
    no: &["3b18e512dba79e4c8300dd08aeb37f8e728b8dad", "SHA256:uNiVztksCsDhcc0u9e8BrgJXVGDf6rAbXnOwXq0m1Zs"],
};

/// Shorter words are never taken for random.
const LEAST: usize = 20;

/// A reader of decoded text: tells whether there is a secret in it.
pub(in crate::redact) type Inside<'a> = &'a dyn Fn(&[u8]) -> bool;

fn is_run(byte: u8) -> bool {
    CLASS[byte as usize] & RUN != 0
}

/// Every random run; `quiet` ranges are passed over.
pub(in crate::redact) fn find(text: &[u8], quiet: &[(usize, usize)], inside: Inside<'_>, out: &mut Vec<Span>) {
    let mut at = LEAST - 1;
    while at < text.len() {
        if !is_run(text[at]) || is_short(text, at) {
            at += LEAST;
            continue;
        }
        let low = at - (LEAST - 1);
        let mut start = at - text[low..at].iter().rev().take_while(|byte| is_run(**byte)).count();
        let end = at + text[at..].iter().take_while(|byte| is_run(**byte)).count();
        let padding = text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        if start == low && low > 0 {
            start -= text[..low].iter().rev().take(4096).take_while(|byte| is_run(**byte)).count();
        }
        start += text[start..end].iter().take_while(|byte| **byte == b'/').count();
        if end - start >= LEAST && !quiet.iter().any(|(from, to)| *from <= start && start < *to) {
            run(text, start, end, end + padding, inside, out);
        }
        at = end + LEAST;
    }
}

/// Whether a blank or a mark stands among the eight bytes before `at` and among the eight behind: the
/// word at `at` is too short then. Most places of a log are settled by this alone.
fn is_short(text: &[u8], at: usize) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Any byte below `+`: none of those belongs to a run.
    let parted = |eight: u64| eight.wrapping_sub(ONES * 0x2b) & !eight & (ONES * 0x80) != 0;
    let near = text.get(at - 8..at + 8).and_then(|near| near.split_first_chunk::<8>());
    near.is_some_and(|(before, behind)| {
        let behind = behind.first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight));
        parted(u64::from_le_bytes(*before)) && parted(behind)
    })
}

fn run(text: &[u8], start: usize, bare: usize, end: usize, inside: Inside<'_>, out: &mut Vec<Span>) {
    if is_plain(&text[start..bare]) {
        return;
    }
    let word = &text[start..end];
    let packed = bare < end || word.iter().any(|byte| b"+/".contains(byte));
    let capitals = word.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    if capitals > 1 && blob::hides(word, inside) {
        out.push(Span::new(start, end, &blob::BLOB));
        return;
    }
    let public = || is_named_public(text, start, end);
    if packed && capitals > 3 && blob::is_binary(word) {
        if !public() {
            out.push(Span::new(start, end, &RANDOM));
        }
        return;
    }
    if capitals > 3 && blob::is_harmless(word) {
        return;
    }
    let mut from = start;
    for part in word.split(|byte| b"+/=".contains(byte)) {
        if part.len() >= LEAST
            && !is_plain(part)
            && !part.starts_with(b"sha")
            && is_token(part)
            && !public()
            && !is_named_public(text, from, from + part.len())
        {
            out.push(Span::new(from, from + part.len(), &RANDOM));
        }
        from += part.len() + 1;
    }
}

/// Digests, ids and words: hexadecimal digits and dashes only, or hardly a digit or a capital.
fn is_plain(word: &[u8]) -> bool {
    if word.iter().all(|byte| CLASS[*byte as usize] & OTHER == 0) {
        return true;
    }
    let (mut digits, mut capitals) = (0, 0);
    for byte in word {
        let class = CLASS[*byte as usize];
        digits += usize::from(class & DIGIT != 0);
        capitals += usize::from(class & CAPITAL != 0);
    }
    digits < 2 && capitals < 6
}

const RUN: u8 = 1;
const OTHER: u8 = 2;
const DIGIT: u8 = 4;
const CAPITAL: u8 = 8;

/// What a byte is: part of a run, not hexadecimal, a digit, a capital.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0_u8;
    loop {
        let run = index.is_ascii_alphanumeric() || matches!(index, b'_' | b'-' | b'~' | b'+' | b'/');
        if run {
            table[index as usize] |= RUN;
        }
        if run && !index.is_ascii_hexdigit() && index != b'-' {
            table[index as usize] |= OTHER;
        }
        if index.is_ascii_digit() {
            table[index as usize] |= DIGIT;
        }
        if index.is_ascii_uppercase() {
            table[index as usize] |= CAPITAL;
        }
        if index == 255 {
            return table;
        }
        index += 1;
    }
}

/// Whether a run without `+/=` is a token.
fn is_token(word: &[u8]) -> bool {
    let all = mix(word);
    let hexadecimal = word.iter().all(|byte| byte.is_ascii_hexdigit() || b"-_".contains(byte));
    if all.digit < 2 || hexadecimal || all.len < LEAST {
        return false;
    }
    let mixed = |m: look::Mix| m.upper > 2 && m.lower > 2 && m.digit > 1 && m.turns * 4 >= m.len - m.other;
    let parts = || word.split(|byte| b"-_~".contains(byte));
    if mixed(all) && parts().any(|part| part.len() > 5 && !mix(part).hex && look::is_random(part)) {
        return true;
    }
    if parts().any(|part| part.len() >= 16 && mixed(mix(part)) && look::is_random(part)) {
        return true;
    }
    prefixed(word)
}

/// `acme_` and a long tail of small letters and digits.
fn prefixed(word: &[u8]) -> bool {
    let Some(at) = word.iter().rposition(|byte| b"_-".contains(byte)) else { return false };
    let (head, tail) = (&word[..at], &word[at + 1..]);
    let tail_mix = mix(tail);
    let prefix = head.len() < 24 && head.first().is_some_and(u8::is_ascii_alphabetic) && !is_noun(head);
    let hex = tail_mix.hex && word[at] == b'_' && tail.len() >= 32;
    let small =
        !tail_mix.hex && tail.len() >= 26 && tail_mix.turns * 4 >= tail.len() && tail_mix.digit * 10 >= tail.len();
    prefix && (hex || small) && tail_mix.digit > 2
}

/// Words before `_` or `-` that announce an id or a digest.
fn is_noun(head: &[u8]) -> bool {
    const NOUNS: &str = "sha sha1 sha256 sha512 md5 req request run msg message file doc document chunk trace span id obj \
        object img image vol volume net network ctr container job task evt event usr user org acct cus sub \
        pi ch batch call thread asst resp conv hash etag commit build cache node svc service collection \
        layer digest pod overlay backup tx page db chatcmpl cmpl upload part index segment point embedding \
        boot machine bucket";
    let lower = String::from_utf8_lossy(head).to_ascii_lowercase();
    lower.split(['-', '_']).any(|part| NOUNS.split_whitespace().any(|noun| noun == part))
}

/// Whether the words right before call it something public.
fn is_named_public(text: &[u8], start: usize, end: usize) -> bool {
    const PUBLIC: &str = "sha1 sha2 sha5 sha3 sha- md5 digest fingerprint public pubkey etag integrity checksum hash: hash= \
        peer recipient cert handshake request-id request_id requestid trace websocket ssh-rsa ssh-ed25519 \
        ecdsa- thumbprint vector embedding boundary \"x\" \"n\" \"y\" \"kid\" -id-2 if-none-match etcd";
    let low = line_start(text, start).max(start.saturating_sub(48));
    let before = String::from_utf8_lossy(&text[low..start]).to_ascii_lowercase();
    let word = &text[start..end];
    PUBLIC.split_whitespace().any(|name| before.contains(name))
        || word.starts_with(b"AAAAB3Nza")
        || word.starts_with(b"AAAAC3Nza")
        || word.starts_with(b"AAAAE2Vj")
        || memchr::memmem::find(word, b"Boundary").is_some()
        || ["sha256-", "sha384-", "sha512-", "sha1-", "md5-"].iter().any(|name| word.starts_with(name.as_bytes()))
}
