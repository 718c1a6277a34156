//! Which names say that a value is secret.
//!
//! A name is read as words (`spring.datasource.password`, `MYSQL_ROOT_PASSWORD`, `apiKey`), because
//! the last word decides: `password` is one, `password_min_length` is a number about one.

use std::collections::HashMap;
use std::sync::LazyLock;

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

const MOST: usize = 12;

/// The words of a name, lower-case, without digits.
pub(super) struct Words {
    text: [u8; 96],
    ends: [usize; MOST],
    starts: [usize; MOST],
    count: usize,
    /// Written like an environment variable.
    upper: bool,
}

impl Words {
    pub fn of(name: &[u8]) -> Self {
        let name = &name[name.len().saturating_sub(96)..];
        let mut words = Self { text: [0; 96], ends: [0; MOST], starts: [0; MOST], count: 0, upper: true };
        let mut open = false;
        for (index, byte) in name.iter().enumerate() {
            words.text[index] = byte.to_ascii_lowercase();
            if !byte.is_ascii_alphabetic() {
                open = false;
                continue;
            }
            words.upper &= byte.is_ascii_uppercase();
            let before = index.checked_sub(1).map_or(b'_', |i| name[i]);
            let after = name.get(index + 1).copied().unwrap_or(b'_');
            let hump = byte.is_ascii_uppercase()
                && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && after.is_ascii_lowercase()));
            if !open || hump {
                words.push(index);
                open = true;
            }
            words.ends[words.count - 1] = index + 1;
        }
        words
    }

    fn push(&mut self, start: usize) {
        if self.count == MOST {
            // A very long name: its last words decide.
            self.starts.rotate_left(1);
            self.ends.rotate_left(1);
        } else {
            self.count += 1;
        }
        self.starts[self.count - 1] = start;
    }

    fn get(&self, index: usize) -> &str {
        std::str::from_utf8(&self.text[self.starts[index]..self.ends[index]]).unwrap_or_default()
    }

    fn last(&self) -> &str {
        self.count.checked_sub(1).map_or("", |last| self.get(last))
    }

    fn before_last(&self) -> &str {
        self.count.checked_sub(2).map_or("", |index| self.get(index))
    }

    fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        (0..self.count).any(|index| test(self.get(index)))
    }
}

/// Secret wherever they stand in a name, unless [`ABOUT`] follows.
const PASSWORD: &str = "\
    password passwd passwrd passwort kennwort pwd passphrase passcode psk secret apikey credential secretkey \
    accesskey privatekey authkey masterauth primaryauth requirepass rocommunity rwcommunity rootpw bindpw \
    sessionid sessid mnemonic contrasena wachtwoord senha haslo mdp motdepasse";
/// Ends of words written together: `rpcpassword`, `sonartoken`.
const GLUED: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authkey",
    "masterauth",
    "primaryauth",
    "requirepass",
    "presharedkey",
    "credentials",
    "encryptionkey",
    "accountkey",
    "sessionid",
    "sessid",
    "rocommunity",
    "rwcommunity",
    "rootpw",
    "bindpw",
];
/// Beginnings of words written together.
const BEGUN: &[&str] = &["passwordhash", "passwordfor", "secretkey", "secrete", "passphrase", "passwort", "apikey"];
/// Words that end in `pass` and are none.
const PASSES: &[&str] = &["compass", "bypass", "surpass", "trespass", "underpass", "overpass", "encompass"];
/// Secret as the last word.
const TOKEN: &str = "\
    pass passe passwords pw pin token jwt otp totp creds cred credentials cookie cookies passkey salt pepper \
    oauthtoken bearer authorization";
/// Secret as the last word if the value looks random.
const MAYBE: &str = "\
    auth oauth session sid sess signing signature sig tokens secrets keys key seed webhook license licence cert \
    private login hash";
/// A `key` after one of these is secret.
const KEYS: &str = "\
    api access secret private encryption encrypt crypt signing sign master auth account license licence ssh app \
    application service client admin shared session storage preshared wg hmac jwt aes rsa des fernet cookie \
    deploy server vault unseal root recovery sas registration cluster activation product write ingest \
    integration webhook user backup authentication subscription bot consumer";
/// A `key` after one of these is not.
const PUBLIC: &str = "\
    public pub primary foreign partition sort cache schema hot index unique object lookup row group dedup \
    idempotency routing registry translation message map field column sub composite natural surrogate meta tag \
    label item dict hash range search order parent child type name arrow function shortcut enter space modifier \
    known host websocket socket duplicate config s3 metadata context shift ctrl escape press any verify \
    verification publishable anon blob document trusted";
/// What follows makes it a fact about a secret.
const ABOUT: &str = "\
    name names file files filename path paths dir directory url uri endpoint host port type kind length len size \
    count counts limit limits max min maximum minimum age day days hour hours minute minutes second seconds sec \
    secs ms ttl expiry expires expire expired expiration exp algorithm alg algo method methods enabled enable \
    disabled required require policy policies rotation header headers format encoding encryption id ids version \
    status state mode scheme provider backend helper store manager hint reset changed change updated created at \
    by for total used cost memory time timeout interval rate budget window usage prompt completion column label \
    prefix suffix pattern regex index ref arn digits bits strength score valid invalid through secure domain \
    issuer audience scope scopes owner source location generator validator parser error errors failed failure \
    attempts attempt retries rounds iterations complexity placeholder description title help message less \
    lifetime renew refresh field fields input output exists set present missing match matches class module \
    function handler service middleware hasher hashers command cmd mount driver config settings options rules \
    check checks test tests py yaml yml json md txt pdf conf html js ts rs go sh sql";
/// What stands before makes it one.
const MARK: &str = "\
    eos bos pad unk sep cls mask stop special has is no num max min allow require requires enable disable skip \
    reset forgot forget public unknown eot eom next page continuation cancellation csrfmiddleware passwordless \
    image input output prompt completion total cached user_input";

const IS_PASSWORD: u16 = 1;
const IS_TOKEN: u16 = 2;
const IS_MAYBE: u16 = 4;
const IS_SECRET_KEY: u16 = 8;
const IS_PUBLIC_KEY: u16 = 16;
const IS_ABOUT: u16 = 32;
const IS_MARK: u16 = 64;

/// Every list above in one map: a name is asked about millions of times.
static CLASSES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    let lists = [
        (PASSWORD, IS_PASSWORD),
        (TOKEN, IS_TOKEN),
        (MAYBE, IS_MAYBE),
        (KEYS, IS_SECRET_KEY),
        (PUBLIC, IS_PUBLIC_KEY),
        (ABOUT, IS_ABOUT),
        (MARK, IS_MARK),
    ];
    let mut classes = HashMap::new();
    for (list, bit) in lists {
        for word in list.split_whitespace() {
            *classes.entry(word).or_default() |= bit;
        }
    }
    classes
});

fn class(word: &str) -> u16 {
    CLASSES.get(word).copied().unwrap_or(0)
}

/// What `name` says about its value.
pub(super) fn grade(name: &[u8]) -> Grade {
    let words = Words::of(name);
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
    by_last(&words, last)
}

fn by_last(words: &Words, last: &str) -> Grade {
    if last == "key" || last == "keys" {
        return key(words, last);
    }
    if matches!(last, "code" | "codes") {
        let code = [
            "otp",
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

/// The word in the replacement for a value of this name.
pub(super) fn kind_of(name: &[u8]) -> &'static str {
    let words = Words::of(name);
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
