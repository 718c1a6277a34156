//! Which names say that a value is secret.
//!
//! A name is read as words (`spring.datasource.password`, `MYSQL_ROOT_PASSWORD`, `apiKey`), because
//! the last word decides: `password` is one, `password_min_length` is a number about one.

mod lists;
mod memo;
mod words;

use lists::{
    BEGUN, GLUED, IS_ABOUT, IS_MARK, IS_MAYBE, IS_PASSWORD, IS_PUBLIC_KEY, IS_SECRET_KEY, IS_TOKEN, PASSES, class,
};
use words::Words;

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    /// Nothing.
    No,
    /// Secret if the value also looks like one (`token`, `key`, `auth` in passing).
    Weak,
    /// Secret unless empty, a reference or a placeholder.
    Strong,
}

/// What `name` says about its value.
pub(super) fn grade(name: &[u8]) -> Grade {
    read(name).0
}

/// The word in the replacement for a value of this name.
pub(super) fn kind_of(name: &[u8]) -> &'static str {
    read(name).1
}

/// Whether the name is of several secrets: `KEYS_OLD`, `API_TOKENS`.
pub(super) fn is_plural(name: &[u8]) -> bool {
    let mut words = Words::of(name);
    words.drop_age();
    words.last().ends_with('s')
}

/// Grade and kind. Logs repeat the same few names: the last ones are remembered.
pub(super) fn read(name: &[u8]) -> (Grade, &'static str) {
    memo::remembered(name, |name| {
        let mut words = Words::of(name);
        words.drop_age();
        (graded(&words), kind(&words))
    })
}

fn graded(words: &Words) -> Grade {
    if words.count == 0 {
        return Grade::No;
    }
    let last = words.last();
    if words.any(|word| word == "access") && words.before_last() == "key" && last == "id" {
        return Grade::Strong;
    }
    if last == "id" && words.before_last() == "session" {
        return Grade::Strong;
    }
    if last == "id" && words.before_last() == "secret" {
        return Grade::Weak;
    }
    if words.count > 1 && (class(last) & IS_ABOUT | class(words.get(0)) & IS_MARK) != 0 {
        return Grade::No;
    }
    if words.any(|word| class(word) & IS_PASSWORD != 0 || glued(word)) {
        return Grade::Strong;
    }
    by_last(words, last)
}

fn by_last(words: &Words, last: &str) -> Grade {
    if last == "key" || last == "keys" {
        return key(words, last);
    }
    if matches!(last, "code" | "codes") {
        let code = [
            "otp",
            "pin",
            "verification",
            "recovery",
            "backup",
            "pairing",
            "auth",
            "access",
            "login",
            "mfa",
            "totp",
            "time",
            "security",
            "confirmation",
            "unlock",
            "alarm",
            "door",
            "safe",
            "gate",
            "sms",
            "factor",
            "device",
            "setup",
            "pass",
            "passcode",
        ];
        return if code.contains(&words.before_last()) { Grade::Strong } else { Grade::No };
    }
    if matches!(last, "auth") && words.upper && words.count > 1 {
        return Grade::Weak;
    }
    if last == "phrase"
        && matches!(words.before_last(), "seed" | "recovery" | "mnemonic" | "backup" | "pass" | "wallet")
    {
        return Grade::Strong;
    }
    if last == "seed" && words.any(|word| matches!(word, "otp" | "totp" | "mfa" | "wallet" | "recovery")) {
        return Grade::Strong;
    }
    if class(last) & IS_TOKEN != 0 {
        return Grade::Strong;
    }
    if words.any(|word| class(word) & (IS_MAYBE | IS_TOKEN) != 0) { Grade::Weak } else { Grade::No }
}

fn key(words: &Words, last: &str) -> Grade {
    let before = words.before_last();
    if class(before) & IS_PUBLIC_KEY != 0 || words.any(|word| matches!(word, "public" | "pub")) {
        return Grade::No;
    }
    let secret = class(before) & IS_SECRET_KEY != 0 || (words.upper && last == "key");
    if secret { Grade::Strong } else { Grade::Weak }
}

fn glued(word: &str) -> bool {
    if word.len() < 6 {
        return false;
    }
    if word.starts_with("nopass") {
        return false;
    }
    if let Some(rest) = word.strip_prefix("password") {
        return !matches!(rest, "" | "s") && class(rest) & IS_ABOUT == 0;
    }
    GLUED.iter().any(|end| word.len() > end.len() && word.ends_with(end))
        || BEGUN.iter().any(|begin| word.starts_with(begin))
        || (word.len() > 5 && word.ends_with("pass") && !PASSES.contains(&word))
}

fn kind(words: &Words) -> &'static str {
    let last = words.last();
    let has = |list: &[&str]| words.any(|word| list.iter().any(|part| word.contains(part)));
    if has(&["pass", "pwd", "pw", "kennwort", "psk", "senha", "wachtwoord"]) {
        "password"
    } else if has(&["cookie", "session", "sid"]) {
        "session"
    } else if has(&["token", "jwt", "bearer", "oauth", "authorization"]) {
        "token"
    } else if matches!(last, "code" | "codes" | "otp" | "pin" | "totp") {
        "code"
    } else if last.ends_with("key") || last == "keys" || words.before_last() == "key" {
        "key"
    } else {
        "secret"
    }
}
