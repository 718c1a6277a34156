//! The keys that open an encrypted archive, and the words when they do not.

use super::fault::{broken, failure};
use super::seal::Secret;
use crate::error::Failure;
use crate::exit::Exit;
use age::{DecryptError, ssh, x25519};
use anyhow::Result;
use base64::Engine;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The first bytes of every age file.
pub(super) const MAGIC: &[u8] = b"age-encryption.org/";
/// The longest header that is read; one recipient takes about 150 bytes.
const HEADER_BYTES: usize = 64 << 10;
/// scrypt's highest cost that is paid to open a file: 2^20 is 1 GiB.
const WORK_MAX: u8 = 20;
const WHICH: &str = "give the key that belongs to it: --identity FILE or --passphrase-file FILE";

/// What opens an archive. Without any, only plain ones are read.
#[derive(Clone)]
pub struct Key(Vec<One>);

#[derive(Clone)]
enum One {
    Age(x25519::Identity),
    Ssh(ssh::Identity),
    Passphrase(Secret),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({} of them)", self.0.len())
    }
}

impl Key {
    /// No key.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// A passphrase.
    #[must_use]
    pub fn passphrase(secret: Secret) -> Self {
        Self(vec![One::Passphrase(secret)])
    }

    pub(super) fn own(identity: x25519::Identity) -> Self {
        Self(vec![One::Age(identity)])
    }

    /// The text of an identity file: age's own, or an OpenSSH private key (ed25519, without a passphrase).
    ///
    /// # Errors
    /// When it holds no key that can be used; the text is never repeated.
    pub fn identity(text: &Secret) -> Result<Self> {
        let text = text.expose();
        if text.contains("-----BEGIN") {
            return Ok(Self(vec![One::Ssh(ssh_key(text)?)]));
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Option<Vec<_>> = lines.map(|line| x25519::Identity::from_str(line).ok().map(One::Age)).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self(keys)),
            _ => Err(unusable(
                "the identity file holds no key that can be used",
                "a key begins with AGE-SECRET-KEY-1, or is an OpenSSH ed25519 key",
            )),
        }
    }

    /// The keys of the files that were named, if any. A passphrase ends at its first line's end.
    ///
    /// # Errors
    /// When a file cannot be read or holds no key.
    pub fn from_files(identity: Option<&Path>, passphrase: Option<&Path>) -> Result<Self> {
        let mut all = Self::none();
        if let Some(path) = identity {
            all.0.extend(Self::identity(&read(path)?)?.0);
        }
        if let Some(path) = passphrase {
            all.0.push(One::Passphrase(passphrase_of(path)?));
        }
        Ok(all)
    }

    /// What is inside an encrypted file.
    pub(super) fn open<R: BufRead>(&self, file: R) -> io::Result<impl Read + use<R>> {
        let decryptor = age::Decryptor::new_buffered(file).map_err(|error| self.refused(error, false))?;
        let scrypt = decryptor.is_scrypt();
        let identities: Vec<_> = self.0.iter().map(One::as_age).collect();
        let identities = identities.iter().map(|one| one.as_ref() as &dyn age::Identity);
        decryptor.decrypt(identities).map_err(|error| self.refused(error, scrypt))
    }

    fn refused(&self, error: DecryptError, scrypt: bool) -> io::Error {
        let knows = |passphrase| self.0.iter().any(|one| matches!(one, One::Passphrase(_)) == passphrase);
        let words = match error {
            DecryptError::ExcessiveWork { .. } => return broken("asks for more memory than a passphrase may cost"),
            DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                match scrypt {
                    true if knows(true) => "is not opened by this passphrase",
                    true => "is encrypted with a passphrase, and none was given",
                    false if knows(false) => "is encrypted, but not for the key that was given",
                    false => "is encrypted, and no key for it was given",
                }
            }
            DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => return error,
            DecryptError::InvalidMac => return broken("is damaged: somebody or something changed its age header"),
            _ => return broken("is damaged: its age header cannot be read"),
        };
        failure(Failure::new(Exit::Failed, words).hint(WHICH))
    }
}

impl One {
    fn as_age(&self) -> Box<dyn age::Identity> {
        match self {
            One::Age(identity) => Box::new(identity.clone()),
            One::Ssh(identity) => Box::new(identity.clone()),
            One::Passphrase(secret) => {
                let mut identity = age::scrypt::Identity::new(secret.0.clone());
                identity.set_max_work_factor(WORK_MAX);
                Box::new(identity)
            }
        }
    }
}

/// Refuses a header without an end, before a parser looks for it in the whole file.
pub(super) fn check_header(mut file: impl Read) -> io::Result<()> {
    let mut start = Vec::new();
    file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut start)?;
    if start.windows(5).any(|five| five == b"\n--- ") {
        return Ok(());
    }
    let short = start.len() < HEADER_BYTES;
    Err(broken(if short { "is cut off in its age header" } else { "is damaged: its age header has no end" }))
}

fn ssh_key(text: &str) -> Result<ssh::Identity> {
    let Ok(key) = ssh::Identity::from_buffer(text.as_bytes(), None) else {
        return Err(unusable("the identity file holds no key that can be used", "give an OpenSSH ed25519 private key"));
    };
    match key {
        ssh::Identity::Unencrypted(_) if is_ed25519(text) => Ok(key),
        ssh::Identity::Unencrypted(_) => Err(unusable("RSA keys are not used for encryption", "use an ed25519 key")),
        ssh::Identity::Encrypted(_) => Err(unusable(
            "the SSH key in the identity file is locked with a passphrase",
            "give an unlocked copy of it: cp KEY /dev/shm/key && ssh-keygen -p -N '' -f /dev/shm/key; shred -u it afterwards",
        )),
        ssh::Identity::Unsupported(_) => {
            Err(unusable("the SSH key in the identity file is of a kind that cannot be used", "use an ed25519 key"))
        }
    }
}

/// The kind stands as a name in the public part of OpenSSH's own format; older formats hold RSA.
fn is_ed25519(text: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let decoded = base64::prelude::BASE64_STANDARD.decode(lines.collect::<String>()).map(Zeroizing::new);
    decoded.is_ok_and(|bytes| bytes.windows(15).any(|name| name == b"\0\0\0\x0bssh-ed25519"))
}

fn read(path: &Path) -> Result<Secret> {
    std::fs::read_to_string(path).map(Secret::new).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("could not read the key file {}", path.display()))
            .caused_by(error)
            .into()
    })
}

/// The passphrase in a file.
///
/// # Errors
/// When the file cannot be read, or its first line is empty.
pub fn passphrase_of(path: &Path) -> Result<Secret> {
    let text = read(path)?;
    let line = text.expose().lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(unusable(
            &format!("the passphrase file {} is empty", path.display()),
            "write the passphrase into its first line",
        ));
    }
    Ok(Secret::new(line))
}

fn unusable(what: &str, hint: &str) -> anyhow::Error {
    Failure::new(Exit::Usage, what).hint(hint).into()
}
