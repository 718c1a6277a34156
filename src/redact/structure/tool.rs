//! Tools whose short flags take a secret: `redis-cli -a x`, `curl -u u:p`, `mysql -p'x'`.
//!
//! Short flags mean something else to every tool, so they are read only behind the tool's name, in
//! a shell's words as well as in an argument list of JSON, YAML or Python.

use super::text::{before, byte, quote, skip_colour, skip_while};
use super::{extent, text};
use crate::look;
use crate::span::{Rule, Span};

pub(crate) static TOOL: Rule = Rule {
    id: "command-line",
    kind: "password",
    about: "the secret behind a short flag of a known tool",
    yes: &[
        "redis-cli -a {a20} ping",
        "[\"redis-cli\", \"-a\", \"{a20}\", \"ping\"]",
        "curl -u tars:{a12} http://nas",
        "mysqldump -u root -p'{p12}' blog",
        "sqlplus app/{a14}@db",
        "isql -S db -U sa -P {a14}",
        "    stats auth admin:{p12}",
    ],
    no: &["redis-cli -p 6379 ping", "mysql -h db -P 3306 -u root", "curl -u $USER:$PASS http://nas"],
};

/// How a flag carries its secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    /// The next word.
    Next,
    /// The rest of the same word.
    Glued,
    /// The next word behind its first `:`, or the glued one.
    Colon,
    /// The next word behind its `%`.
    Percent,
    /// The word after that many others.
    Word(usize),
    /// The word behind the name that comes after so many others; flags do not count.
    Nth(usize),
    /// The first word that is `user/secret@place`.
    Slash,
}

type Row = (&'static str, &'static [(&'static str, Take)]);

/// Every tool by the name with which it is called.
static TOOLS: &[Row] = &[
    ("redis-cli", &[("-a", Take::Next), ("-u", Take::Colon)]),
    ("valkey-cli", &[("-a", Take::Next)]),
    ("keydb-cli", &[("-a", Take::Next)]),
    ("mysql", &[("-p", Take::Glued)]),
    ("mysqldump", &[("-p", Take::Glued)]),
    ("mysqladmin", &[("-p", Take::Glued)]),
    ("mariadb", &[("-p", Take::Glued)]),
    ("mariadb-dump", &[("-p", Take::Glued)]),
    ("mariadb-admin", &[("-p", Take::Glued)]),
    ("mongosh", &[("-p", Take::Next)]),
    ("mongo", &[("-p", Take::Next)]),
    ("mongodump", &[("-p", Take::Next)]),
    ("mongorestore", &[("-p", Take::Next)]),
    (" login", &[("-p", Take::Next), ("-u", Take::Colon)]),
    ("sshpass", &[("-p", Take::Next), ("-p", Take::Glued)]),
    (
        "curl",
        &[
            ("-u", Take::Colon),
            ("--user", Take::Colon),
            ("-U", Take::Colon),
            ("--proxy-user", Take::Colon),
            ("--oauth2-bearer", Take::Next),
        ],
    ),
    ("http -a", &[("-a", Take::Colon)]),
    ("https -a", &[("-a", Take::Colon)]),
    ("smbclient", &[("-U", Take::Percent), ("--user", Take::Percent)]),
    ("rpcclient", &[("-U", Take::Percent)]),
    ("smbget", &[("-U", Take::Percent)]),
    ("ldapsearch", &[("-w", Take::Next)]),
    ("ldapadd", &[("-w", Take::Next)]),
    ("ldapmodify", &[("-w", Take::Next)]),
    ("ldapwhoami", &[("-w", Take::Next)]),
    ("ldappasswd", &[("-w", Take::Next), ("-s", Take::Next), ("-a", Take::Next)]),
    ("mosquitto_pub", &[("-P", Take::Next)]),
    ("mosquitto_sub", &[("-P", Take::Next)]),
    ("ipmitool", &[("-P", Take::Next)]),
    ("snmpwalk", &[("-c", Take::Next), ("-A", Take::Next), ("-X", Take::Next)]),
    ("snmpget", &[("-c", Take::Next), ("-A", Take::Next), ("-X", Take::Next)]),
    ("7z", &[("-p", Take::Glued)]),
    ("7za", &[("-p", Take::Glued)]),
    ("zip", &[("-P", Take::Next)]),
    ("unzip", &[("-P", Take::Next)]),
    ("openssl", &[("-k", Take::Next), ("-passin", Take::Colon), ("-passout", Take::Colon), ("-pass", Take::Colon)]),
    ("psexec", &[("-p", Take::Next)]),
    ("xfreerdp", &[("/p:", Take::Glued)]),
    ("useradd", &[("-p", Take::Next)]),
    ("usermod", &[("-p", Take::Next)]),
    ("az login", &[("-p", Take::Next)]),
    ("htpasswd", &[("-b", Take::Word(2))]),
    ("net use", &[("\\\\", Take::Word(0)), ("/user:", Take::Word(0))]),
    ("net user", &[("user", Take::Word(1))]),
    ("wpa_passphrase", &[("", Take::Nth(1))]),
    ("vault login", &[("", Take::Nth(0))]),
    ("ConvertTo-SecureString", &[("", Take::Nth(0))]),
    ("identified by", &[("", Take::Nth(0))]),
    ("identified by password", &[("", Take::Nth(0))]),
    ("identified with mysql_native_password by", &[("", Take::Nth(0))]),
    ("identified with caching_sha2_password by", &[("", Take::Nth(0))]),
    ("snmp-server community", &[("", Take::Nth(0))]),
    ("isakmp key", &[("", Take::Nth(0))]),
    ("key-string", &[("", Take::Nth(0))]),
    ("tacacs-server key", &[("", Take::Nth(0))]),
    ("radius-server key", &[("", Take::Nth(0))]),
    ("pihole", &[("-p", Take::Next)]),
    ("rclone obscure", &[("", Take::Nth(0))]),
    ("mc alias set", &[("", Take::Nth(3))]),
    ("mc config host add", &[("", Take::Nth(3))]),
    ("add_user", &[("", Take::Nth(1))]),
    ("change_password", &[("", Take::Nth(1))]),
    ("authenticate_user", &[("", Take::Nth(1))]),
    ("-setcookie", &[("", Take::Nth(0))]),
    ("identified with mysql_native_password as", &[("", Take::Nth(0))]),
    ("identified with caching_sha2_password as", &[("", Take::Nth(0))]),
    (
        "createUser",
        &[
            ("MD5", Take::Next),
            ("SHA", Take::Next),
            ("SHA-256", Take::Next),
            ("SHA-512", Take::Next),
            ("DES", Take::Next),
            ("AES", Take::Next),
        ],
    ),
    ("kinit", &[]),
    ("lftp", &[("-u", Take::Word(1))]),
    ("ncftpput", &[("-p", Take::Next)]),
    ("ncftpget", &[("-p", Take::Next)]),
    ("xh -a", &[("-a", Take::Colon)]),
    ("ab -A", &[("-A", Take::Colon)]),
    ("--auth", &[("--auth", Take::Colon)]),
    ("doveadm auth test", &[("", Take::Nth(1))]),
    ("reset-admin-password", &[("", Take::Nth(0))]),
    ("addauth digest", &[("digest", Take::Colon)]),
    ("cypher-shell", &[("-p", Take::Next)]),
    ("arangosh", &[("-p", Take::Next)]),
    ("adb pair", &[("", Take::Nth(1))]),
    ("cqlsh", &[("-p", Take::Next)]),
    ("isql", &[("-P", Take::Next)]),
    ("sqlcmd", &[("-P", Take::Next), ("-P", Take::Glued)]),
    ("bcp", &[("-P", Take::Next), ("-P", Take::Glued)]),
    ("stats auth", &[("auth", Take::Colon)]),
    ("sqlplus", &[("", Take::Slash)]),
    ("impdp", &[("", Take::Slash)]),
    ("expdp", &[("", Take::Slash)]),
    ("sqlldr", &[("", Take::Slash)]),
    ("rman target", &[("", Take::Slash)]),
    ("--user", &[("--user", Take::Colon)]),
];

/// The names with which a tool's row is found.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, _)| *name)
}

/// Looks at the words behind the tool of row `row`, whose name stands at `at`.
pub(crate) fn find(text: &[u8], row: usize, at: usize, out: &mut Vec<Span>) {
    let (name, flags) = TOOLS[row];
    let end = at + name.len();
    let colour = before(text, at) == b'm' && text[at.saturating_sub(8)..at].contains(&0x1b);
    let starts = colour
        || !before(text, at).is_ascii_alphanumeric() && !b"_".contains(&before(text, at))
        || name.starts_with(' ');
    let stops = !byte(text, end).is_ascii_alphanumeric() && !b"_-:".contains(&byte(text, end))
        || text[end..].to_ascii_lowercase_prefix(b".exe");
    if !starts || !stops {
        return;
    }
    // `"redis-cli", "-a", …`: the quote that closes the name opens nothing.
    let end = end + usize::from(matches!(byte(text, end), b'"' | b'\''));
    let own = name.rfind([' ', '-']).filter(|_| name.contains(' ') || name.starts_with("--"));
    let from = own.map_or(end, |_| if name.starts_with("--") { at } else { at + name.rfind(' ').unwrap_or(0) + 1 });
    let words = words(text, from);
    if let [("", Take::Nth(nth))] = flags {
        let words = self::words(text, end);
        if let Some(word) = words.iter().filter(|(start, end)| text[*start] != b'-' && end - start > 1).nth(*nth) {
            hide(text, *word, false, out);
        }
        return;
    }
    if let [("", Take::Slash)] = flags {
        for (start, end) in words {
            let word = &text[start..end];
            let slash = word.iter().position(|byte| *byte == b'/').filter(|slash| *slash > 0);
            let sign = word.iter().rposition(|byte| *byte == b'@').unwrap_or(word.len());
            if let Some(slash) = slash.filter(|slash| slash + 1 < sign) {
                return hide(text, (start + slash + 1, start + sign), false, out);
            }
        }
        return;
    }
    for (index, word) in words.iter().enumerate() {
        for (flag, take) in flags {
            apply(text, &words, index, *word, flag.as_bytes(), *take, out);
        }
    }
}

trait Prefix {
    fn to_ascii_lowercase_prefix(&self, prefix: &[u8]) -> bool;
}

impl Prefix for [u8] {
    fn to_ascii_lowercase_prefix(&self, prefix: &[u8]) -> bool {
        self.len() >= prefix.len() && self[..prefix.len()].eq_ignore_ascii_case(prefix)
    }
}

fn apply(
    text: &[u8],
    words: &[(usize, usize)],
    index: usize,
    word: (usize, usize),
    flag: &[u8],
    take: Take,
    out: &mut Vec<Span>,
) {
    let bytes = &text[word.0..word.1];
    let next = |skip: usize| words.get(index + skip + 1).copied();
    let target = match take {
        // A manual's `<user:password>`.
        Take::Colon if next(0).is_some_and(|(start, _)| text[start] == b'<') => None,
        Take::Glued if bytes.len() > flag.len() && bytes.starts_with(flag) => Some((word.0 + flag.len(), word.1)),
        Take::Word(skip) if flag == b"-b" => {
            (bytes.starts_with(b"-") && !bytes.starts_with(b"--") && bytes.contains(&b'b'))
                .then(|| words.iter().skip(index + 1).filter(|w| text[w.0] != b'-').nth(skip).copied())
                .flatten()
        }
        Take::Word(_) if matches!(flag, b"\\\\" | b"/user:") => bytes.starts_with(flag).then(|| next(0)).flatten(),
        _ if bytes != flag && !(matches!(take, Take::Colon | Take::Percent) && bytes.starts_with(flag)) => None,
        Take::Next => next(0).filter(|w| text[w.0] != b'-'),
        Take::Word(skip) => next(skip),
        Take::Colon | Take::Percent => {
            let mark = if take == Take::Colon { b':' } else { b'%' };
            let word = if bytes.len() > flag.len() { Some((word.0 + flag.len(), word.1)) } else { next(0) };
            word.and_then(|(start, end)| {
                let mark = text[start..end].iter().position(|byte| *byte == mark)?;
                Some((skip_plain(text, start + mark + 1), end)).filter(|_| {
                    !text[start..end].starts_with(b"http") && memchr::memmem::find(&text[start..end], b"://").is_none()
                })
            })
        }
        Take::Glued | Take::Nth(_) | Take::Slash => None,
    };
    if let Some(target) = target {
        hide(text, target, take == Take::Colon, out);
    }
}

fn hide(text: &[u8], (start, end): (usize, usize), colon: bool, out: &mut Vec<Span>) {
    if start >= end {
        return;
    }
    let (start, end) = unquoted(text, start, end);
    let secret = &text[start..end];
    let numeric = colon && secret.len() < 6 && secret.iter().all(u8::is_ascii_digit);
    if start < end
        && !numeric
        && !secret.starts_with(b"/")
        && !look::is_placeholder(secret, true)
        && !secret.starts_with(b"$")
    {
        out.push(Span::new(start, end, &TOOL));
    }
}

fn skip_plain(text: &[u8], at: usize) -> usize {
    if byte(text, at) == 0x1b { skip_colour(text, at) } else { at }
}

fn unquoted(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    match (text[start], text[end - 1]) {
        (a @ (b'\'' | b'"'), b) if a == b && end > start + 1 => (start + 1, end - 1),
        (b'\'' | b'"', _) => (start + 1, end),
        _ => (start, end),
    }
}

/// The words that follow: shell words, or the items of an argument list, also over several lines.
fn words(text: &[u8], from: usize) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut at = from;
    // A flag that is itself an item of a list: `'--user', 'tars'`.
    if matches!(before(text, from), b'"' | b'\'') && byte(text, from) == b'-' {
        let end = skip_while(text, from, |byte| byte != before(text, from) && byte != b'\n');
        words.push((from, end));
        at = end + 1;
    }
    while at < text.len() && words.len() < 60 && at - from < 4096 {
        let next = skip_while(text, at, |byte| b" \t,\"'".contains(&byte) && quote_opens(byte).is_none());
        at = next;
        match byte(text, at) {
            b'\n' | b'\r' => match continued(text, at, from) {
                Some(next) => at = next,
                None => break,
            },
            b'\\' if matches!(byte(text, at + 1), b'\n' | b'\r') => {
                at = skip_while(text, at + 1, |byte| byte.is_ascii_whitespace());
            }
            b'|' | b'>' | b'#' | b']' | b'}' | b';' | b'&' | 0 => break,
            b'\'' | b'"' => {
                let Some(value) = extent::quoted(text, at, false) else { break };
                // A quote that only closes: `"cmd -a x"`.
                if value.end >= text::line_end(text, at) && byte(text, value.end) != text[at]
                    || value.end == value.start
                {
                    at += 1;
                } else {
                    words.push((value.start, value.end));
                    at = value.end + 1;
                }
            }
            0x1b => at = skip_colour(text, at),
            // An audit record: `a1="-p" a2="x"`.
            b'a' if is_audit(text, at) => at = skip_while(text, at, |byte| byte != b'=') + 1,
            _ => {
                let end = word_end(text, at);
                words.push((at, end));
                at = end.max(at + 1);
            }
        }
    }
    words
}

fn is_audit(text: &[u8], at: usize) -> bool {
    let end = skip_while(text, at + 1, |byte| byte.is_ascii_digit());
    end > at + 1 && text[end..].starts_with(b"=\"")
}

fn quote_opens(byte: u8) -> Option<u8> {
    matches!(byte, b'\'' | b'"').then_some(byte)
}

/// The end of a shell word, quotes inside it included (`-p'a b'`).
fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < text.len() {
        match text[at] {
            b'\'' | b'"' if at > start && quote(text, at).is_some() => match extent::quoted(text, at, false) {
                Some(value) if byte(text, value.end) == text[at] => at = value.end + 1,
                _ => return at,
            },
            0x1b if at > start => {
                let after = skip_colour(text, at);
                // A colour inside a word: `user:ESC[31mpassword`.
                if before(text, at) == b':' { at = after } else { return at }
            }
            byte if byte.is_ascii_whitespace() || byte == b',' || byte == b'`' || byte == 0 => return at,
            b')' if matches!(byte(text, at + 1), b'\n' | b' ' | 0) => return at,
            _ => at += 1,
        }
    }
    at
}

/// Whether the argument list goes on behind a line end: after a comma, or with a YAML item.
fn continued(text: &[u8], at: usize, from: usize) -> Option<usize> {
    let next = skip_while(text, at, |byte| byte.is_ascii_whitespace());
    let comma = text[from..at].trim_ascii_end().last() == Some(&b',');
    if text[next..].starts_with(b"- ") {
        return Some(next + 2);
    }
    comma.then_some(next)
}
