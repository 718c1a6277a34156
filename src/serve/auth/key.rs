//! API keys: `tars_` and 43 letters (256 random bits), shown once, stored as SHA-256. So much chance needs no slow hash.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use uuid::Uuid;

use super::{Role, User, Via};
use crate::app::App;
use crate::problem::Problem;

const PREFIX: &str = "tars_";
const CHARS: usize = PREFIX.len() + 43;

/// A new key.
pub(crate) fn generate() -> String {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether this is meant to be a key; no JWT begins like one.
pub(crate) fn looks_like_one(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// What is stored of a key.
pub(crate) fn hash(key: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, key.as_bytes()).as_ref().to_vec()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whose key this is; its last use is noted, at most once a minute.
pub(crate) async fn owner(app: &App, key: &str) -> Result<Option<User>, Problem> {
    const ASK: &str = "select k.id, u.id, u.name, u.role, k.used_at is null or k.used_at < now() - interval '1 minute'
        from api_keys k join users u on u.id = k.user_id
        where k.hash = $1 and (k.expires_at is null or k.expires_at > now()) and u.disabled_at is null";
    if key.len() != CHARS {
        return Ok(None);
    }
    let connection = app.db.get().await?;
    let ask = connection.prepare_cached(ASK).await?;
    let Some(row) = connection.query_opt(&ask, &[&hash(key)]).await? else { return Ok(None) };
    let id: Uuid = row.get(0);
    if row.get(4) {
        let note = connection.prepare_cached("update api_keys set used_at = now() where id = $1").await?;
        connection.execute(&note, &[&id]).await?;
    }
    Ok(Role::named(row.get(3)).map(|role| User { id: row.get(1), name: row.get(2), role, via: Via::Key(id) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_hashed() {
        let key = generate();
        assert!(looks_like_one(&key) && key.len() == CHARS && key != generate(), "{key}");
        assert_eq!(hash(&key).len(), 32);
        assert!(!looks_like_one("eyJhbGciOiJIUzI1NiJ9.e30.x"));
    }
}
