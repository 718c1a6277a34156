//! Values that only stand for a secret: references, masks, flags, paths, remarks.

use std::sync::LazyLock;

use super::hash::WordSet;
pub(super) use super::letters::{
    Mix, is_algorithm, is_generated, is_grouped, is_loose, is_mixed, is_one_password, is_quantity, is_random,
    is_scrambled, is_uuid, mix,
};
use super::marker;

/// Values that are flags, types or absences.
static WORDS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(
        "\
    null nil none true false yes no on off undefined n/a na empty unset (null) required optional string str \
    &str text bool bytes any redacted hidden masked removed (sensitive sensitive <none> enabled disabled \
    string; (hidden) void object secretstr optional[str] varchar todo tbd missing present unchanged invalid \
    expired incorrect wrong correct denied rejected accepted changed unknown blank needed mismatch updated \
    reset unavailable skipped passed read write include omit same-origin basic bearer failed ok set not auto prompt stdin - -- ~",
    )
});

/// What introduces a reference to a secret kept elsewhere.
const REFERENCES: &[&str] = &[
    "{{",
    "<%",
    "#{",
    "%(",
    "$(",
    "!vault",
    "!ref",
    "!secret",
    "!env",
    "!sub",
    "!getatt",
    "!join",
    "vault:",
    "ref+",
    "op://",
    "file:",
    "arn:",
    "env:",
    "secret://",
    "projects/",
    "lookup(",
    "@microsoft.keyvault",
];

fn is_word(lower: &str) -> bool {
    WORDS.has(lower.as_bytes())
}

/// Whether the value only stands for one: empty, a reference, a mask, a flag, a path, a call.
pub(super) fn is_placeholder(value: &[u8], quoted: bool) -> bool {
    let value = value.trim_ascii();
    if marker::is_begun(value) || value.iter().all(|byte| b"*xX.-_#?=:~".contains(byte)) || is_dots(value) {
        return true;
    }
    let lower = String::from_utf8_lossy(&value[..value.len().min(64)]).to_ascii_lowercase();
    is_word(&lower)
        || REFERENCES.iter().any(|start| lower.starts_with(start))
        || is_variable(value)
        || is_remark(value)
        || is_tag(value)
        || is_path(value)
        || (!quoted && is_code(value))
        || is_url(value)
}

/// Bullets and ellipses as masks print them.
fn is_dots(value: &[u8]) -> bool {
    !value.is_empty() && String::from_utf8_lossy(value).chars().all(|c| "•●∙·…*".contains(c))
}

/// `$VAR`, `${VAR}` without a default of its own, `%VAR%`, `$p['x']`.
fn is_variable(value: &[u8]) -> bool {
    match value {
        [b'$', b'{', rest @ ..] => {
            let close = rest.iter().position(|byte| *byte == b'}');
            // One that is not closed was cut off at a blank: what goes on over lines is none.
            if close.is_none() && rest.contains(&b'\n') {
                return false;
            }
            let end = close.unwrap_or(rest.len());
            let inner = &rest[..end];
            let numbered = matches!(inner, [b'0'..=b'9'] | [b'0'..=b'9', b':', ..]);
            if !numbered && !inner.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_.{$!#".contains(byte)) {
                return false;
            }
            let after = &rest[(end + 1).min(rest.len())..];
            if after.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() > 3 && !after.contains(&b'$') {
                return false;
            }
            match inner.iter().position(|byte| *byte == b':') {
                // `${VAR:-fallback}` holds a secret of its own; `${VAR:?message}` does not.
                Some(colon) => {
                    let fallback = inner[colon + 1..].trim_ascii_start();
                    !matches!(fallback.first(), Some(b'-')) && !is_loose(fallback)
                        || is_placeholder(fallback.strip_prefix(b"-").unwrap_or(fallback), true)
                }
                None => true,
            }
        }
        [b'$', rest @ ..] if !rest.is_empty() && rest.iter().all(u8::is_ascii_digit) => true,
        [b'$', rest @ ..] => {
            let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            let upper = rest[..name].iter().all(|byte| !byte.is_ascii_lowercase());
            let lower = rest[..name].iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
            let starts = rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
            starts && (upper || lower || name < rest.len()) && !rest[name..].iter().any(u8::is_ascii_digit)
        }
        [b'%', inner @ .., b'%'] => inner.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
        [b'%', b's' | b'd' | b'v' | b'r'] => true,
        [b'{', inner @ .., b'}'] => inner.iter().all(|byte| byte.is_ascii_alphabetic() || b"_.".contains(byte)),
        _ => false,
    }
}

/// `(none)`, `(not set)`.
fn is_remark(value: &[u8]) -> bool {
    value.len() > 2
        && value[0] == b'('
        && value[1..].iter().all(|byte| byte.is_ascii_lowercase() || b" )".contains(byte))
}

/// `<placeholder>`.
fn is_tag(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">"));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.iter().any(|byte| b"<>".contains(byte)))
}

/// `/run/secrets/x`, `~/.ssh/id`, `./pw`: every part a word.
pub(super) fn is_path(value: &[u8]) -> bool {
    let rooted = value.starts_with(b"/") || value.starts_with(b"~/") || value.starts_with(b"./");
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~@{}$:".contains(byte);
    rooted && value.iter().all(plain) && value.split(|byte| *byte == b'/').all(|part| !is_random(part))
}

fn is_url(value: &[u8]) -> bool {
    let scheme = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte)).count();
    scheme > 1 && value[scheme..].starts_with(b"://")
}

/// `os.getenv("X")`, `config.get(…)`, `process.env.X`, `var.password`, `await x`.
fn is_code(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.:&*".contains(byte)).count();
    let (head, rest) = value.split_at(name);
    let call = matches!(rest.first(), Some(b'(' | b'[' | b'<')) && name > 2 && !is_loose(head);
    let dotted = head.contains(&b'.')
        && rest.iter().all(|byte| b");,".contains(byte))
        && head
            .split(|byte| *byte == b'.')
            .all(|part| part.len() > 1 && part.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_'));
    // `Get-Content x`, `ConvertTo-SecureString "x" -AsPlainText`: a cmdlet and what it is told.
    let cmdlet = head.first().is_some_and(u8::is_ascii_uppercase)
        && [&b"Get-"[..], b"ConvertTo-", b"ConvertFrom-", b"Read-", b"New-", b"Import-"]
            .iter()
            .any(|verb| value.starts_with(verb))
        && value.contains(&b' ');
    call || dotted
        || cmdlet
        || [&b"await "[..], b"new ", b"self.", b"this.", b"process.env", b"os.environ", b"lambda"]
            .iter()
            .any(|start| value.starts_with(start) && *start != b"new ")
}

/// Several words that begin as a remark does or are bound as only a sentence is, none of which could be a password.
pub(super) fn is_sentence(value: &[u8]) -> bool {
    static STARTS: LazyLock<WordSet> = LazyLock::new(|| {
        WordSet::new(
            "must should is was has cannot could will and or of for with to this the a an your my use see \
             please all at in from too only needs stored does password passwords",
        )
    });
    static BINDS: LazyLock<WordSet> =
        LazyLock::new(|| WordSet::new("is are was not does did must cannot has have been be failed the your"));
    let mut words = value.split(|byte| *byte == b' ');
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let remark = STARTS.has(&first) || WORDS.has(&first) || words.clone().any(|word| BINDS.has(word));
    words.next().is_some() && remark && !value.split(|byte| *byte == b' ').any(is_loose)
}
