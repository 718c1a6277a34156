//! Conversations at rest: AES-256-GCM, each ciphertext with the id of its key.
//!
//! The key comes from `TARS_ENCRYPTION_KEY`; keys in `TARS_ENCRYPTION_KEYS_OLD` still open. A text is bound to its place
//! (conversation, position, role), so that rows cannot be swapped. What another key sealed is *locked*, not an error.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{digest, hmac};

use crate::auth::key::hex;
use crate::config::Config;
use crate::problem::Problem;
use crate::secret::Secret;

/// Opens and seals.
pub(crate) struct Vault {
    /// The first one seals; all open.
    keys: Vec<Key>,
}

struct Key {
    id: String,
    key: LessSafeKey,
}

/// A text at rest.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    /// Which key opens it.
    pub key_id: String,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

impl Vault {
    /// With the keys of the environment.
    pub(crate) fn new(config: &Config) -> Self {
        Self::with(std::iter::once(&config.encryption_key).chain(&config.encryption_keys_old))
    }

    fn with<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        Self { keys: secrets.filter(|secret| !secret.is_empty()).map(|secret| Key::new(secret.expose())).collect() }
    }

    /// Whether conversations can be kept at all.
    pub(crate) fn is_there(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals a text for its place.
    ///
    /// # Errors
    /// 503 without a key, 500 without randomness.
    pub(crate) fn seal(&self, place: &str, text: &[u8]) -> Result<Sealed, Problem> {
        let unset = || Problem::unavailable("conversations cannot be kept: TARS_ENCRYPTION_KEY is not set");
        let key = self.keys.first().ok_or_else(unset)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| Problem::internal())?;
        let mut sealed = text.to_vec();
        key.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| Problem::internal())?;
        Ok(Sealed { key_id: key.id.clone(), bytes: [nonce.as_slice(), &sealed].concat() })
    }

    /// Opens a text; `None` when it is locked: another key's, another place's, or damaged.
    pub(crate) fn open(&self, place: &str, sealed: &Sealed) -> Option<Vec<u8>> {
        let key = self.keys.iter().find(|key| key.id == sealed.key_id)?;
        let (nonce, text) = sealed.bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = key.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

impl Key {
    fn new(secret: &str) -> Self {
        // The setting has 256 random bits or more, so that a plain hash of it is a key; each use has its own.
        let bytes = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"tars conversations v1");
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_ref()).expect("SHA-256 has as many bits as the key");
        Self { id: key_id(secret), key: LessSafeKey::new(key) }
    }
}

/// A short fingerprint of a key: the same as backups write into their manifest.
fn key_id(secret: &str) -> String {
    let sum = digest::digest(&digest::SHA256, format!("tars encryption key fingerprint\0{secret}").as_bytes());
    hex(&sum.as_ref()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(keys: &[&str]) -> Vault {
        let keys: Vec<Secret> = keys.iter().map(|key| Secret::new((*key).to_owned())).collect();
        Vault::with(keys.iter())
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_only() {
        let sealed = vault(&["one"]).seal("c/0/user", b"hello").unwrap();
        assert!(!sealed.bytes.windows(5).any(|window| window == b"hello"));
        assert_eq!(vault(&["one"]).open("c/0/user", &sealed).unwrap(), b"hello");
        assert_eq!(vault(&["two", "one"]).open("c/0/user", &sealed).unwrap(), b"hello", "an old key still opens");
        assert_eq!(vault(&["two"]).open("c/0/user", &sealed), None, "another key's is locked");
    }

    #[test]
    fn a_row_in_another_place_or_with_a_flipped_bit_is_locked() {
        let vault = vault(&["one"]);
        let mut sealed = vault.seal("c/0/user", b"hello").unwrap();
        assert_eq!(vault.open("c/1/user", &sealed), None);
        for at in 0..sealed.bytes.len() {
            sealed.bytes[at] ^= 1;
            assert_eq!(vault.open("c/0/user", &sealed), None, "byte {at}");
            sealed.bytes[at] ^= 1;
        }
        sealed.bytes.truncate(5);
        assert_eq!(vault.open("c/0/user", &sealed), None);
    }

    #[test]
    fn the_same_text_never_looks_the_same() {
        let vault = vault(&["one"]);
        assert_ne!(vault.seal("p", b"x").unwrap().bytes, vault.seal("p", b"x").unwrap().bytes);
        assert!(super::tests::vault(&[""]).seal("p", b"x").is_err());
    }
}
