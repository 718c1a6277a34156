//! Postgres: a pool that stands from the start, whether or not the server does, and the schema in it.
//!
//! One task waits for the server and migrates ([`Db::keep`]); until that is done, and while it is away, every handler
//! gets a 503 from [`Db::get`]. Nothing outside this folder connects to Postgres.

mod migrate;

use std::time::Duration;

use anyhow::{Result, anyhow};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts};
use tokio::sync::{Notify, watch};
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;

use crate::client::words;
use crate::config;
use crate::problem::Problem;

/// A connection out of the pool; goes back when it is dropped. `prepare_cached`, `query`, `transaction`, ….
pub(crate) type Connection = Object;

const CONNECTIONS_MAX: usize = 16;
/// Until the server stands and has let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What a handler waits for a connection.
const GET_WITHIN: Duration = Duration::from_secs(2);
/// No statement of a request may take longer; a migration lifts it.
const STATEMENT_TIMEOUT: &str = "-c statement_timeout=15000";
/// Between two tries while the server is away: from the first to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// How far the database is.
#[derive(Clone, Debug)]
enum State {
    /// Not asked yet.
    Starting,
    /// The last try failed.
    Away(String),
    /// The schema is newer than this binary.
    Refused(String),
    /// Schema and server are there.
    Ready,
}

/// The database.
pub(crate) struct Db {
    pool: Pool,
    place: String,
    state: watch::Sender<State>,
    again: Notify,
}

impl Db {
    /// Prepares the pool; connects to nothing.
    pub(crate) fn new(config: &config::Postgres) -> Self {
        let mut login = tokio_postgres::Config::new();
        login
            .host(&config.host)
            .port(config.port)
            .dbname(&config.db)
            .user(&config.user)
            .password(config.password.expose())
            .options(STATEMENT_TIMEOUT)
            .tcp_user_timeout(Duration::from_secs(10))
            .application_name("tars");
        let manager = Manager::from_config(login, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let timeouts = Timeouts { wait: None, create: Some(CONNECT_WITHIN), recycle: Some(GET_WITHIN) };
        let pool = Pool::builder(manager).max_size(CONNECTIONS_MAX).timeouts(timeouts).runtime(Runtime::Tokio1);
        Self {
            pool: pool.build().expect("a runtime is named, so time-outs can be kept"),
            place: format!("{}:{}", config.host, config.port),
            state: watch::Sender::new(State::Starting),
            again: Notify::new(),
        }
    }

    /// `HOST:PORT`.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// A connection, for a handler.
    ///
    /// # Errors
    /// 503 while the server is away or its schema is not this binary's.
    pub(crate) async fn get(&self) -> Result<Connection, Problem> {
        match &*self.state.borrow() {
            State::Ready => {}
            State::Starting => return Err(Problem::unavailable("the database is not there yet")),
            State::Away(_) => return Err(Problem::unavailable("the database does not answer")),
            State::Refused(why) => return Err(Problem::unavailable(why.clone())),
        }
        let within = Timeouts { wait: Some(GET_WITHIN), create: Some(GET_WITHIN), recycle: Some(GET_WITHIN) };
        self.pool.timeout_get(&within).await.map_err(|error| {
            tracing::warn!(error = %self.explain(error), "no connection to Postgres");
            Problem::unavailable("the database does not answer")
        })
    }

    /// Waits until the schema stands; for tasks that begin with the process.
    pub(crate) async fn ready(&self) {
        let mut state = self.state.subscribe();
        // The sender is in self, so that it cannot be gone.
        let _ = state.wait_for(|state| matches!(state, State::Ready)).await;
    }

    /// Brings the schema up once, for an errand that ends with the process.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) async fn prepare(&self) -> Result<()> {
        self.bring_up(async |_| Ok(())).await?;
        self.state.send_replace(State::Ready);
        Ok(())
    }

    /// Whether the server lets in who names a wrong password.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(crate) async fn is_open(&self, config: &config::Postgres) -> Result<bool> {
        let mut login = tokio_postgres::Config::new();
        login.host(&config.host).port(config.port).dbname(&config.db).user(&config.user).password("wrong-on-purpose");
        match tokio::time::timeout(CONNECT_WITHIN, login.connect(NoTls)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if error.code().is_some() => Ok(false),
            Ok(Err(error)) => Err(anyhow!(error).context(format!("{} cannot be reached", self.place))),
            Err(_) => Err(anyhow!(words::no_answer(&self.place, CONNECT_WITHIN))),
        }
    }

    /// How many connections there are, and how many of them are in use.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.size.saturating_sub(status.available))
    }

    /// Whether a query is answered and the schema stands.
    ///
    /// # Errors
    /// What Postgres says, or why it cannot be reached.
    pub(crate) async fn ask(&self) -> Result<()> {
        let mut state = self.state.subscribe();
        state.wait_for(|state| !matches!(state, State::Starting)).await?;
        // A connection that a restarted server has closed is replaced in the same request.
        if self.query().await.is_err() {
            self.query().await?;
        }
        // The server is there: if it was away, the schema follows at once.
        if matches!(*state.borrow(), State::Away(_)) {
            self.again.notify_one();
            state.changed().await?;
        }
        match &*state.borrow_and_update() {
            State::Away(why) | State::Refused(why) => Err(anyhow!(why.clone())),
            State::Starting | State::Ready => Ok(()),
        }
    }

    /// Migrates as soon as the server is there, and again whenever the schema has gone; ends with `shutdown`.
    /// `then` runs after each success, before the database counts as ready.
    pub(crate) async fn keep<F>(&self, shutdown: CancellationToken, then: impl Fn(Connection) -> F)
    where
        F: Future<Output = Result<()>>,
    {
        let mut wait = RETRY.0;
        loop {
            let pause = match self.bring_up(&then).await {
                Ok(()) => {
                    self.state.send_replace(State::Ready);
                    wait = RETRY.0;
                    None
                }
                Err(error) => {
                    self.tell(&error);
                    wait = (wait * 2).min(RETRY.1);
                    Some(wait)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.again.notified() => {}
                () = async { match pause { Some(pause) => tokio::time::sleep(pause).await, None => std::future::pending().await } } => {}
            }
        }
    }

    /// The schema has gone from under us (a restore behind our back): looked at again, and answered 503 until then.
    pub(crate) fn lost_schema(&self) {
        self.state.send_replace(State::Away("the schema is being made again".to_owned()));
        self.again.notify_one();
    }

    async fn bring_up<F>(&self, then: impl Fn(Connection) -> F) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let mut connection = self.pool.get().await.map_err(|error| self.explain(error))?;
        let steps = migrate::migrate(&mut connection).await?;
        if steps > 0 {
            tracing::info!(steps, "the database's schema was brought up to date");
        }
        then(connection).await
    }

    fn tell(&self, error: &anyhow::Error) {
        let why = crate::error::causes_of(error).join(": ");
        let state = if error.is::<migrate::Newer>() { State::Refused(why) } else { State::Away(why) };
        let (State::Refused(now) | State::Away(now)) = &state else { return };
        // Said once, not at every try.
        if !matches!(&*self.state.borrow(), State::Refused(before) | State::Away(before) if before == now) {
            tracing::warn!(error = now, "the database cannot be used");
        }
        self.state.send_replace(state);
    }

    async fn query(&self) -> Result<()> {
        let connection = self.pool.get().await.map_err(|error| self.explain(error))?;
        connection.simple_query("select 1").await.map_err(|error| self.explain(PoolError::Backend(error)))?;
        Ok(())
    }

    fn explain(&self, error: PoolError) -> anyhow::Error {
        let said = match &error {
            PoolError::Backend(error) => match error.as_db_error() {
                Some(refusal) => format!("{} says: {}", self.place, refusal.message()),
                None => words::describe(error, &self.place),
            },
            PoolError::Timeout(_) => words::no_answer(&self.place, CONNECT_WITHIN),
            other => words::describe(other, &self.place),
        };
        anyhow!(error).context(said)
    }
}
