//! Signed tokens: HS256 and nothing else, expiry required.
//!
//! The signing itself is ring's, so that no other algorithm is even linked: `none`, RSA or another HMAC cannot be
//! chosen by whoever sends a token. A token names its session; whether that still stands, the database knows.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret::Secret;

/// How long an access token is good.
pub(crate) const ACCESS_S: i64 = 15 * 60;
/// How long a refresh token is good, from its last use on.
pub(crate) const REFRESH_S: i64 = 7 * 24 * 60 * 60;
/// Clocks may differ by so much.
const LEEWAY_S: u64 = 5;
const ISSUER: &str = "tars";

/// What a token is for; one is never taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Use {
    /// Sent with every request.
    Access,
    /// Good once, for the next pair.
    Refresh,
    /// Says under which name requests are counted, and nothing else.
    Count,
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    /// The user.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// This token.
    pub jti: Uuid,
    /// What it is for.
    #[serde(rename = "use")]
    pub usage: Use,
    iat: i64,
    exp: i64,
}

/// Makes and reads tokens with one key.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// With the secret of the env file; with none, a key of this process's own, so that log-ins end with it.
    pub(crate) fn new(secret: &Secret) -> Self {
        install_provider();
        let mut own = [0_u8; 32];
        let key = if secret.is_empty() {
            tracing::warn!("TARS_JWT_SECRET is empty: every sign-in ends with this process");
            getrandom::fill(&mut own).expect("the kernel gives random bytes");
            own.as_slice()
        } else {
            secret.expose().as_bytes()
        };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.leeway = LEEWAY_S;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation }
    }

    /// A token of a session, good from `now` (seconds since 1970) on.
    pub(crate) fn make(&self, usage: Use, user: Uuid, session: Uuid, id: Uuid, now: i64) -> JwtResult<String> {
        let good_for = if usage == Use::Refresh { REFRESH_S } else { ACCESS_S };
        let claims =
            Claims { iss: ISSUER.to_owned(), sub: user, sid: session, jti: id, usage, iat: now, exp: now + good_for };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What a token says, if it is ours, still good, and for this use.
    pub(crate) fn read(&self, token: &str, usage: Use) -> Option<Claims> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        (claims.usage == usage).then_some(claims)
    }
}

// --- HS256 by ring --------------------------------------------------------------------------------------------------

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(algorithm: Algorithm, key: &[u8]) -> JwtResult<Self> {
        match algorithm {
            Algorithm::HS256 => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key))),
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        }
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        hmac::verify(&self.0, message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn install_provider() {
    static ONCE: Once = Once::new();
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
        verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
        key_utils: KeyUtils::new_unimplemented(),
    };
    ONCE.call_once(|| {
        // Only fails where it is installed already.
        let _ = PROVIDER.install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&Secret::new(secret.to_owned()))
    }

    fn now() -> i64 {
        jiff::Timestamp::now().as_second()
    }

    fn made(by: &Tokens, usage: Use, at: i64) -> String {
        by.make(usage, Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4(), at).unwrap()
    }

    #[test]
    fn a_token_is_read_by_its_own_key_for_its_own_use_and_in_its_time() {
        let ours = tokens("one secret");
        let access = made(&ours, Use::Access, now());
        assert!(ours.read(&access, Use::Access).is_some());
        assert!(ours.read(&access, Use::Refresh).is_none() && ours.read(&access, Use::Count).is_none());
        assert!(ours.read(&made(&ours, Use::Count, now()), Use::Access).is_none());
        assert!(tokens("another").read(&access, Use::Access).is_none());
        assert!(ours.read(&made(&ours, Use::Access, now() - ACCESS_S - 10), Use::Access).is_none());
    }

    #[test]
    fn what_a_stranger_makes_is_not_read() {
        let ours = tokens("one secret");
        let good = made(&ours, Use::Access, now());
        let parts: Vec<_> = good.split('.').collect();
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS512","typ":"JWT"}"#, r#"{"alg":"RS256"}"#, "{}"] {
            let header = URL_SAFE_NO_PAD.encode(header);
            for signature in ["", parts[2]] {
                let forged = format!("{header}.{}.{signature}", parts[1]);
                assert!(ours.read(&forged, Use::Access).is_none(), "{forged}");
            }
        }
        for odd in ["", ".", "..", "a.b.c", &good[..good.len() - 2], &format!("{good}.x"), &"x".repeat(100_000)] {
            assert!(ours.read(odd, Use::Access).is_none());
        }
    }

    #[test]
    fn without_an_expiry_nothing_is_good() {
        let ours = tokens("one secret");
        let claims = serde_json::json!({ "iss": "tars", "sub": Uuid::new_v4(), "sid": Uuid::new_v4(),
            "jti": Uuid::new_v4(), "use": "access", "iat": 0 });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &ours.encoding).unwrap();
        assert!(ours.read(&token, Use::Access).is_none());
    }
}
