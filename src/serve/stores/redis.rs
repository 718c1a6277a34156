//! Redis: AUTH and PING over one kept connection, and work that can do without it over another.
//!
//! Redis may be away at any time and nothing stops: [`Redis::try_`] answers `None`, at once while it is known to be away.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo,
    RedisError, cmd,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::client::words;
use crate::config;
use crate::secret::Secret;

/// How the crate wraps what lies below it.
type Wrapped = Arc<dyn Error + Send + Sync>;

/// What work that can do without Redis waits for it.
const WORK_WITHIN: Duration = Duration::from_millis(200);
/// After a failure, so long nobody tries.
const AWAY_FOR: Duration = Duration::from_secs(1);

pub(crate) struct Redis {
    client: Result<Client, RedisError>,
    password: Secret,
    pub(super) place: String,
    kept: Mutex<Option<MultiplexedConnection>>,
    working: Mutex<Working>,
}

/// The connection for work, and until when there is none.
#[derive(Default)]
struct Working {
    connection: Option<MultiplexedConnection>,
    away_until: Option<Instant>,
}

impl Redis {
    pub(crate) fn new(config: &config::Redis) -> Self {
        let place = format!("{}:{}", config.host, config.port);
        let password = config.password.clone();
        Self { client: client(config), password, place, kept: Mutex::default(), working: Mutex::default() }
    }

    /// What Redis answers to a command, or `None` if it is away, slow or refuses.
    pub(crate) async fn try_<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let worked = timeout(WORK_WITHIN, async {
            let mut connection = self.working().await?;
            command.query_async(&mut connection).await.ok()
        });
        let answer = worked.await.ok().flatten();
        if answer.is_none() {
            let mut working = self.working.lock().await;
            if working.away_until.is_none_or(|until| until < Instant::now()) {
                *working = Working { connection: None, away_until: Some(Instant::now() + AWAY_FOR) };
            }
        }
        answer
    }

    /// What Redis answers to a command, over a connection of its own.
    ///
    /// # Errors
    /// What Redis says, or why it cannot be reached.
    pub(crate) async fn say<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        let mut connection = self.connect().await.map_err(|error| self.explain(error))?;
        command.query_async(&mut connection).await.map_err(|error| self.explain(error))
    }

    /// `HOST:PORT`.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Whether Redis answers somebody who names no password.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(crate) async fn is_open(&self) -> Result<bool> {
        let patient = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = self.client.as_ref().map_err(|error| self.explain(error.clone()))?;
        let connected = client.get_multiplexed_async_connection_with_config(&patient).await;
        match connected {
            Ok(mut connection) => Ok(ping(&mut connection).await.is_ok()),
            // An answer that refuses is an answer.
            Err(error) if error.code().is_some() => Ok(false),
            Err(error) => Err(self.explain(error)),
        }
    }

    async fn working(&self) -> Option<MultiplexedConnection> {
        let mut working = self.working.lock().await;
        if working.away_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        if working.connection.is_none() {
            working.connection = Some(self.connect().await.ok()?);
        }
        working.connection.clone()
    }

    /// Whether a PING is answered by PONG after logging in.
    ///
    /// # Errors
    /// What Redis says, or why it cannot be reached.
    pub(super) async fn ask(&self) -> Result<()> {
        // Taken out while it is used: an answer that never comes must not stay in the connection's way.
        let mut kept = self.kept.lock().await;
        if let Some(mut connection) = kept.take()
            && ping(&mut connection).await.is_ok()
        {
            *kept = Some(connection);
            return Ok(());
        }
        let mut connection = self.connect().await.map_err(|error| self.explain(error))?;
        ping(&mut connection).await.map_err(|error| self.explain(error))?;
        *kept = Some(connection);
        Ok(())
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        // The caller's deadline rules, not this crate's own.
        let patient = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await?;
        // Not by the crate's own log-in, which drops what Redis says about a wrong password.
        if !self.password.is_empty() {
            say(&mut connection, cmd("AUTH").arg(self.password.expose())).await?;
        }
        Ok(connection)
    }

    fn explain(&self, error: RedisError) -> anyhow::Error {
        let said = match (error.code(), error.source().and_then(|source| source.downcast_ref::<Wrapped>())) {
            (Some(code), _) => format!("{} says: {code} {}", self.place, error.detail().unwrap_or_default()),
            (None, Some(below)) => words::describe(&**below, &self.place),
            (None, None) => words::describe(&error, &self.place),
        };
        anyhow!(error).context(said)
    }
}

fn client(config: &config::Redis) -> Result<Client, RedisError> {
    let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
    let address = ConnectionAddr::Tcp(config.host.clone(), config.port);
    Client::open(address.into_connection_info()?.set_redis_settings(quiet))
}

async fn ping(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    say(connection, &cmd("PING")).await
}

// Every answer to these two is a status, so something else on the port is noticed.
async fn say(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<(), RedisError> {
    command.query_async::<String>(connection).await.map(drop)
}
