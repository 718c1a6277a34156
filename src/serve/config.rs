//! What the backend is told by its environment, read once and typed from then on.
//!
//! An empty value counts as none, since compose hands on empty ones. A missing password is no error here:
//! the backend starts and `/ready` says what the store thinks of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tracing::Level;

use super::address::Network;
use super::secret::Secret;
use crate::client::{Address, api, chroma, ollama};
use crate::error::Failure;
use crate::exit::Exit;

/// Requests in flight get this long after a stop; compose's `stop_grace_period` must be longer.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Everything `serve` needs to know. Its `Debug` holds no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen (`TARS_LISTEN`).
    pub listen: SocketAddr,
    /// `TARS_POSTGRES_*`.
    pub postgres: Postgres,
    /// `TARS_REDIS_*`.
    pub redis: Redis,
    /// `TARS_CHROMA_URL`.
    pub chroma_url: Address,
    /// Where answers come from (`TARS_LLM`).
    pub llm: Llm,
    /// `TARS_OLLAMA_URL`.
    pub ollama_url: Address,
    /// The chat model (`OLLAMA_MODEL`).
    pub chat_model: Option<String>,
    /// The embedding model (`TARS_EMBED_MODEL`).
    pub embed_model: Option<String>,
    /// Signs the tokens (`TARS_JWT_SECRET`); empty: a key of this process's own.
    pub jwt_secret: Secret,
    /// Encrypts the conversations (`TARS_ENCRYPTION_KEY`).
    pub encryption_key: Secret,
    /// Keys that still open older conversations (`TARS_ENCRYPTION_KEYS_OLD`, separated by commas).
    pub encryption_keys_old: Vec<Secret>,
    /// The administrator of the first start (`TARS_ADMIN_USER`).
    pub admin_user: String,
    /// Their password (`TARS_ADMIN_PASSWORD`).
    pub admin_password: Secret,
    /// Web origins that may call the API (`TARS_CORS_ORIGINS`, separated by commas).
    pub cors_origins: Vec<Origin>,
    /// Proxies whose `X-Forwarded-For` is believed (`TARS_TRUSTED_PROXIES`, addresses or networks).
    pub trusted_proxies: Vec<Network>,
    /// Requests per minute of a user, key or address (`TARS_RATE_LIMIT`); 0: no limit.
    pub rate_limit: u32,
    /// The least important lines that are logged (`LOG_LEVEL`).
    pub log_level: Level,
    /// The documents folder, which is only read (`TARS_DOCUMENTS_DIR`).
    pub documents_dir: PathBuf,
    /// Where uploads are kept (`TARS_UPLOADS_DIR`).
    pub uploads_dir: PathBuf,
    /// Where what must outlive a restore is kept (`TARS_LOGS_DIR`).
    pub logs_dir: PathBuf,
    /// The documents folder is scanned so often (`TARS_SCAN_EVERY_S`).
    pub scan_every: Duration,
    /// How long requests in flight may go on after a stop.
    pub stop_within: Duration,
}

/// A web origin: scheme, host and, unless it is the scheme's own, port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(pub String);

impl FromStr for Origin {
    type Err = ();

    // As browsers write it: in small letters, without a path. A star would be everybody and is refused.
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim_end_matches('/').to_ascii_lowercase();
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(())?;
        let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
        if host.is_empty() || !host.chars().all(usable) { Err(()) } else { Ok(Self(text)) }
    }
}

/// How to reach Postgres.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database.
    pub db: String,
    /// Role.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// How to reach Redis.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Empty where Redis asks for none.
    pub password: Secret,
}

/// Where the language model was chosen to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Llm {
    /// The stack's Ollama container.
    Container,
    /// An Ollama elsewhere.
    Url,
    /// None: retrieval only, by choice.
    None,
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// A [`Failure`] that names the key whose value cannot be meant; never the value of a secret.
    pub fn from_env() -> Result<Self, Failure> {
        Self::from_lookup(|key| std::env::var(key).ok())
    }

    /// Reads any environment.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let env = Env(&lookup);
        Ok(Self {
            listen: env.parsed("TARS_LISTEN", default_listen(), "ADDRESS:PORT, for example 0.0.0.0:8000")?,
            postgres: Postgres {
                host: env.text("TARS_POSTGRES_HOST", "postgres"),
                port: env.port("TARS_POSTGRES_PORT", 5432)?,
                db: env.text("TARS_POSTGRES_DB", "tars_home"),
                user: env.text("TARS_POSTGRES_USER", "tars"),
                password: env.secret("TARS_POSTGRES_PASSWORD"),
            },
            redis: Redis {
                host: env.text("TARS_REDIS_HOST", "redis"),
                port: env.port("TARS_REDIS_PORT", 6379)?,
                password: env.secret("TARS_REDIS_PASSWORD"),
            },
            chroma_url: env.address("TARS_CHROMA_URL", "chromadb", chroma::PORT)?,
            llm: env.parsed("TARS_LLM", Llm::Container, "container, url or none")?,
            ollama_url: env.address("TARS_OLLAMA_URL", "ollama", ollama::PORT)?,
            chat_model: env.get("OLLAMA_MODEL"),
            embed_model: env.get("TARS_EMBED_MODEL"),
            jwt_secret: env.secret("TARS_JWT_SECRET"),
            encryption_key: env.secret("TARS_ENCRYPTION_KEY"),
            encryption_keys_old: env.words("TARS_ENCRYPTION_KEYS_OLD").map(Secret::new).collect(),
            admin_user: env.text("TARS_ADMIN_USER", "admin"),
            admin_password: env.secret("TARS_ADMIN_PASSWORD"),
            cors_origins: env.list("TARS_CORS_ORIGINS", "http://HOST:PORT or https://HOST, separated by commas")?,
            trusted_proxies: env
                .list("TARS_TRUSTED_PROXIES", "addresses or networks (10.0.0.0/8), separated by commas")?,
            rate_limit: env.parsed("TARS_RATE_LIMIT", 200, "requests per minute; 0 for no limit")?,
            log_level: env.parsed("LOG_LEVEL", LogLevel(Level::INFO), "error, warn, info, debug or trace")?.0,
            documents_dir: env.text("TARS_DOCUMENTS_DIR", "/documents").into(),
            uploads_dir: env.text("TARS_UPLOADS_DIR", "/var/lib/tars/documents").into(),
            logs_dir: env.text("TARS_LOGS_DIR", "/var/log/tars").into(),
            scan_every: Duration::from_secs(env.parsed("TARS_SCAN_EVERY_S", 3600, "a number of seconds")?.max(1)),
            stop_within: STOP_WITHIN,
        })
    }

    /// `full`, or `retrieval-only` where no language model was chosen.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        if self.llm == Llm::None { "retrieval-only" } else { "full" }
    }
}

/// Where to listen: the flag, else `TARS_LISTEN`, else port 8000 on all interfaces.
///
/// # Errors
/// When `TARS_LISTEN` is no address.
pub fn listen_address(flag: Option<SocketAddr>) -> Result<SocketAddr, Failure> {
    let lookup = |key: &str| std::env::var(key).ok();
    flag.map_or_else(|| Env(&lookup).parsed("TARS_LISTEN", default_listen(), "ADDRESS:PORT"), Ok)
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, api::PORT))
}

impl FromStr for Llm {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "container" => Ok(Self::Container),
            "url" => Ok(Self::Url),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

// Takes the names of other programs too (WARNING, CRITICAL): the key is theirs as well.
struct LogLevel(Level);

impl FromStr for LogLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "error" | "critical" | "fatal" => Ok(Self(Level::ERROR)),
            "warn" | "warning" => Ok(Self(Level::WARN)),
            "info" => Ok(Self(Level::INFO)),
            "debug" => Ok(Self(Level::DEBUG)),
            "trace" => Ok(Self(Level::TRACE)),
            _ => Err(()),
        }
    }
}

/// Typed reading of one environment.
struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    fn get(&self, key: &str) -> Option<String> {
        self.0(key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn text(&self, key: &str, default: &str) -> String {
        self.get(key).unwrap_or_else(|| default.to_owned())
    }

    fn secret(&self, key: &str) -> Secret {
        Secret::new(self.0(key).unwrap_or_default())
    }

    fn port(&self, key: &str, default: u16) -> Result<u16, Failure> {
        self.parsed(key, default, "a port between 1 and 65535")
    }

    fn parsed<T: FromStr>(&self, key: &str, default: T, wanted: &str) -> Result<T, Failure> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.parse().map_err(|_| {
            Failure::new(Exit::Usage, format!("{key} is \"{value}\"")).hint(format!("set {key} to {wanted}"))
        })
    }

    fn words(&self, key: &str) -> impl Iterator<Item = String> {
        let all = self.get(key).unwrap_or_default();
        let words = all.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().into_iter()
    }

    fn list<T: FromStr>(&self, key: &str, wanted: &str) -> Result<Vec<T>, Failure> {
        let refusal = |word: String| {
            Failure::new(Exit::Usage, format!("{key} holds \"{word}\"")).hint(format!("set {key} to {wanted}"))
        };
        self.words(key).map(|word| word.parse().map_err(|_| refusal(word))).collect()
    }

    fn address(&self, key: &str, default: &str, port: u16) -> Result<Address, Failure> {
        let text = self.text(key, default);
        Address::parse(&text, port).map_err(|why| {
            Failure::new(Exit::Usage, format!("{key}: {}", why.message)).hint(why.hint.unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Config, Failure> {
        Config::from_lookup(|key| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn an_empty_environment_means_the_compose_network() {
        let config = from(&[("TARS_REDIS_HOST", "")]).unwrap();
        assert_eq!((config.postgres.host.as_str(), config.redis.host.as_str()), ("postgres", "redis"));
        assert_eq!(config.chroma_url.to_string(), "http://chromadb:8000");
        assert_eq!(config.ollama_url.to_string(), "http://ollama:11434");
        assert_eq!((config.listen.port(), config.mode()), (8000, "full"));
    }

    #[test]
    fn no_secret_is_shown() {
        let config = from(&[
            ("TARS_POSTGRES_PASSWORD", "geheim"),
            ("TARS_REDIS_PASSWORD", "geheim"),
            ("TARS_OLLAMA_URL", "http://user:geheim@host"),
            ("TARS_JWT_SECRET", "geheim"),
            ("TARS_ENCRYPTION_KEY", "geheim"),
            ("TARS_ENCRYPTION_KEYS_OLD", "geheim,geheim"),
            ("TARS_ADMIN_PASSWORD", "geheim"),
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("geheim"));
        assert_eq!(config.postgres.password.expose(), "geheim");
    }

    #[test]
    fn a_value_that_cannot_be_meant_names_its_key() {
        for (key, value) in [
            ("TARS_LLM", "maybe"),
            ("TARS_POSTGRES_PORT", "x"),
            ("TARS_OLLAMA_URL", "ftp://x"),
            ("LOG_LEVEL", "loud"),
            ("TARS_LISTEN", "8000"),
            ("TARS_CORS_ORIGINS", "https://a.example, *"),
            ("TARS_TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
            ("TARS_RATE_LIMIT", "-1"),
        ] {
            let failure = from(&[(key, value)]).unwrap_err();
            assert!(failure.message.starts_with(key), "{}", failure.message);
            assert!(failure.hint.is_some());
        }
    }

    #[test]
    fn other_programs_names_of_levels_are_understood() {
        assert_eq!(from(&[("LOG_LEVEL", "WARNING")]).unwrap().log_level, Level::WARN);
    }
}
