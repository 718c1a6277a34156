//! Tokens of services that no row knows: long runs of letters that change their class too often.
//!
//! Hexadecimal runs, UUIDs and what the words before call a digest, a fingerprint or a public key
//! are left alone: those are what support needs to read.

use std::sync::LazyLock;

use super::blob;
use crate::finder::{Finder, Wanted};
use crate::look::{self, mix};
use crate::span::{Rule, Span};
use crate::structure::text::{line_end, line_start};

pub(crate) static RANDOM: Rule = Rule {
    id: "random",
    kind: "token",
    about: "a long word of random letters that nothing around it calls a digest, an id or a public key",
    yes: &["upstream rejected a7Kq{a30}Zx9", "client('acme_live_{a40}')"],
    no: &["3b18e512dba79e4c8300dd08aeb37f8e728b8dad", "SHA256:uNiVztksCsDhcc0u9e8BrgJXVGDf6rAbXnOwXq0m1Zs"],
};

/// Shorter words are never taken for random.
const LEAST: usize = 20;

/// A reader of decoded text: tells whether there is a secret in it.
pub(crate) type Inside<'a> = &'a dyn Fn(&[u8]) -> bool;

#[inline]
fn is_run(byte: u8) -> bool {
    CLASS[byte as usize] & RUN != 0
}

/// Every random run; `quiet` ranges are passed over.
pub(crate) fn find(text: &[u8], quiet: &[(usize, usize)], inside: Inside<'_>, out: &mut Vec<Span>) {
    let mut at = LEAST - 1;
    while at < text.len() {
        let low = at - (LEAST - 1);
        // The last letter that belongs to no run: a long one can only start behind it.
        if let Some(other) = text[low..=at].iter().rposition(|byte| !is_run(*byte)) {
            at = low + other + LEAST;
            continue;
        }
        let mut start = low - text[..low].iter().rev().take(4096).take_while(|byte| is_run(**byte)).count();
        let end = at + text[at..].iter().take_while(|byte| is_run(**byte)).count();
        let padding = text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        start += text[start..end].iter().take_while(|byte| **byte == b'/').count();
        if end - start >= LEAST && !quiet.iter().any(|(from, to)| *from <= start && start < *to) {
            run(text, start, end, end + padding, inside, out);
        }
        at = end + LEAST;
    }
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
        return look::is_mixed(word);
    }
    if is_event(word) {
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

/// `evt_1IT…`, `pm_1aC…`: an id, as payment services write them.
fn is_event(word: &[u8]) -> bool {
    const EVENTS: &str = "evt pm pi cus acct seti req in price prod card src txn msg run thread asst resp file batch";
    let head = word.split(|byte| *byte == b'_').next().unwrap_or_default();
    let tail = &word[head.len()..];
    tail.len() > 1
        && tail[1..].iter().all(u8::is_ascii_alphanumeric)
        && EVENTS.split_whitespace().any(|event| event.as_bytes() == head)
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

/// Words right before a run that call it something public.
static PUBLIC: LazyLock<Finder> = LazyLock::new(|| {
    const WORDS: &str = "sha1 sha2 sha5 sha3 sha- md5 digest fingerprint public pubkey etag integrity checksum hash: hash= \
        peer recipient cert handshake request-id request_id requestid trace websocket-key websocket-accept ssh-rsa ssh-ed25519 \
        ecdsa- thumbprint vector embedding boundary \"x\" \"n\" \"y\" \"kid\" -id-2 if-none-match etcd h1:";
    Finder::new(WORDS.split_whitespace().map(|word| Wanted::new(word.as_bytes(), true)).collect())
});

/// Whether the words right before call it something public.
fn is_named_public(text: &[u8], start: usize, end: usize) -> bool {
    let low = line_start(text, start).max(start.saturating_sub(48));
    // The private part of a JSON web key stands beside its public ones.
    if text[low..start].ends_with(b"\"d\":\"") {
        return false;
    }
    let mut named = false;
    PUBLIC.find(&text[low..start], |_, _| named = true);
    let word = &text[start..end];
    named
        || word.starts_with(b"AAAAB3Nza")
        || is_symbol(word)
        || is_peer(text, start, end)
        || word.starts_with(b"AAAAC3Nza")
        || word.starts_with(b"AAAAE2Vj")
        || memchr::memmem::find(word, b"Boundary").is_some()
        || ["sha256-", "sha384-", "sha512-", "sha1-", "md5-"].iter().any(|name| word.starts_with(name.as_bytes()))
}

/// The public key of a row of `wg show dump`: four columns for the interface, eight for a peer, tabs between.
fn is_peer(text: &[u8], start: usize, end: usize) -> bool {
    let (line, eol) = (line_start(text, start), line_end(text, end));
    let tabs = |part: &[u8]| memchr::memchr_iter(b'\t', part).count();
    end - start == 44 && matches!((tabs(&text[line..start]), tabs(&text[end..eol])), (1 | 2, 2) | (0 | 1, 7))
}

/// `_ZN4core3fmt…`: a compiler's name for a function.
fn is_symbol(word: &[u8]) -> bool {
    let rest = word.strip_prefix(b"_Z").or_else(|| word.strip_prefix(b"_R")).unwrap_or_default();
    let digits = rest.iter().skip_while(|byte| byte.is_ascii_alphabetic()).take_while(|byte| byte.is_ascii_digit());
    rest.first().is_some_and(|byte| byte.is_ascii_digit() || b"NKLTS".contains(byte))
        && (1..3).contains(&digits.count())
}
