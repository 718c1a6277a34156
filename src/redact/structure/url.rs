//! User and password in URLs and in what looks like one: `scheme://u:p@host`, `//u:p@nas/share`,
//! `u:p@tcp(db:3306)/x`, `scott/tiger@//db/x`.
//!
//! Passwords are written with `/`, `#` or `@` unescaped more often than one likes, so the end is
//! the last `@` behind which a host can stand.

use super::place;
use super::text::{byte, skip_while};
use crate::look;
use crate::span::{Rule, Span};

pub(crate) static USER_INFO: Rule = Rule {
    id: "url-password",
    kind: "password",
    about: "the password before the @ of a URL or a connection string",
    yes: &["postgresql://tars:{a16}@postgres:5432/tars_home", "redis://:{a16}@redis:6379/0", "//u:{a16}@nas/docs"],
    no: &[
        "https://url:8000/ @something else",
        "ssh://git@git.home.arpa:2222/x.git",
        "http://user-service:8080/path@v2",
    ],
};

fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`<>\x1b\0".contains(&byte)
}

/// Looks at `://`.
pub(crate) fn scheme(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let start = at + 3;
    let mut end = skip_while(&text[..text.len().min(start + 4096)], start, |byte| !is_end(byte));
    // A list of URLs: the next scheme ends this one.
    if let Some(next) = memchr::memmem::find(&text[start..end], b"://") {
        let word = text[start..start + next]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+')
            .count();
        end = start + next - word;
    }
    let first = skip_while(&text[..end], start, |byte| !b"/?#".contains(&byte));
    let name = text[..at].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+').count();
    let scheme = &text[at - name..at];
    place::dav(text, at - name, end, out);
    match text[start..first].iter().rposition(|byte| *byte == b'@') {
        Some(sign) => user_info(text, start, far_sign(text, start, start + sign, end), out),
        None => without_sign(text, scheme, start, first, end, out),
    }
}

/// A later `@` when a host with a port or a path follows it: the password held a `/` and an `@`.
fn far_sign(text: &[u8], start: usize, sign: usize, end: usize) -> usize {
    if !text[start..sign].contains(&b':') {
        return sign;
    }
    let query = skip_while(&text[..end], sign, |byte| byte != b'?');
    let later = text[sign..query].iter().rposition(|byte| *byte == b'@').map_or(sign, |offset| sign + offset);
    let host = skip_while(&text[..end], later + 1, |byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if host > later + 1 && byte(text, host) == b':' && byte(text, host + 1).is_ascii_digit() { later } else { sign }
}

/// No `@` before the first `/`: a port, a password with a `/` in it, or a URL that was cut off.
fn without_sign(text: &[u8], scheme: &[u8], start: usize, first: usize, end: usize, out: &mut Vec<Span>) {
    let Some(colon) = text[start..first].iter().position(|byte| *byte == b':').map(|colon| start + colon + 1) else {
        return;
    };
    let digits = skip_while(&text[..first], colon, |byte| byte.is_ascii_digit());
    let port = digits == first || digits > colon && b";,)".contains(&text[digits]);
    if byte(text, start) == b'[' || (port && colon < first) {
        return;
    }
    let stop = skip_while(&text[..end], first, |byte| byte != b'?');
    let sign = (first..stop).rev().find(|at| text[*at] == b'@' && is_host(text, at + 1, end));
    if let Some(sign) = sign {
        return user_info(text, start, sign, out);
    }
    let images = [&b"docker"[..], b"oci", b"docker-daemon", b"containers-storage", b"image"];
    let cut = &text[colon..end];
    let stops = end >= text.len() || text[end] == b'\n' || text[end] == b'\r';
    if stops && first == end && !images.contains(&scheme) && look::is_loose(cut) && cut.len() > 7 {
        out.push(Span::new(colon, end, &USER_INFO));
    }
}

/// Whether a host stands at `at`: a name before a port, a path or the end; an address; `tcp(`.
fn is_host(text: &[u8], at: usize, end: usize) -> bool {
    let rest = &text[at..end];
    if [&b"["[..], b"tcp(", b"unix(", b"(", b"${"].iter().any(|open| rest.starts_with(open)) {
        return true;
    }
    let host = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte)).count();
    host > 0 && (host == rest.len() || b":/,?)];".contains(&rest[host]))
}

/// Hides the password between `start` and the `@`, or a user that is itself a token.
fn user_info(text: &[u8], start: usize, sign: usize, out: &mut Vec<Span>) {
    let info = &text[start..sign];
    let Some(colon) = info.iter().position(|byte| *byte == b':') else {
        if look::is_random(info) && info.len() >= 16 {
            out.push(Span::new(start, sign, &USER_INFO).kind("token"));
        }
        return;
    };
    let (user, password) = (&info[..colon], &info[colon + 1..]);
    if look::is_placeholder(password, true) && !password.starts_with(b"/") || password.is_empty() {
        if look::is_random(user) && user.len() >= 16 {
            out.push(Span::new(start, start + colon, &USER_INFO).kind("token"));
        }
        return;
    }
    let random_user = user.len() >= 8 && look::mix(user).hex && look::mix(user).digit > 1
        || look::is_random(user) && user.len() >= 20;
    let from = if random_user { start } else { start + colon + 1 };
    out.push(Span::new(from, sign, &USER_INFO));
}

/// Looks at an `@` that no scheme precedes.
pub(crate) fn sign(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let low = at.saturating_sub(512);
    let start =
        at - text[low..at].iter().rev().take_while(|byte| !is_end(**byte) && !b"=({[,;|".contains(byte)).count();
    let end = skip_while(&text[..text.len().min(at + 300)], at, |byte| !is_end(byte));
    let word = &text[start..at];
    if word.len() < 3 || memchr::memmem::find(word, b"://").is_some() || text[at..].starts_with(b"@sha256") {
        return;
    }
    let share = word.starts_with(b"//");
    let from = start + if share { 2 } else { 0 };
    let oracle = text[at + 1..end].starts_with(b"//");
    let colon = text[from..at].iter().position(|byte| *byte == b':');
    let slash = || text[from..at].iter().rposition(|byte| *byte == b'/').filter(|_| !share);
    let host = skip_while(&text[..end], at + 1, |byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let port = byte(text, host) == b':' && byte(text, host + 1).is_ascii_digit();
    let dsn = text[at + 1..end].starts_with(b"tcp(") || text[at + 1..end].starts_with(b"unix(");
    let Some(split) = colon.or_else(|| if oracle || port { slash() } else { None }) else { return };
    let (user, password) = (&text[from..from + split], &text[from + split + 1..at]);
    // `jdbc:oracle:thin:app/secret@db`: the last part is the user's.
    if colon.is_some() && user == b"jdbc" {
        if let Some(slash) = slash() {
            out.push(Span::new(from + slash + 1, at, &USER_INFO));
        }
        return;
    }
    let plain = user.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.\\%+-".contains(byte));
    let scheme = [&b"mailto"[..], b"sip", b"sips", b"xmpp", b"acct", b"http", b"https", b"file", b"image", b"tag"];
    let sure = share || oracle || dsn || port || look::is_loose(password);
    if plain
        && !scheme.contains(&user)
        && sure
        && is_host_or_dsn(text, at, end, dsn || oracle)
        && !look::is_placeholder(password, true)
        && !look::is_quantity(password)
    {
        out.push(Span::new(from + split + 1, at, &USER_INFO));
    }
}

fn is_host_or_dsn(text: &[u8], at: usize, end: usize, sure: bool) -> bool {
    sure || is_host(text, at + 1, end)
}
