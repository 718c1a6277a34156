//! Postgres: a real log-in and a real query over one kept connection.
//!
//! `pg_isready` would not do: it ignores user and database, and says "accepting" during initialisation
//! (stack-facts C).

use anyhow::{Result, anyhow};
use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::AbortOnDropHandle;

use crate::client::words;
use crate::serve::config;

pub(super) struct Postgres {
    login: tokio_postgres::Config,
    pub(super) place: String,
    kept: Mutex<Option<Connection>>,
}

/// A client and the task that moves its bytes, which ends with it even if the server hangs.
struct Connection {
    client: Client,
    _task: AbortOnDropHandle<()>,
}

impl Postgres {
    pub(super) fn new(config: &config::Postgres) -> Self {
        let mut login = tokio_postgres::Config::new();
        login
            .host(&config.host)
            .port(config.port)
            .dbname(&config.db)
            .user(&config.user)
            .password(config.password.expose())
            .application_name("tars");
        Self { login, place: format!("{}:{}", config.host, config.port), kept: Mutex::new(None) }
    }

    /// Whether a query is answered.
    ///
    /// # Errors
    /// What Postgres says, or why it cannot be reached.
    pub(super) async fn ask(&self) -> Result<()> {
        // Taken out while it is used: an answer that never comes must not stay in the connection's way.
        let mut kept = self.kept.lock().await;
        if let Some(connection) = kept.take()
            && query(&connection).await.is_ok()
        {
            *kept = Some(connection);
            return Ok(());
        }
        let connection = self.connect().await.map_err(|error| self.explain(error))?;
        query(&connection).await.map_err(|error| self.explain(error))?;
        *kept = Some(connection);
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, tokio_postgres::Error> {
        let (client, connection) = self.login.connect(NoTls).await?;
        let task = tokio::spawn(async move {
            // Its error reaches the client's next query as well.
            let _ = connection.await;
        });
        Ok(Connection { client, _task: AbortOnDropHandle::new(task) })
    }

    fn explain(&self, error: tokio_postgres::Error) -> anyhow::Error {
        let said = match error.as_db_error() {
            Some(refusal) => format!("{} says: {}", self.place, refusal.message()),
            None => words::describe(&error, &self.place),
        };
        anyhow!(error).context(said)
    }
}

async fn query(connection: &Connection) -> Result<(), tokio_postgres::Error> {
    connection.client.simple_query("select 1").await.map(drop)
}
