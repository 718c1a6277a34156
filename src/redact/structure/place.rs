//! Values that are secret by their place alone: no name beside them says so.

use super::extent;
use super::text::{before, byte, indent, line_end, line_start, next_line, quote, skip_blanks, skip_while, trim};
use crate::look;
use crate::span::{Rule, Span};

pub(crate) static KUBERNETES: Rule = Rule {
    id: "kubernetes-secret",
    kind: "secret",
    about: "every value below stringData, and below data of a Kubernetes Secret",
    yes: &[
        "kind: Secret\nstringData:\n  smtp-relay: \"{p14}\"\n  other: {a14}\ntype: Opaque",
        "kind: Secret\nmetadata:\n  name: x\ndata:\n  relay: {b20}",
    ],
    no: &["kind: ConfigMap\ndata:\n  relay: smtp.home.arpa", "data:\n  relay: aGVsbG8="],
};

pub(crate) static TERRAFORM: Rule = Rule {
    id: "terraform-random",
    kind: "password",
    about: "the result of a random_password in a Terraform state",
    yes: &["{\"type\":\"random_password\",\"instances\":[{\"attributes\":{\"result\":\"{p20}\",\"length\":20}}]}"],
    no: &["{\"type\":\"random_pet\",\"instances\":[{\"attributes\":{\"result\":\"happy-otter\"}}]}"],
};

pub(crate) static WIFI: Rule = Rule {
    id: "wifi",
    kind: "password",
    about: "the key of a Wi-Fi code (WIFI:S:…;P:…;;) or of a Windows profile",
    yes: &["WIFI:S:home;T:WPA;P:{a14};;", "    Key Content            : {p12}"],
    no: &["WIFI:connected;S:home", "Key Content"],
};

pub(crate) static IPSEC: Rule = Rule {
    id: "ipsec",
    kind: "password",
    about: "the EAP, XAUTH or NTLM secrets of ipsec.secrets",
    yes: &["%any : EAP \"{p14}\"", "alice : XAUTH \"{a14}\""],
    no: &["wlan0: EAP authentication started"],
};

pub(crate) static TYPED: Rule = Rule {
    id: "typed",
    kind: "password",
    about: "what a script types for a person: expect's send, a here-string for a reader of passwords",
    yes: &["expect: send \"{p14}\\r\"", "kinit bob@HOME.ARPA <<< \"{p14}\"", "sudo -S ls <<<'{a14}'"],
    no: &["send \"yes\\r\"", "wc -l <<< \"a1b2c3d4e5\""],
};

pub(crate) static DAV: Rule = Rule {
    id: "davfs",
    kind: "password",
    about: "the lines of davfs2's secrets: a URL, a user, a password",
    yes: &["https://dav.home.arpa/ bob {p14}"],
    no: &["https://dav.home.arpa/ answered slowly", "http://nas/x 200 0.123"],
};

pub(crate) static CIFS: Rule = Rule {
    id: "cifs-user",
    kind: "password",
    about: "user%password among the options of a CIFS mount",
    yes: &["//nas/docs /mnt cifs vers=3.0,user=bob%{a12},noperm 0 0"],
    no: &["GET /x?user=bob%40home.arpa"],
};

fn push(text: &[u8], start: usize, end: usize, rule: &'static Rule, out: &mut Vec<Span>) {
    if end > start + 3 && !look::is_placeholder(&text[start..end], true) {
        out.push(Span::new(start, end, rule));
    }
}

/// How many lines of a manifest are looked at.
const LINES: usize = 200;

/// Looks at `stringdata:` and at `kind: secret`.
pub(crate) fn kubernetes(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let line = line_start(text, at);
    if text[line..at].iter().any(|byte| !b" -".contains(byte)) {
        return;
    }
    let eol = line_end(text, at);
    let sole = text[at..eol].trim_ascii();
    if sole.eq_ignore_ascii_case(b"stringdata:") {
        return settings(text, eol, indent(text, line), out);
    }
    if !sole.eq_ignore_ascii_case(b"kind: secret") {
        return;
    }
    // `data:` of the same document, above or below.
    let mut first = line;
    for _ in 0..LINES {
        let Some(above) = first.checked_sub(1).map(|end| line_start(text, end)) else { break };
        if text[above..].starts_with(b"---") {
            break;
        }
        first = above;
    }
    let mut next = Some(first);
    for _ in 0..2 * LINES {
        let Some(start) = next.filter(|start| !text[*start..].starts_with(b"---") || *start < line) else { return };
        let end = line_end(text, start);
        if text[start..end].trim_ascii() == b"data:" {
            settings(text, end, indent(text, start), out);
        }
        next = next_line(text, end);
    }
}

/// The deeper `key: value` lines below a heading; a value may be a block of lines.
fn settings(text: &[u8], eol: usize, base: usize, out: &mut Vec<Span>) {
    let (mut line, mut block) = (next_line(text, eol), None);
    for _ in 0..LINES {
        let Some(start) = line else { return };
        let end = line_end(text, start);
        let (from, to) = trim(text, start, end);
        line = next_line(text, end);
        let deep = indent(text, start);
        if from == to || byte(text, from) == b'#' {
            continue;
        }
        if deep <= base {
            return;
        }
        if block.is_some_and(|key| deep > key) {
            push(text, from, to, &KUBERNETES, out);
            continue;
        }
        block = None;
        let key = skip_while(&text[..to], from, |byte| byte != b':' && byte != b' ');
        let value = skip_blanks(text, key + 1);
        if byte(text, key) != b':' || value >= to {
            continue;
        }
        if b"|>".contains(&text[value]) && to - value < 4 {
            block = Some(deep);
        } else if let Some(value) = quote(text, value).and_then(|_| extent::quoted(text, value, false)) {
            push(text, value.start, value.end, &KUBERNETES, out);
        } else {
            push(text, value, to, &KUBERNETES, out);
        }
    }
}

/// Looks at `"result"`, in the state of a `random_password`.
pub(crate) fn terraform(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let lead = &text[at.saturating_sub(2048)..at];
    let Some(random) = memchr::memmem::rfind(lead, b"\"random_") else { return };
    let colon = skip_blanks(text, at + 8);
    if byte(text, colon) != b':' || !lead[random..].starts_with(b"\"random_password\"") {
        return;
    }
    if let Some(value) = extent::quoted(text, skip_blanks(text, colon + 1), false) {
        push(text, value.start, value.end, &TERRAFORM, out);
    }
}

/// Looks at `WIFI:`.
pub(crate) fn wifi(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let mut from = at + 5;
    for part in text[from..line_end(text, at).min(at + 300)].split(|byte| *byte == b';') {
        if part.starts_with(b"P:") {
            push(text, from + 2, from + part.len(), &WIFI, out);
        }
        from += part.len() + 1;
    }
}

/// Looks at `key content`, as `netsh wlan show profile` prints it.
pub(crate) fn key_content(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let colon = skip_blanks(text, at + 11);
    if byte(text, colon) == b':' {
        let (start, end) = trim(text, (colon + 1).min(line_end(text, at)), line_end(text, at));
        push(text, start, end, &WIFI, out);
    }
}

/// Looks at `: eap "` and its like.
pub(crate) fn ipsec(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let open = skip_while(text, at, |byte| byte != b'"');
    if let Some(value) = extent::quoted(text, open, false) {
        push(text, value.start, value.end, &IPSEC, out);
    }
}

/// Looks at `send "`: a word that only a password is, and the key that ends it.
pub(crate) fn send(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let Some(value) = extent::quoted(text, at + 5, false) else { return };
    let typed = &text[value.start..value.end];
    let Some(word) = typed.strip_suffix(b"\\r").or_else(|| typed.strip_suffix(b"\\n")) else { return };
    let word = word.strip_suffix(b"\\").unwrap_or(word);
    if look::is_loose(word) && !word.contains(&b' ') {
        push(text, value.start, value.start + word.len(), &TYPED, out);
    }
}

/// Looks at `<<<`: what a reader of passwords gets.
pub(crate) fn here_string(text: &[u8], at: usize, out: &mut Vec<Span>) {
    const READERS: [&str; 8] = ["sudo -s", "kinit", "stdin", "passwd", "cryptsetup", "su ", "gpg ", "smbpasswd"];
    let low = line_start(text, at).max(at.saturating_sub(200));
    let lead = String::from_utf8_lossy(&text[low..at]).to_ascii_lowercase();
    if !READERS.iter().any(|reader| lead.contains(reader)) {
        return;
    }
    let start = skip_blanks(text, at + 3);
    if let Some(value) = quote(text, start).and_then(|_| extent::quoted(text, start, false)) {
        push(text, value.start, value.end, &TYPED, out);
    } else {
        let end = skip_while(text, start, |byte| byte.is_ascii_graphic() && !b";|&)".contains(&byte));
        push(text, start, end, &TYPED, out);
    }
}

/// A URL that opens its line at `start` and ends at `end`: a user and a password may follow.
pub(super) fn dav(text: &[u8], start: usize, end: usize, out: &mut Vec<Span>) {
    if !matches!(before(text, start), b'\n' | 0) || byte(text, end) != b' ' {
        return;
    }
    let word = |at: usize| {
        let from = skip_blanks(text, at);
        (from, skip_while(text, from, |byte| byte.is_ascii_graphic()))
    };
    let (user, secret) = (word(end), word(word(end).1));
    let over = matches!(byte(text, secret.1), b'\n' | b'\r' | 0);
    let named = text[user.0..user.1].iter().any(u8::is_ascii_alphabetic);
    let value = &text[secret.0..secret.1];
    let mix = look::mix(value);
    if over && named && look::is_loose(value) && mix.len > 7 && (mix.upper > 0 && mix.lower > 0 || mix.other > 0) {
        push(text, secret.0, secret.1, &DAV, out);
    }
}

/// Looks at `user=` and `username=`: `bob%password` on a line about CIFS.
pub(crate) fn cifs(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let start = skip_while(text, at, |byte| byte != b'=') + 1;
    let end = skip_while(text, start, |byte| byte.is_ascii_graphic() && !b",'\"".contains(&byte));
    let Some(sign) = text[start..end].iter().position(|byte| *byte == b'%').map(|sign| start + sign + 1) else {
        return;
    };
    let line = &text[line_start(text, at)..line_end(text, at)];
    if ["cifs", "smb", "vers=", "sec=ntlm"].iter().any(|word| memchr::memmem::find(line, word.as_bytes()).is_some()) {
        push(text, sign, end, &CIFS, out);
    }
}
