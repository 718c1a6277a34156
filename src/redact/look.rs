//! What a value looks like on its own: a stand-in for a secret, a number, a word, random letters.

/// Values that are flags, types or absences.
const WORDS: &[&str] = &[
    "null",
    "nil",
    "none",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "undefined",
    "n/a",
    "na",
    "empty",
    "unset",
    "(null)",
    "required",
    "optional",
    "string",
    "str",
    "&str",
    "text",
    "bool",
    "bytes",
    "any",
    "redacted",
    "hidden",
    "masked",
    "removed",
    "(sensitive",
    "sensitive",
    "<none>",
    "enabled",
    "disabled",
    "string;",
    "(hidden)",
    "void",
    "object",
    "secretstr",
    "optional[str]",
    "varchar",
    "todo",
    "tbd",
    "missing",
    "present",
    "unchanged",
    "invalid",
    "expired",
    "incorrect",
    "wrong",
    "correct",
    "denied",
    "rejected",
    "accepted",
    "changed",
    "unknown",
    "blank",
    "needed",
    "mismatch",
    "updated",
    "reset",
    "unavailable",
    "skipped",
    "passed",
    "basic",
    "bearer",
    "failed",
    "ok",
    "set",
    "not",
    "auto",
    "prompt",
    "stdin",
    "-",
    "--",
    "~",
];

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

/// Whether the value only stands for one: empty, a reference, a mask, a flag, a path, a call.
pub(super) fn is_placeholder(value: &[u8], quoted: bool) -> bool {
    let value = value.trim_ascii();
    if value.starts_with(b"[REDACTED") || value.iter().all(|byte| b"*xX.-_#?=:~".contains(byte)) || is_dots(value) {
        return true;
    }
    let lower = String::from_utf8_lossy(&value[..value.len().min(64)]).to_ascii_lowercase();
    WORDS.contains(&lower.as_str())
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
            let end = rest.iter().position(|byte| *byte == b'}').unwrap_or(rest.len());
            let inner = &rest[..end];
            if !inner.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_.{$!#".contains(byte)) {
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
    call || dotted
        || [&b"await "[..], b"new ", b"self.", b"this.", b"process.env", b"os.environ", b"lambda"]
            .iter()
            .any(|start| value.starts_with(start) && *start != b"new ")
}

/// A number, with a unit perhaps: `512`, `2.1s`, `15m`, `1e-5`.
pub(super) fn is_quantity(value: &[u8]) -> bool {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || b".,-+".contains(byte)).count();
    digits > 0
        && value.len() - digits <= 3
        && value[digits..].iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'%')
}

/// How the letters of a value change: the mark of random text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mix {
    pub len: usize,
    pub lower: usize,
    pub upper: usize,
    pub digit: usize,
    pub other: usize,
    /// How often the class changes; a capital and the small letters after it count as one.
    pub turns: usize,
    pub hex: bool,
}

pub(super) fn mix(value: &[u8]) -> Mix {
    let mut mix = Mix { len: value.len(), hex: true, ..Mix::default() };
    let mut before = 9;
    for (index, byte) in value.iter().enumerate() {
        let class = match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        };
        match class {
            0 => mix.lower += 1,
            1 => mix.upper += 1,
            2 => mix.digit += 1,
            _ => mix.other += 1,
        }
        let hump = before == 1 && class == 0;
        mix.turns += usize::from(index > 0 && class != before && !hump && class != 3 && before != 3);
        mix.hex &= byte.is_ascii_hexdigit();
        before = class;
    }
    mix.hex &= mix.lower == 0 || mix.upper == 0;
    mix
}

/// Random letters of a key or a token, not a word, a name, a version or an id made of words.
pub(super) fn is_random(value: &[u8]) -> bool {
    let mix = mix(value);
    if mix.len < 8 || mix.digit == 0 || mix.lower + mix.upper == 0 || mix.other * 3 > mix.len {
        return false;
    }
    if mix.hex {
        return mix.len >= 16 && mix.digit >= 3 && mix.lower + mix.upper >= 2;
    }
    let letters = usize::from(mix.lower > 0) + usize::from(mix.upper > 0);
    let most = if letters == 2 { mix.len >= 8 } else { mix.len >= 12 };
    most && mix.turns >= 3 && mix.turns * 5 >= mix.len && mix.digit * 20 >= mix.len
}

/// Small and capital letters and digits in one short word: a password as generators make them.
pub(super) fn is_generated(value: &[u8]) -> bool {
    let mix = mix(value);
    if mix.digit == 0 {
        return is_shuffled(value);
    }
    (8..=64).contains(&mix.len)
        && mix.upper > 0
        && mix.lower > 1
        && mix.digit > 0
        && mix.turns > 2
        && mix.turns * 4 >= mix.len
        && !value.iter().any(|byte| b"/.:=()[]{}<>,;_".contains(byte))
}

/// Small and capital letters without a digit (one generated password in ten): words have no five
/// consonants in a row, nor as many capitals as small letters.
fn is_shuffled(value: &[u8]) -> bool {
    let mix = mix(value);
    let (mut run, mut longest) = (0, 0);
    for byte in value {
        let consonant = byte.is_ascii_alphabetic() && !b"aeiou".contains(&byte.to_ascii_lowercase());
        run = if consonant { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let capitals = value.iter().skip(1).filter(|byte| byte.is_ascii_uppercase()).count();
    // Names in camel case have a capital in four letters at most.
    let even = mix.len > 11 && mix.upper * 10 >= mix.len * 3 && mix.lower * 10 >= mix.len * 3;
    mix.len > 9
        && mix.len < 65
        && mix.other == 0
        && mix.digit == 0
        && capitals > 1
        && mix.lower > 2
        && (longest > 4 || even)
}

/// One word, neither a plain nor a capitalised one.
pub(super) fn is_one_password(value: &[u8]) -> bool {
    let mix = mix(value);
    let humps = value.iter().skip(1).any(u8::is_ascii_uppercase) && mix.lower > 1;
    mix.len > 7 && !value.contains(&b' ') && (humps || mix.digit > 0 || mix.other > 0) && !is_placeholder(value, true)
}

/// Several words that begin as a remark does, none of which could be a password.
pub(super) fn is_sentence(value: &[u8]) -> bool {
    const STARTS: &str = "must should is was has cannot could will and or of for with to this the a an your my use see \
                          please all at in from too only needs stored does";
    let mut words = value.split(|byte| *byte == b' ');
    let first = String::from_utf8_lossy(words.next().unwrap_or_default()).to_ascii_lowercase();
    let remark = STARTS.split_whitespace().any(|word| word == first) || WORDS.contains(&first.as_str());
    words.next().is_some() && remark && !value.split(|byte| *byte == b' ').any(is_loose)
}

/// A UUID: an identifier unless its name says otherwise.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Names of algorithms and protocols that mix letters and digits.
const ALGORITHMS: &[&str] = &[
    "hs256",
    "hs384",
    "hs512",
    "rs256",
    "rs384",
    "rs512",
    "es256",
    "es384",
    "ps256",
    "eddsa",
    "sha256",
    "sha512",
    "sha1",
    "md5",
    "utf8",
    "utf-8",
    "oauth2",
    "x509",
    "base64",
    "ed25519",
    "scram-sha-256",
    "aes256",
    "argon2",
    "argon2id",
    "argon2i",
    "bcrypt",
    "pbkdf2",
    "ipv4",
    "ipv6",
    "http2",
    "pkcs12",
    "pkcs8",
    "rsa2048",
    "rsa4096",
];

/// What may be a password where only a space stands between it and the word `password`: letters with digits or marks.
pub(super) fn is_loose(value: &[u8]) -> bool {
    let mix = mix(value);
    if mix.len < 6 || mix.len > 512 || is_quantity(value) || is_path(value) {
        return false;
    }
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    if ALGORITHMS.contains(&lower.as_str()) || is_address(value) {
        return false;
    }
    let marks = value.iter().filter(|byte| b"!@#$%^&*+=~?".contains(byte)).count();
    let inner = !matches!(value[0], b'%' | b'$' | b'&' | b'*' | b'=' | b'#' | b'@') && !value.contains(&b'=');
    is_shuffled(value)
        || (mix.digit > 0 && mix.lower + mix.upper > 1 && !is_version(value))
        || (marks > 0 && inner && mix.lower + mix.upper > 3 && mix.digit > 0)
}

/// `v1.2.3`, `1.0.12-home`, `q4_K_M`, `20260610_031500`: digits and dots first, or one letter and then those.
fn is_version(value: &[u8]) -> bool {
    let rest = value.strip_prefix(b"v").unwrap_or(value);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0
        && matches!(rest.get(digits), Some(b'.' | b'-' | b'_' | b':'))
        && rest[digits..].iter().any(u8::is_ascii_digit)
}

/// An address, a host with a port, a time.
fn is_address(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_hexdigit() || b".:[]/-TZ".contains(byte))
        && value.iter().any(|byte| b".:".contains(byte))
        || value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(byte))
            && value.iter().rposition(|byte| *byte == b':').is_some_and(|colon| {
                colon > 0 && value.len() - colon <= 6 && value[colon + 1..].iter().all(u8::is_ascii_digit)
            })
}
