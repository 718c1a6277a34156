//! JSON web tokens, whole, cut off or wrapped: a header that begins `{"`, dots, letters.

use super::form::is_in;
use crate::span::{Rule, Span};
use crate::structure::text::{byte, skip_while};

pub(crate) static JWT: Rule = Rule {
    id: "jwt",
    kind: "token",
    about: "a JSON web token (signed or encrypted), also cut off or wrapped",
    yes: &[
        "eyJhbGciOiJIUzI1NiJ9.eyJ{v40}.{v43}",
        "eyJhbGciOiJIUzI1NiJ9.eyJ{v40}",
        "eyJhbGciOiJkaXIifQ..{v16}.{v40}.{v22}",
    ],
    no: &["eyJtb2RlbCI6Im1pc3RyYWwiLCJzdHJlYW0iOmZhbHNlfQ=="],
};

/// Looks at `eyJ`.
pub(crate) fn find(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let letter = |byte| is_in(b'v', byte);
    let head = skip_while(text, at, letter);
    if byte(text, head) != b'.' || head - at < 8 || !letter(byte(text, head + 1)) && byte(text, head + 1) != b'.' {
        return;
    }
    let mut end = skip_while(text, head, |byte| letter(byte) || byte == b'.');
    let mut dots = memchr::memchr_iter(b'.', &text[at..end]).count();
    // `x = eyJ….toString()` has a dot and no second part.
    if end - head < 8 && dots < 2 {
        return;
    }
    // Wrapped by a terminal or a mail program: the next line is nothing but the rest.
    for _ in 0..8 {
        let feed = skip_while(text, end, |byte| byte == b'\r');
        if dots >= 2 && end - at < 76 || byte(text, feed) != b'\n' {
            break;
        }
        let rest = skip_while(text, feed + 1, |byte| letter(byte) || byte == b'.');
        let more = memchr::memchr_iter(b'.', &text[feed + 1..rest]).count();
        let alone = matches!(byte(text, rest), b'\n' | b'\r' | 0);
        if !alone || rest - feed < 20 || dots + more > 4 || (dots >= 2 && rest - feed < 40) {
            break;
        }
        dots += more;
        end = rest;
    }
    while end > head && text[end - 1] == b'.' {
        end -= 1;
    }
    out.push(Span::new(at, end, &JWT));
}
