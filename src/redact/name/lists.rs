//! The words of which names of secrets are made, and the words that make them something else.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use crate::hash::Fnv;

/// Secret wherever they stand in a name, unless [`ABOUT`] follows.
const PASSWORD: &str = "\
    password passwd passwrd passwort kennwort pwd passphrase passcode psk secret apikey credential secretkey \
    accesskey privatekey authkey masterauth primaryauth requirepass rocommunity rwcommunity rootpw bindpw \
    sessionid sessid mnemonic contrasena contrase wachtwoord senha haslo mdp motdepasse";
/// Ends of words written together: `rpcpassword`, `sonartoken`.
pub(super) const GLUED: &[&str] = &[
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
pub(super) const BEGUN: &[&str] =
    &["passwordhash", "passwordfor", "secretkey", "secrete", "passphrase", "passwort", "apikey"];
/// Words that end in `pass` and are none.
pub(super) const PASSES: &[&str] =
    &["compass", "bypass", "surpass", "trespass", "underpass", "overpass", "encompass", "askpass"];
/// Secret as the last word.
const TOKEN: &str = "\
    pass passe passwords pw pin token jwt otp totp creds cred credentials cookie cookies passkey salt pepper \
    oauthtoken bearer authorization";
/// Secret as the last word if the value looks random.
const MAYBE: &str = "\
    auth oauth session sid sess signing signature sig tokens secrets keys key seed webhook license licence cert \
    private login hash hmac hmacencoded";
/// A `key` after one of these is secret.
const KEYS: &str = "\
    api access secret private encryption encrypt crypt signing sign master auth account license licence ssh app \
    application service client admin shared session storage preshared wg hmac jwt aes rsa des fernet cookie \
    deploy server vault unseal root recovery sas registration cluster activation product write ingest \
    integration webhook user backup authentication subscription bot consumer";
/// A `key` after one of these is not.
const PUBLIC: &str = "\
    public pub primary foreign partition sort cache schema hot index unique object lookup row group dedup \
    idempotency registry translation message map field column sub composite natural surrogate meta tag \
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
    check checks test tests fd engine engines bin env tar gz zip pem log py yaml yml json md txt pdf conf html js ts rs go sh sql";
/// What stands before makes it one.
const MARK: &str = "\
    eos bos pad unk sep cls mask stop special has is no num max min allow require requires enable disable skip \
    reset forgot forget public unknown eot eom next page continuation cancellation csrfmiddleware passwordless \
    image input output prompt completion total cached user_input load import existing";

pub(super) const IS_PASSWORD: u16 = 1;
pub(super) const IS_TOKEN: u16 = 2;
pub(super) const IS_MAYBE: u16 = 4;
pub(super) const IS_SECRET_KEY: u16 = 8;
pub(super) const IS_PUBLIC_KEY: u16 = 16;
pub(super) const IS_ABOUT: u16 = 32;
pub(super) const IS_MARK: u16 = 64;

/// Every list above in one map: a name is asked about millions of times.
static CLASSES: LazyLock<HashMap<&'static str, u16, BuildHasherDefault<Fnv>>> = LazyLock::new(|| {
    let lists = [
        (PASSWORD, IS_PASSWORD),
        (TOKEN, IS_TOKEN),
        (MAYBE, IS_MAYBE),
        (KEYS, IS_SECRET_KEY),
        (PUBLIC, IS_PUBLIC_KEY),
        (ABOUT, IS_ABOUT),
        (MARK, IS_MARK),
    ];
    let mut classes = HashMap::default();
    for (list, bit) in lists {
        for word in list.split_whitespace() {
            *classes.entry(word).or_default() |= bit;
        }
    }
    classes
});

pub(super) fn class(word: &str) -> u16 {
    CLASSES.get(word).copied().unwrap_or(0)
}
