//! What every handler and every task may use: one value, cheap to clone, made once.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;

use crate::auth::password::Passwords;
use crate::auth::token::Tokens;
use crate::client::chroma::Chroma;
use crate::client::ollama::Ollama;
use crate::config::{Config, Llm};
use crate::db::Db;
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::rag::Rag;
use crate::routes::ready::Looks;
use crate::stores::Stores;
use crate::stores::redis::Redis;
use crate::tasks::Tasks;

/// The backend.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// What it consists of.
pub(crate) struct Parts {
    /// What the environment said.
    pub config: Config,
    /// Postgres.
    pub db: Db,
    /// Redis, which may be away at any time.
    pub redis: Redis,
    /// All stores, to be asked whether they are well.
    pub stores: Stores,
    /// What is counted.
    pub metrics: Metrics,
    /// Work beside the requests.
    pub tasks: Tasks,
    /// The hasher.
    pub passwords: Passwords,
    /// The signer.
    pub tokens: Tokens,
    /// Documents, retrieval and answers.
    pub rag: Rag,
    /// How often somebody may ask.
    pub limits: Limits,
    /// How often the stores are asked whether they are well.
    pub looks: tokio::sync::Mutex<Looks>,
    /// When somebody last searched or asked, in seconds since 1970; 0: not yet.
    last_query_s: AtomicI64,
    /// When the process began.
    pub began: Instant,
    /// The time; a test may have its own.
    pub clock: fn() -> Timestamp,
    #[allow(dead_code, reason = "for the half that retrieves")]
    chroma: Result<Chroma, String>,
    ollama: Option<Result<Ollama, String>>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Prepares everything; connects to nothing.
    pub(crate) fn new(config: Config) -> Self {
        let chroma = Chroma::at(config.chroma_url.clone()).map_err(|error| error.to_string());
        let ollama = || Ollama::at(config.ollama_url.clone()).map_err(|error| error.to_string());
        let ollama = (config.llm != Llm::None).then(ollama);
        Self(Arc::new(Parts {
            db: Db::new(&config.postgres),
            redis: Redis::new(&config.redis),
            stores: Stores::new(&config),
            metrics: Metrics::new(),
            tasks: Tasks::default(),
            passwords: Passwords::new(),
            tokens: Tokens::new(&config.jwt_secret),
            rag: Rag::new(&config),
            limits: Limits::default(),
            looks: tokio::sync::Mutex::default(),
            last_query_s: AtomicI64::new(0),
            began: Instant::now(),
            clock: Timestamp::now,
            chroma,
            ollama,
            config,
        }))
    }

    /// Now, in seconds since 1970.
    pub(crate) fn now_s(&self) -> i64 {
        (self.clock)().as_second()
    }

    /// Notes that somebody searched or asked.
    #[allow(dead_code, reason = "for the half that retrieves")]
    pub(crate) fn note_query(&self) {
        self.last_query_s.store(self.now_s(), Ordering::Relaxed);
    }

    /// When somebody last searched or asked, since this process began.
    pub(crate) fn last_query_at(&self) -> Option<Timestamp> {
        let second = self.last_query_s.load(Ordering::Relaxed);
        if second == 0 { None } else { Timestamp::from_second(second).ok() }
    }

    /// Chroma.
    ///
    /// # Errors
    /// 503 when its address cannot be used on this host (https without CA certificates).
    #[allow(dead_code, reason = "for the half that retrieves")]
    pub(crate) fn chroma(&self) -> Result<&Chroma, Problem> {
        self.chroma.as_ref().map_err(|why| Problem::unavailable(why.clone()))
    }

    /// Ollama; `None` where no language model was chosen.
    ///
    /// # Errors
    /// 503 when its address cannot be used on this host.
    pub(crate) fn ollama(&self) -> Result<Option<&Ollama>, Problem> {
        self.ollama.as_ref().map(|client| client.as_ref().map_err(|why| Problem::unavailable(why.clone()))).transpose()
    }
}
