//! Private keys in armour, whole or cut off at either end, quoted, indented or in one line.
//!
//! Certificates and public keys are armoured too: their bodies are remembered as quiet, so that the
//! search for random letters leaves them alone.

use crate::span::{Rule, Span};
use crate::structure::text::{byte, line_end, line_start, next_line, skip_while};
use crate::value::is_base64;

pub(crate) static KEY_BLOCK: Rule = Rule {
    id: "key-block",
    kind: "private-key",
    about: "the body of a private key (PEM, OpenSSH, PGP, OpenVPN, PuTTY), also cut off at either end",
    yes: &["-----BEGIN EC PRIVATE KEY-----\n{b64}\n{b40}==\n-----END EC PRIVATE KEY-----"],
    no: &["-----BEGIN REPORT-----\nall services healthy\n-----END REPORT-----"],
};

/// Bodies of armour that is not secret.
pub(crate) type Quiet = Vec<(usize, usize)>;

/// Looks at `--BEGIN `: hides or remembers the body behind it.
pub(crate) fn begin(text: &[u8], at: usize, out: &mut Vec<Span>, quiet: &mut Quiet) {
    let Some((label, body)) = label(text, at + 2) else { return };
    let end = body_end(text, body);
    if is_private(&text[label..body]) {
        out.push(Span::new(first_letter(text, body, end), end, &KEY_BLOCK));
    } else {
        quiet.push((body, end));
    }
}

/// Looks at `--END `: a body whose beginning was cut off stands before it.
pub(crate) fn end(text: &[u8], at: usize, out: &mut Vec<Span>, quiet: &mut Quiet) {
    let Some((label, body)) = label(text, at + 2) else { return };
    let dashes = text[..at].iter().rev().take_while(|byte| **byte == b'-').count();
    let stop = at - dashes;
    if out.iter().rev().take(64).any(|span| span.end >= stop && span.start < stop)
        || quiet.iter().any(|(from, to)| *from < stop && *to >= stop)
    {
        return;
    }
    // Already replaced.
    if text[..stop].trim_ascii_end().ends_with(b"]") {
        return;
    }
    let mut start = stop;
    let mut line = line_start(text, stop);
    let inline =
        text[line..stop].iter().rev().take_while(|byte| is_base64(**byte) || **byte == b'n' || **byte == b'\\').count();
    start -= inline;
    // An END stands alone on its line, behind the last letters of the body, or behind a mark of quotation.
    if inline == 0 && text[line..stop].iter().any(|byte| !b" \t>|*#\r".contains(byte)) {
        return;
    }
    while inline == 0 && line > 0 {
        let above = line_start(text, line - 1);
        if !is_body(text, above, line - 1, true) {
            break;
        }
        (start, line) = (above, above);
    }
    if text[start..stop].trim_ascii().is_empty() {
        return;
    }
    if is_private(&text[label..body]) {
        out.push(Span::new(start, stop, &KEY_BLOCK));
    } else {
        quiet.push((start, stop));
    }
}

/// `PuTTY` keys: `Private-Lines: n`, then that many lines.
pub(crate) fn putty(text: &[u8], at: usize, out: &mut Vec<Span>) {
    let eol = line_end(text, at);
    let Some(start) = next_line(text, eol) else { return };
    let mut end = start;
    while end < text.len() && is_body(text, end, line_end(text, end), false) {
        end = next_line(text, end).unwrap_or(text.len());
    }
    let end = skip_back(text, start, end);
    out.push(Span::new(start, end, &KEY_BLOCK));
}

fn skip_back(text: &[u8], start: usize, end: usize) -> usize {
    end - text[start..end].iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Where the label starts and where the body after its dashes does.
fn label(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = skip_while(text, at, |byte| byte == b' ');
    let end = skip_while(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
    (end - start < 80 && byte(text, end) == b'-').then(|| (start, skip_while(text, end, |byte| byte == b'-')))
}

fn is_private(label: &[u8]) -> bool {
    [&b"PRIVATE"[..], b"SECRET", b"Static key"].iter().any(|word| memchr::memmem::find(label, word).is_some())
}

fn first_letter(text: &[u8], body: usize, end: usize) -> usize {
    let mut start = body;
    while start < end
        && (text[start].is_ascii_whitespace()
            || text[start..end].starts_with(b"\\n")
            || text[start..end].starts_with(b"\\r"))
    {
        start += if text[start] == b'\\' { 2 } else { 1 };
    }
    // What the armour says of itself stays.
    let eol = line_end(text, start);
    if eol < end && is_armour_header(text[start..eol].trim_ascii()) { first_letter(text, eol, end) } else { start }
}

/// Where a body ends: before its END, or before the first line that cannot belong to it.
fn body_end(text: &[u8], body: usize) -> usize {
    let eol = line_end(text, body);
    if let Some(end) = marker(text, body, eol) {
        return end;
    }
    let rest = &text[body..eol];
    let quoted = rest.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'<'));
    if let Some(end) = quoted.filter(|end| *end > 0) {
        return body + end;
    }
    if !is_body(text, body, eol, true) {
        return eol;
    }
    let mut end = eol;
    let mut line = next_line(text, eol);
    while let Some(start) = line {
        let stop = line_end(text, start);
        if let Some(end) = marker(text, start, stop) {
            return end;
        }
        let last = next_line(text, stop).is_none_or(|next| marker(text, next, line_end(text, next)).is_some());
        if !is_body(text, start, stop, last) {
            break;
        }
        end = stop;
        line = next_line(text, stop);
    }
    skip_back(text, body, end)
}

/// Where the body that `text` continues ends, if it does: before its END or a line of another kind.
pub(crate) fn rest(text: &[u8]) -> Option<usize> {
    let mut line = 0;
    while line < text.len() {
        let end = line_end(text, line);
        if let Some(end) = marker(text, line, end) {
            return Some(end);
        }
        let next = next_line(text, line)?;
        if line > 0 && !is_body(text, line, end, false) {
            return Some(line);
        }
        line = next;
    }
    None
}

fn marker(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let found = memchr::memmem::find(&text[start..end], b"--END ")
        .or_else(|| memchr::memmem::find(&text[start..end], b"-- END "))?;
    let at = start + found;
    Some(at - text[..at].iter().rev().take_while(|byte| **byte == b'-').count())
}

/// Whether a line can belong to a body: letters of base64, an armour header, nothing.
fn is_body(text: &[u8], start: usize, end: usize, last: bool) -> bool {
    let line = text[start..end].trim_ascii();
    let line = line.strip_prefix(b">").unwrap_or(line).trim_ascii();
    let word = line.rsplit(|byte| *byte == b' ').next().unwrap_or(line);
    let armour = |word: &[u8]| !word.is_empty() && word.iter().all(|byte| is_base64(*byte) && !b"_-".contains(byte));
    if line.is_empty() {
        return true;
    }
    if word.len() == line.len() {
        let full = word.len() >= 32 || (last && word.len() > 1) || word.starts_with(b"=");
        return armour(word)
            && (full || word.ends_with(b"=") || (word.len() > 3 && word.iter().any(u8::is_ascii_digit)));
    }
    is_armour_header(line) || (armour(word) && word.len() >= 40)
}

fn is_armour_header(line: &[u8]) -> bool {
    [&b"Version:"[..], b"Comment:", b"Proc-Type:", b"DEK-Info:", b"Charset:", b"Hash:", b"Subject:"]
        .iter()
        .any(|name| line.starts_with(name))
}
