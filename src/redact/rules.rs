//! Every rule of the engine in one list: what the documentation prints and the tests hold.

use std::fmt::Write;

use super::known::KNOWN;
use super::obfuscate;
use super::pattern::{blob, jwt, keyblock, random, tokens};
use super::span::Rule;
use super::structure::{account, header, pair, place, special, table, tool, url};

/// All rules, in the order in which the layers look.
#[must_use]
pub fn all() -> Vec<&'static Rule> {
    let mut rules = vec![
        &KNOWN,
        &pair::PAIR,
        &table::TABLE,
        &url::USER_INFO,
        &header::HEADER,
        &header::COOKIE,
        &tool::TOOL,
        &special::ECHO,
        &special::PGPASS,
        &account::ACCOUNT,
        &special::ACL,
        &special::INPUT,
        &special::TELEGRAM,
        &place::KUBERNETES,
        &place::TERRAFORM,
        &place::WIFI,
        &place::IPSEC,
        &place::TYPED,
        &place::DAV,
        &place::CIFS,
        &keyblock::KEY_BLOCK,
        &jwt::JWT,
        &blob::BLOB,
        &random::RANDOM,
    ];
    rules.extend([&obfuscate::HOST, &obfuscate::USER, &obfuscate::ADDRESS, &obfuscate::EMAIL]);
    rules.extend(tokens::TOKENS.iter().map(|row| &row.rule));
    rules
}

/// The rules whose findings cannot be anything but a secret: key blocks, JWTs and the services' tokens. What was redacted
/// holds none of them; who finds one has found a leak.
#[must_use]
pub fn unmistakable() -> Vec<&'static Rule> {
    [&keyblock::KEY_BLOCK, &jwt::JWT].into_iter().chain(tokens::TOKENS.iter().map(|row| &row.rule)).collect()
}

/// The table for `docs/SUPPORT_BUNDLE.md`: id, kind, what it finds, an example without its secret.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("| rule | shown as | finds | for example |\n|---|---|---|---|\n");
    for rule in all() {
        let example = rule.yes.first().map(|yes| format!("`{}`", masked(yes))).unwrap_or_default();
        let _ = writeln!(text, "| `{}` | `{}` | {} | {example} |", rule.id, rule.kind, rule.about);
    }
    text
}

/// An example with an ellipsis where the secret stands.
fn masked(form: &str) -> String {
    let mut text = String::new();
    let mut rest = form.lines().next().unwrap_or_default();
    while let Some(open) = rest.find('{') {
        let end = rest[open..].find('}').map_or(rest.len(), |end| open + end + 1);
        let part = &rest[open..end];
        let value =
            part.len() > 3 && part[2..part.len() - 1].trim_end_matches('=').bytes().all(|byte| byte.is_ascii_digit());
        text.push_str(&rest[..open]);
        text.push(if value { '…' } else { '{' });
        rest = &rest[if value { end } else { open + 1 }..];
    }
    text.push_str(rest);
    text.replace('¦', "").replace('|', "\\|")
}
