//! Passwords: argon2id, two at once at most, so that guessing costs the guesser time and never all of our memory.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::problem::Problem;

/// The shortest one that is taken.
pub(crate) const MIN_CHARS: usize = 10;
/// The longest one; longer ones are no passwords but a load.
pub(crate) const MAX_CHARS: usize = 256;
/// OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
const AT_ONCE: usize = 2;
/// Who waits longer for a turn is told to come back.
const WAIT: Duration = Duration::from_secs(5);

/// Computes and compares hashes.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    // What a name that nobody has is compared with, so that it takes as long.
    nobody: Arc<str>,
}

impl Passwords {
    /// Ready at once.
    pub(crate) fn new() -> Self {
        // A well-formed hash of the same cost that no password has.
        let nobody =
            format!("$argon2id$v=19$m={},t={},p={}$AAAAAAAAAAAAAAAAAAAAAA${}", COST.0, COST.1, COST.2, "A".repeat(43));
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody: nobody.into() }
    }

    /// The hash to store.
    ///
    /// # Errors
    /// 429 when too many wait for a turn.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.turn(move || hash_now(&password)).await?
    }

    /// Whether the password is the stored one; with none stored it never is, and takes as long.
    ///
    /// # Errors
    /// 429 when too many wait for a turn.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Problem> {
        let there = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        self.turn(move || there & matches(&password, &stored)).await
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let turn = timeout(WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::too_many(WAIT.as_secs(), "too many sign-ins at once; try again"));
        };
        let worked = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        worked.await.map_err(|_| Problem::internal())
    }
}

/// The hash to store; takes about 30 ms and 19 MiB.
pub(crate) fn hash_now(password: &str) -> Result<String, Problem> {
    let hashed = hasher().hash_password(password.as_bytes()).map_err(|error| {
        tracing::error!(%error, "a password could not be hashed");
        Problem::internal()
    })?;
    Ok(hashed.to_string())
}

fn matches(password: &str, stored: &str) -> bool {
    // The stored hash says its own parameters, so that old ones stay good when they are raised.
    PasswordHash::new(stored).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(COST.0, COST.1, COST.2, None).expect("the parameters are argon2's own");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether a new password can be taken.
///
/// # Errors
/// 422 with what is wrong with it.
pub(crate) fn check(field: &str, password: &str, name: &str) -> Result<(), Problem> {
    let chars = password.chars().count();
    if chars < MIN_CHARS {
        return Err(Problem::invalid(field, format!("is shorter than {MIN_CHARS} characters")));
    }
    if chars > MAX_CHARS {
        return Err(Problem::invalid(field, format!("is longer than {MAX_CHARS} characters")));
    }
    if password.to_lowercase() == name.to_lowercase() {
        return Err(Problem::invalid(field, "is the user's name"));
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return Err(Problem::invalid(field, "is one character repeated"));
    }
    Ok(())
}

/// A new password: 20 letters and digits that are not taken for each other (114 bits).
pub(crate) fn generate() -> String {
    const ALPHABET: &[u8; 54] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz234567";
    let mut password = String::with_capacity(20);
    while password.len() < 20 {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
        // Bytes of 216 and above are dropped so that every letter is equally likely (216 = 4 * 54).
        let letters = bytes.iter().filter(|byte| **byte < 216).map(|byte| ALPHABET[usize::from(*byte) % 54]);
        password.extend(letters.take(20 - password.len()).map(char::from));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new();
        let stored = passwords.hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify("correct horse".into(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsf".into(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), Some("no hash".into())).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_takes_as_long_as_somebody() {
        let passwords = Passwords::new();
        let stored = passwords.hash("correct horse".into()).await.unwrap();
        let timed = async |stored: Option<String>| {
            let begun = std::time::Instant::now();
            assert!(!passwords.verify("wrong".into(), stored).await.unwrap());
            begun.elapsed().as_secs_f64()
        };
        // Other work only adds to a time: the shortest of several, taken in turns, is the work itself.
        let (mut somebody, mut nobody) = (f64::MAX, f64::MAX);
        for _ in 0..8 {
            somebody = somebody.min(timed(Some(stored.clone())).await);
            nobody = nobody.min(timed(None).await);
        }
        // A hash that is not computed takes a thousandth.
        assert!(nobody > somebody / 20.0, "{nobody} against {somebody}: the hash of nobody was not computed");
    }

    #[test]
    fn weak_ones_are_refused() {
        for weak in ["", "short", "aaaaaaaaaaaa", "administrator", &"x".repeat(257)] {
            assert!(check("password", weak, "Administrator").is_err(), "{weak}");
        }
        assert!(check("password", "zehn Zeich", "admin").is_ok());
    }

    #[test]
    fn generated_ones_differ_and_can_be_typed() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        assert!(one.len() == 20 && one.chars().all(|c| c.is_ascii_alphanumeric() && !"0O1lIo89".contains(c)), "{one}");
    }
}
