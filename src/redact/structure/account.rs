//! Lines of account files: `sasl_passwd`, `chap-secrets`, `smbpasswd`, `upsmon.conf`, and of any file whose
//! heading says that it holds secrets.

use super::pair::PAIR;
use super::text::{before, byte, line_end, line_start, next_line, quote, skip_blanks, skip_while, trim};
use super::{extent, space};
use crate::look;
use crate::marker;
use crate::span::{Rule, Span};

pub(crate) static ACCOUNT: Rule = Rule {
    id: "account-file",
    kind: "password",
    about: "passwords in the lines of account files (sasl_passwd, chap-secrets, smbpasswd, upsmon, *.secrets)",
    yes: &[
        "[smtp.example.org]:587 nas@example.org:{p14}",
        "alice * {a12} *",
        "MONITOR ups@localhost 1 upsmon {a12} master",
        "# /etc/rsyncd.secrets\nbackup:{a14}",
        "karl:1004:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:{H32}:[U          ]:LCT-65A1B2C3:",
    ],
    no: &["[::1]:587 connection refused: timeout", "5 4 * * 1 root", "monitor nas 1 up and running"],
};

type Word = (usize, usize);

/// The words of a line, quotes taken off.
fn words(text: &[u8], start: usize, eol: usize) -> Vec<Word> {
    let (mut words, mut at) = (Vec::new(), start);
    while words.len() < 8 {
        at = skip_blanks(text, at);
        if at >= eol {
            break;
        }
        let quoted = quote(text, at).and_then(|_| extent::quoted(&text[..eol], at, false));
        let (from, to) = quoted.map_or_else(
            || (at, skip_while(&text[..eol], at, |byte| !byte.is_ascii_whitespace())),
            |value| (value.start, value.end),
        );
        words.push((from, to));
        at = to + usize::from(quoted.is_some());
    }
    words
}

fn push(text: &[u8], (start, end): Word, out: &mut Vec<Span>) {
    if end > start + 3 && !look::is_placeholder(&text[start..end], true) {
        out.push(Span::new(start, end, &ACCOUNT));
    }
}

/// Looks at `]:`: `[relay]:587 user:password`.
pub(crate) fn relay(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let letters = text[..at].iter().rev().take(256).take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'[');
    let open = at - letters.count();
    if before(text, open) != b'[' {
        return;
    }
    let start = line_start(text, at);
    if let [(from, to), account] = words(text, start, line_end(text, at))[..]
        && from + 1 == open
        && text.get(at + 2..to).is_some_and(|port| port.iter().all(u8::is_ascii_digit))
    {
        behind_colon(text, account, out);
    }
}

/// `user:password`.
fn behind_colon(text: &[u8], (start, end): Word, out: &mut Vec<Span>) {
    let user = skip_while(&text[..end], start, |byte| byte.is_ascii_alphanumeric() || b"._-@+\\".contains(&byte));
    if user > start && byte(text, user) == b':' {
        push(text, (user + 1, end), out);
    }
}

/// Looks at ` * `: `client * secret *`.
pub(crate) fn chap(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let start = line_start(text, at);
    let words = words(text, start, line_end(text, at));
    if let [client, server, secret, address] = words[..] {
        let is = |word: Word, what: &[u8]| &text[word.0..word.1] == what;
        let peer = text[address.0..address.1].iter().all(|byte| byte.is_ascii_hexdigit() || b"*.:/".contains(byte));
        let cron = text[client.0..client.1].iter().all(|byte| byte.is_ascii_digit() || b"*/,-#".contains(byte));
        if (is(server, b"*") || is(client, b"*")) && peer && !cron && !is(secret, b"*") {
            push(text, secret, out);
        }
    }
}

/// Looks at `MONITOR `: `MONITOR ups@host 1 user password master`.
pub(crate) fn monitor(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let words = words(text, at, line_end(text, at));
    if let [_, system, power, _, secret, role] = words[..] {
        let role = text[role.0..role.1].to_ascii_lowercase();
        let known = matches!(&role[..], b"master" | b"slave" | b"primary" | b"secondary");
        if known && text[power.0..power.1].iter().all(u8::is_ascii_digit) && text[system.0..system.1].contains(&b'@') {
            push(text, secret, out);
        }
    }
}

/// Looks at `:LCT-` or `:::`: the two hashes of an account, as Samba and dumps of Windows keep them.
pub(crate) fn lan_hashes(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let mut from = line_start(text, at);
    for field in text[from..at].split(|byte| *byte == b':') {
        if field.len() == 32 && field.iter().all(u8::is_ascii_hexdigit) {
            out.push(Span::new(from, from + 32, &ACCOUNT).kind("hash"));
        }
        from += field.len() + 1;
    }
}

/// How many lines a heading reaches.
const LINES: usize = 200;

/// The lines below a heading that names a file of secrets (`# /etc/rsyncd.secrets`), or `list: |` below `chpasswd:`.
pub(super) fn below_heading(text: &[u8], start: usize, end: usize, out: &mut Vec<Span>) {
    let last = matches!(byte(text, end), b'\n' | b'\r' | 0);
    let dotted = || text[start..end].iter().any(|byte| b"._-".contains(byte));
    let file = last && before(text, start) == b'/' && dotted() && byte(text, line_start(text, start)) == b'#';
    let chpasswd = matches!(before(text, start), b'\n' | 0) && text[start..].starts_with(b"chpasswd:");
    if !file && !chpasswd {
        return;
    }
    let mut row = next_line(text, end);
    for _ in 0..LINES {
        let Some(start) = row else { return };
        let (from, to) = trim(text, start, line_end(text, start));
        if from >= to || chpasswd && from == start {
            return;
        }
        account(text, from, to, chpasswd, out);
        row = next_line(text, to);
    }
}

/// One line of such a file: `user:password`, or words of which the last is one or holds a colon.
fn account(text: &[u8], from: usize, to: usize, settings: bool, out: &mut Vec<Span>) {
    let line = &text[from..to];
    // A line that holds a replacement was read when it was whole.
    if line.starts_with(b"#")
        || marker::find(line).is_some()
        || settings && (line.ends_with(b"|") || line.contains(&b' '))
    {
        return;
    }
    let words = words(text, from, to);
    let colon = line.iter().position(|byte| *byte == b':');
    match (colon, &words[..]) {
        (_, [_, (start, end)]) if text[*start..*end].contains(&b':') => behind_colon(text, (*start, *end), out),
        (Some(colon), [(_, end), ..]) if from + colon < *end => push(text, (from + colon + 1, to), out),
        _ => {}
    }
}

/// Looks at `client_send`: `= ^user^password`, `= : user : password`.
pub(crate) fn client_send(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let eol = line_end(text, at);
    let mark = |byte: &u8| b"^:".contains(byte);
    let Some(first) = text[at..eol].iter().position(mark).map(|first| at + first) else { return };
    let last = at + text[at..eol].iter().rposition(|byte| *byte == text[first]).unwrap_or(0);
    if last > first {
        push(text, trim(text, last + 1, eol), out);
    }
}

/// Looks at `&t=` or `&p=`: a music client's login in a query, `u=user&t=hash&s=salt` or `u=user&p=password`.
pub(crate) fn query_login(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let part = |byte: &u8| byte.is_ascii_graphic() && !b"\"'<>?".contains(byte);
    let low = at - text[..at].iter().rev().take(400).take_while(|byte| part(byte)).count();
    let end = skip_while(text, at + 3, |byte| part(&byte) && byte != b'&');
    let far = skip_while(text, end, |byte| part(&byte));
    let has = |name: &[u8]| text[low..far].split(|byte| *byte == b'&').any(|pair| pair.starts_with(name));
    let hash = end - at - 3 == 32 && text[at + 3..end].iter().all(u8::is_ascii_hexdigit);
    if has(b"u=") && (text[at + 1] == b'p' || hash && has(b"s=")) {
        push(text, (at + 3, end), out);
    }
}

/// Looks at `UGFzc3dvcmQ6`: a mail server asks for the password, in base64; the client's next line is the answer.
pub(crate) fn asked(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let Some(next) = next_line(text, at) else { return };
    let (start, end) = trim(text, next, line_end(text, next));
    let from = text[start..end].iter().rposition(|byte| *byte == b' ').map_or(start, |blank| start + blank + 1);
    let letters = text[from..end].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
    if letters && end > from + 3 {
        out.push(Span::new(from, end, &ACCOUNT));
    }
}

/// Looks at ` LOGIN `: `a001 LOGIN user password`, in capitals, two words and no more.
pub(crate) fn imap_login(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let (start, eol) = (line_start(text, at), line_end(text, at));
    let tag = text[start..at].rsplit(|byte| b" :>".contains(byte)).next().unwrap_or_default();
    let tagged = !tag.is_empty() && tag.len() < 12 && tag.iter().any(u8::is_ascii_digit);
    if &text[at..at + 7] != b" LOGIN " || !tagged {
        return;
    }
    if let [_, secret] = words(text, at + 7, eol)[..] {
        push(text, secret, out);
    }
}

/// Looks at ` = 0x`: a debugger shows a string that was asked for by a secret's name on the line before.
pub(crate) fn debugger(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let line = line_start(text, at);
    if byte(text, line) != b'$' || line == 0 {
        return;
    }
    let (start, end) = trim(text, line_start(text, line - 1), line - 1);
    let name = text[start..end].rsplit(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_')).next();
    let eol = line_end(text, at);
    let open = text[at..eol].iter().position(|byte| *byte == b'"').map(|open| at + open);
    if name.is_some_and(space::is_strong)
        && let Some(value) = open.and_then(|open| extent::quoted(text, open, false))
    {
        out.push(Span::new(value.start, value.end, &PAIR).kind("password"));
    }
}
