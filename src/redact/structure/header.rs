//! HTTP credentials: `Authorization`, `Bearer x` anywhere, cookies.

use super::extent;
use super::text::{before, byte, line_end, skip_blanks, skip_while};
use crate::look;
use crate::span::{Rule, Span};

pub(crate) static HEADER: Rule = Rule {
    id: "http-credential",
    kind: "token",
    about: "what follows Authorization, Bearer or Basic, whatever the scheme",
    yes: &["Authorization: Bearer {v40}", "-H 'authorization: Token {a32}'", "Proxy-Authorization: Basic dGFyczp{b20}"],
    no: &["Authorization: Bearer $API_KEY", "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\""],
};

pub(crate) static COOKIE: Rule = Rule {
    id: "cookie",
    kind: "session",
    about: "the values in Cookie and Set-Cookie; attributes such as Path stay",
    yes: &["Cookie: sessionid={l32}", "Set-Cookie: auth={v40}; Path=/; HttpOnly"],
    no: &["Set-Cookie header missing", "cookie policy accepted"],
};

/// Parameters of a scheme that are secret, the rest of which may stay.
const PARAMETERS: &[&str] =
    &["response", "signature", "oauth_signature", "mac", "oauth_token", "credential", "token", "cnonce"];

/// The value of an `Authorization` header from `at`.
pub(super) fn authorization(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let mut start = skip_while(text, at, |byte| b" \"'`\t[".contains(&byte));
    let eol = line_end(text, start);
    let open = before(text, start);
    let close = if b"\"'`".contains(&open) { open } else { open_quote(text, start) };
    let end = (start..eol).find(|i| text[*i] == close && close != 0 && before(text, *i) != b'\\').unwrap_or(eol);
    let word = skip_while(&text[..end], start, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let scheme = text[start..word].to_ascii_lowercase();
    let listed = skip_while(&text[..end], word + 1, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let listed = listed > word + 1 && text[listed..].starts_with(b"=\"");
    if byte(text, word) == b' '
        && (listed
            || matches!(&scheme[..], b"digest" | b"aws4-hmac-sha256" | b"oauth" | b"hawk" | b"aws" | b"signature"))
    {
        return parameters(text, word, end, out);
    }
    let blank = byte(text, word) == b' ' || text[word..].starts_with(b"%20");
    if blank && word > start {
        start = skip_while(&text[..end], word + if byte(text, word) == b'%' { 3 } else { 0 }, |byte| byte == b' ');
    }
    let mut stop = skip_while(&text[..end], start, |byte| !byte.is_ascii_whitespace() && !b"\"'`&,;)}".contains(&byte));
    if blank && byte(text, stop) == b' ' && close != 0 && !scheme.is_empty() {
        stop = end;
    }
    let secret = &text[start..stop];
    let alone = !blank && !look::is_loose(secret) && !look::is_random(secret);
    let word_only = secret.len() < 12 && secret.iter().all(u8::is_ascii_alphabetic);
    if secret.len() < 4 || alone || word_only || look::is_placeholder(secret, true) {
        return;
    }
    out.push(Span::new(start, stop, &HEADER));
}

/// The quote in which the header as a whole stands: `-H 'Authorization: x'`.
fn open_quote(text: &[u8], at: usize) -> u8 {
    let around = extent::around(text, at);
    if around.inside[0] {
        b'"'
    } else if around.inside[1] {
        b'\''
    } else {
        0
    }
}

fn parameters(text: &[u8], at: usize, end: usize, out: &mut Vec<Span>) {
    let mut i = at;
    while i < end {
        let start = skip_while(&text[..end], i, |byte| b" ,".contains(&byte));
        let name = skip_while(&text[..end], start, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let lower = String::from_utf8_lossy(&text[start..name]).to_ascii_lowercase();
        let value = skip_while(&text[..end], name, |byte| b"=\"".contains(&byte));
        let stop = skip_while(&text[..end], value, |byte| !b"\", ".contains(&byte));
        if PARAMETERS.contains(&lower.as_str()) && value > name && !look::is_placeholder(&text[value..stop], true) {
            // `Credential=key/date/region/service`: only the key.
            let slash = text[value..stop].iter().position(|byte| *byte == b'/').filter(|_| lower == "credential");
            out.push(Span::new(value, slash.map_or(stop, |slash| value + slash), &HEADER).kind("signature"));
        }
        i = skip_while(&text[..end], stop, |byte| byte == b'"').max(i + 1);
    }
}

/// Looks at `Bearer ` or `Basic ` wherever it stands.
pub(crate) fn scheme(text: &[u8], at: usize, out: &mut Vec<Span>) {
    if before(text, at).is_ascii_alphanumeric() {
        return;
    }
    let word = skip_while(text, at, |byte| byte.is_ascii_alphabetic());
    let start = skip_while(text, word, |byte| byte == b' ');
    let stop = skip_while(text, start, |byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    let secret = &text[start..stop];
    let basic = text[at].eq_ignore_ascii_case(&b'b') && text[at + 1].eq_ignore_ascii_case(&b'a');
    let plain = secret.len() < 16 || byte(text, stop) == b'=';
    if (basic && super::super::pattern::blob::hides(secret, &|plain| plain.contains(&b':')))
        || (!plain && (look::is_loose(secret) || look::is_random(secret)))
    {
        out.push(Span::new(start, stop, &HEADER));
    }
}

/// The pairs of a cookie header from `at`; of a `Set-Cookie` only the first.
pub(super) fn cookies(text: &[u8], at: usize, first_only: bool, out: &mut Vec<Span>) -> bool {
    let mut i = skip_while(text, at, |byte| b" \"'".contains(&byte));
    let mut found = false;
    loop {
        let eol = line_end(text, i);
        let name = skip_while(&text[..eol], i, |byte| byte.is_ascii_alphanumeric() || b"_.-%$".contains(&byte));
        if name == i || byte(text, name) != b'=' {
            return found;
        }
        found = true;
        let stop = skip_while(&text[..eol], name + 1, |byte| !b";\"' \t,".contains(&byte));
        let secret = &text[name + 1..stop];
        if secret.len() > 5 && !look::is_placeholder(secret, true) && !secret.iter().all(u8::is_ascii_alphabetic) {
            out.push(Span::new(name + 1, stop, &COOKIE));
        }
        if first_only || byte(text, stop) != b';' {
            return true;
        }
        i = skip_blanks(text, stop + 1);
    }
}
