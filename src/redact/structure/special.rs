//! Surroundings with a form of their own: `.pgpass`, Redis ACLs, `echo x | …`, validation errors, form data.

use super::extent;
use super::text::{before, byte, line_end, line_start, next_line, quote, skip_blanks, skip_while, trim};
use crate::look;
use crate::name::{self, Grade};
use crate::span::{Rule, Span};

pub(crate) static PGPASS: Rule = Rule {
    id: "pgpass",
    kind: "password",
    about: "the last field of a .pgpass line",
    yes: &["postgres:5432:tars_home:tars:{a16}", "*:*:*:repl:{a16}"],
    no: &["0.0.0.0:5432->5432/tcp"],
};

pub(crate) static ACL: Rule = Rule {
    id: "redis-acl",
    kind: "password",
    about: "passwords and their hashes in Redis ACL rules",
    yes: &["user default on #{h64} ~* &* +@all", "ACL SETUSER tars on >{a20} ~* +@all"],
    no: &["user default on nopass ~* &* +@all"],
};

pub(crate) static ECHO: Rule = Rule {
    id: "piped",
    kind: "password",
    about: "what echo or printf hands to a command that reads a password",
    yes: &[
        "echo '{p14}' | sudo -S ls",
        "echo {a24} | docker login -u ci --password-stdin r",
        "echo \"tars:{a14}\" | chpasswd",
    ],
    no: &["echo done | tee log", "echo \"$PW\" | sudo -S ls"],
};

pub(crate) static INPUT: Rule = Rule {
    id: "rejected-input",
    kind: "password",
    about: "the value that a validation error repeats for a secret field",
    yes: &["{\"loc\":[\"body\",\"password\"],\"msg\":\"too short\",\"input\":\"{a9}\"}"],
    no: &["{\"loc\":[\"body\",\"limit\"],\"msg\":\"too big\",\"input\":\"900\"}"],
};

pub(crate) static TELEGRAM: Rule = Rule {
    id: "telegram-bot",
    kind: "token",
    about: "Telegram bot tokens",
    yes: &["bot {d10}:AA{v33}"],
    no: &["ratio 12345:AAB"],
};

/// Looks at `:*:` or a database port between colons: five fields, the fourth a user.
pub(crate) fn pgpass(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let (start, eol) = (line_start(text, at), line_end(text, at));
    let mut fields = Vec::new();
    let mut from = start;
    for index in start..eol {
        if text[index] == b':' && before(text, index) != b'\\' && fields.len() < 4 {
            fields.push((from, index));
            from = index + 1;
        }
    }
    let plain = |(from, to): &(usize, usize)| to > from && text[*from..*to].iter().all(u8::is_ascii_graphic);
    let port =
        |(from, to): &(usize, usize)| &text[*from..*to] == b"*" || text[*from..*to].iter().all(u8::is_ascii_digit);
    let (_, end) = trim(text, from, eol);
    if fields.len() == 4
        && fields.iter().all(plain)
        && port(&fields[1])
        && end > from
        && !text[from..end].iter().any(|byte| b" :".contains(byte))
        && !look::is_placeholder(&text[from..end], true)
    {
        out.push(Span::new(from, end, &PGPASS));
    }
}

/// Looks at a part of a Redis ACL rule: `>password` and `#hash` words on its line.
pub(crate) fn acl(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let (start, eol) = (line_start(text, at), line_end(text, at));
    let mut from = start;
    for word in text[start..eol].split(|byte| *byte == b' ' || *byte == b'"') {
        let digest = word.len() == 65 && word[1..].iter().all(u8::is_ascii_hexdigit);
        let marked = matches!(word.first(), Some(b'#' | b'!')) && digest
            || matches!(word.first(), Some(b'>' | b'<')) && word.len() > 4;
        if marked && !look::is_placeholder(&word[1..], true) {
            out.push(Span::new(from + 1, from + word.len(), &ACL));
        }
        from += word.len() + 1;
    }
}

/// Looks at `echo ` or `printf `: what it prints, if a reader of passwords takes it.
pub(crate) fn echo(text: &[u8], at: usize, out: &mut Vec<Span>) {
    const READERS: [&str; 15] = [
        "sudo -s",
        "password-stdin",
        "chpasswd",
        "passwd --stdin",
        "secret create",
        "with-token",
        "cryptsetup",
        "su ",
        "load-key",
        "smbpasswd",
        "gpg ",
        "htpasswd",
        "kinit",
        "openssl ",
        "login",
    ];
    let eol = line_end(text, at).min(at + 4096);
    let line = String::from_utf8_lossy(&text[at..eol]).to_ascii_lowercase();
    let low = line_start(text, at).max(at.saturating_sub(60));
    let lead = String::from_utf8_lossy(&text[low..at]).to_ascii_lowercase();
    let piped = line.split_once('|').is_some_and(|(_, rest)| READERS.iter().any(|reader| rest.contains(reader)));
    let file = line.split_once('>').is_some_and(|(_, rest)| {
        ["pass", "secret", "token", "cred", "pw", "key"].iter().any(|word| rest.contains(word))
    });
    let piped = piped || file;
    let asked = ["password", "passwd", "passphrase", "secret", "askpass", "keyscript", "preshared-key", "private-key"]
        .iter()
        .any(|word| lead.contains(word))
        && lead.trim_end().ends_with(['(', '\'', '"', '=', '/', '`']);
    if !piped && !asked {
        return;
    }
    let mut start = skip_while(text, at, |byte| byte.is_ascii_alphabetic());
    let mut last = None;
    let open = lead.trim_end().bytes().last().filter(|byte| matches!(byte, b'\'' | b'"'));
    loop {
        start = skip_blanks(text, start);
        if open.is_some_and(|quote| byte(text, start) == quote)
            || start >= eol
            || b"|)`;'\"".contains(&byte(text, start)) && quote(text, start).is_none()
        {
            break;
        }
        let value = quote(text, start).and_then(|_| extent::quoted(text, start, false)).filter(|value| value.end < eol);
        let (from, to, next) = if let Some(value) = value {
            (value.start, value.end, value.end + 1)
        } else {
            let end =
                skip_while(&text[..eol], start, |byte| !byte.is_ascii_whitespace() && !b"|)`'\";".contains(&byte));
            (start, end, end.max(start + 1))
        };
        if text[from..to].first() != Some(&b'-') && !text[from..to].starts_with(b"%") && from < to {
            last = Some((from, to));
        }
        start = next;
        if b"|>".contains(&byte(text, skip_blanks(text, start))) {
            break;
        }
    }
    if let Some((mut from, to)) = last {
        if let Some(colon) = text[from..to].iter().position(|byte| *byte == b':').filter(|_| line.contains("chpasswd"))
        {
            from += colon + 1;
        }
        if !look::is_placeholder(&text[from..to], true) && !text[from..to].starts_with(b"$") {
            out.push(Span::new(from, to, &ECHO));
        }
    }
}

/// Looks at `"input":` or `input_value=`: what was rejected, if a secret's name stands before it.
pub(crate) fn input(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let sign = skip_while(text, at + 1, |byte| byte.is_ascii_alphabetic() || b"_\"".contains(&byte));
    let start = skip_while(text, sign, |byte| b":= ".contains(&byte));
    let Some(value) = extent::quoted(text, start, false).filter(|value| value.end > value.start) else { return };
    // The field is named on this line or one of the two above.
    let mut low = line_start(text, at);
    for _ in 0..2 {
        low = line_start(text, low.saturating_sub(1));
    }
    let low = low.max(at.saturating_sub(4096));
    let mut lead = text[low..at].to_vec();
    // The kind in an earlier replacement names nothing.
    while let Some((start, end)) = crate::marker::find(&lead) {
        lead[start..end].fill(b' ');
    }
    let named = lead
        .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        .any(|word| word.len() > 2 && name::grade(word) == Grade::Strong);
    if named && !look::is_placeholder(&text[value.start..value.end], true) {
        out.push(Span::new(value.start, value.end, &INPUT));
    }
}

/// Looks at ` is your`: "123456 is your verification code".
pub(crate) fn is_your(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let eol = line_end(text, at).min(at + 60);
    let rest = String::from_utf8_lossy(&text[at..eol]).to_ascii_lowercase();
    let start = at - text[..at].iter().rev().take(64).take_while(|byte| byte.is_ascii_graphic()).count();
    let digits = text[start..at].iter().filter(|byte| byte.is_ascii_digit()).count();
    if (digits > 2 || look::is_loose(&text[start..at]))
        && ["code", "password", "pin", "otp", "token"].iter().any(|word| rest.contains(word))
        && !look::is_placeholder(&text[start..at], true)
    {
        out.push(Span::new(start, at, &super::pair::PAIR).kind("code"));
    }
}

/// Looks at `form-data;`: the body of a part whose name is a secret's.
pub(crate) fn form_data(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let eol = line_end(text, at);
    let Some(start) = memchr::memmem::find(&text[at..eol], b"name=\"").map(|start| at + start + 6) else { return };
    let end = skip_while(&text[..eol], start, |byte| byte != b'"');
    if name::grade(&text[start..end]) != Grade::Strong {
        return;
    }
    let mut line = next_line(text, eol);
    let mut blank = false;
    for _ in 0..4 {
        let Some(from) = line else { return };
        let to = line_end(text, from);
        if blank && to > from {
            if !look::is_placeholder(&text[from..to], true) {
                out.push(Span::new(from, to, &super::pair::PAIR).kind(name::kind_of(&text[start..end])));
            }
            return;
        }
        // Between the name and the blank line stand headers only.
        if to > from && !text[from..to].contains(&b':') {
            return;
        }
        blank |= from == to;
        line = next_line(text, to);
    }
}

/// Looks at `:AA`: a bot's number before it, its secret behind.
pub(crate) fn telegram(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let digits = text[..at].iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let end = skip_while(text, at + 1, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if (7..11).contains(&digits) && end - at > 30 {
        out.push(Span::new(at - digits, end, &TELEGRAM));
    }
}
