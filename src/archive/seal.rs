//! Encryption with age: who may open an archive.
//!
//! Whoever holds the public half (`age1…`, or an `ssh-ed25519` key) can write archives and not read them. So that
//! they are proven all the same, every encrypted run adds one recipient whose secret half never leaves memory
//! ([`Sealing`]). With a passphrase that cannot be: age allows nothing beside one, and the passphrase is at hand anyway.
//!
//! RSA is refused: age's `ssh` feature brings the `rsa` crate, whose decryption leaks its key through time
//! (RUSTSEC-2023-0071, without a fix). With no RSA key accepted, that code is never called.

use super::key::Key;
use crate::error::Failure;
use crate::exit::Exit;
use age::secrecy::{ExposeSecret, SecretString};
use age::{ssh, x25519};
use anyhow::Result;
use std::str::FromStr;

/// A text that is wiped from memory and shown by no formatter.
#[derive(Clone, Debug)]
pub struct Secret(pub(super) SecretString);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text, to be written somewhere safe.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Who may open an archive.
#[derive(Clone, Debug)]
pub enum Seal {
    /// Everybody.
    Plain,
    /// Whoever has the secret half of one of these.
    To(Vec<Recipient>),
    /// Whoever knows the passphrase. Making the key from it takes about a second and 268 MB.
    Passphrase(Secret),
}

impl Seal {
    /// Whether the archive is encrypted.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        !matches!(self, Seal::Plain)
    }
}

/// The public half of a key.
#[derive(Clone, Debug)]
pub struct Recipient {
    text: String,
    key: Public,
}

#[derive(Clone, Debug)]
enum Public {
    Age(x25519::Recipient),
    Ssh(Box<ssh::Recipient>),
}

impl Recipient {
    /// Reads `age1…` or a line of an SSH public key (`ssh-ed25519 …`).
    ///
    /// # Errors
    /// When it is neither; a secret half is never repeated in the message.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let refused = |why: &str, hint: &str| Err(Failure::new(Exit::Usage, why).hint(hint).into());
        let key = match text.split(' ').next().unwrap_or_default() {
            "ssh-ed25519" => ssh::Recipient::from_str(text).ok().map(|key| Public::Ssh(Box::new(key))),
            "ssh-rsa" => {
                return refused(
                    "RSA keys are not used for encryption",
                    "use an ssh-ed25519 key, or make one: tars backup keygen",
                );
            }
            word if word.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") => {
                return refused(
                    "this is the secret half of a key, which belongs into a drawer",
                    "give the public half, age1…",
                );
            }
            _ => x25519::Recipient::from_str(text).ok().map(Public::Age),
        };
        match key {
            Some(key) => Ok(Self { text: text.to_owned(), key }),
            None => refused(
                "this is no public key that age knows",
                "give age1… or an ssh-ed25519 public key, or make one: tars backup keygen",
            ),
        }
    }

    /// As it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn as_age(&self) -> &dyn age::Recipient {
        match &self.key {
            Public::Age(key) => key,
            Public::Ssh(key) => key.as_ref(),
        }
    }
}

/// What encrypts a run's archive, and the key that reads it back during this run.
pub(super) struct Sealing {
    pub encryptor: Option<age::Encryptor>,
    pub key: Key,
}

impl Sealing {
    pub fn begin(seal: &Seal) -> Result<Self> {
        let failed =
            |error| Failure::new(Exit::Failed, "could not begin to encrypt").caused_by(anyhow::Error::new(error));
        match seal {
            Seal::Plain => Ok(Self { encryptor: None, key: Key::none() }),
            Seal::Passphrase(secret) => {
                let mut recipient = age::scrypt::Recipient::new(secret.0.clone());
                // As `age -p` does; more would need more than the 268 MB that a small host may have.
                recipient.set_work_factor(18);
                let one: &dyn age::Recipient = &recipient;
                let encryptor = age::Encryptor::with_recipients(std::iter::once(one)).map_err(failed)?;
                Ok(Self { encryptor: Some(encryptor), key: Key::passphrase(secret.clone()) })
            }
            Seal::To(recipients) => {
                if recipients.is_empty() {
                    return Err(
                        Failure::new(Exit::Usage, "nobody could open the archive: no recipient was given").into()
                    );
                }
                let own = x25519::Identity::generate();
                let public = own.to_public();
                let all =
                    recipients.iter().map(Recipient::as_age).chain(std::iter::once(&public as &dyn age::Recipient));
                let encryptor = age::Encryptor::with_recipients(all).map_err(failed)?;
                Ok(Self { encryptor: Some(encryptor), key: Key::own(own) })
            }
        }
    }
}

/// A new key pair.
pub struct KeyPair {
    /// The text of an identity file, for the drawer; `age -d -i` and `--identity` read it.
    pub identity: Secret,
    /// The public half for `--encrypt-to`.
    pub recipient: Recipient,
}

/// Makes a key pair.
#[must_use]
pub fn keygen() -> KeyPair {
    let identity = x25519::Identity::generate();
    let public = identity.to_public();
    let text = public.to_string();
    let made = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let secret = identity.to_string();
    let file = format!("# created: {made}\n# public key: {text}\n{}\n", secret.expose_secret());
    KeyPair { identity: Secret::new(file), recipient: Recipient { text, key: Public::Age(public) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_halves_are_read_and_secret_ones_are_not_repeated() {
        let pair = keygen();
        assert_eq!(Recipient::parse(&format!(" {}\n", pair.recipient.text())).unwrap().text(), pair.recipient.text());
        let secret = pair.identity.expose().lines().last().unwrap();
        let error = Recipient::parse(secret).unwrap_err();
        assert!(error.to_string().contains("secret half"), "{error}");
        assert!(!format!("{error:?}").contains(&secret[..20]));
        assert!(!format!("{:?}", pair.identity).contains(&secret[..20]));
        assert!(Recipient::parse("ssh-rsa AAAA x").unwrap_err().to_string().contains("RSA"));
        assert!(Recipient::parse("nonsense").is_err());
    }
}
