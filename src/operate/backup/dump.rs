//! The two dumps that their own servers make: Postgres by `pg_dump`, Redis by its replication stream. Each goes into a
//! spool while the stack serves on; an end counts only with the command's exit status 0.

use super::spool::Spool;
use crate::docker::{Docker, Ended};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Custom format, not compressed inside: the archive compresses. Privileges stay in (without them GRANTs are lost).
pub const PG_DUMP: &str = "PGPASSWORD=\"$POSTGRES_PASSWORD\" exec pg_dump --no-password --lock-wait-timeout=30s -h 127.0.0.1 -U \"$POSTGRES_USER\" -Fc -Z0 -d \"$POSTGRES_DB\"";

/// A replica without a disk is made to wait 5 s for others of its kind (`repl-diskless-sync-delay`); we are the only
/// one, so the wait is taken off and put back, by the same shell, which outlives `tars`.
pub const REDIS_RDB: &str = "delay=$(redis-cli -e config get repl-diskless-sync-delay | sed -n 2p) && redis-cli -e config set repl-diskless-sync-delay 0 >/dev/null
redis-cli --rdb -; code=$?
[ -z \"$delay\" ] || redis-cli config set repl-diskless-sync-delay \"$delay\" >/dev/null
exit $code";

/// How long a snapshot may take: longer than `pg_dump` waits for a lock.
const SNAPSHOT_WITHIN: Duration = Duration::from_secs(45);

/// A dump on its way.
#[derive(Debug)]
pub struct Dump {
    what: &'static str,
    spool: Arc<Spool>,
    first: Option<oneshot::Receiver<()>>,
    task: JoinHandle<Result<Ended>>,
    /// Bytes so far.
    pub count: Arc<AtomicU64>,
}

impl Dump {
    /// Begins one: a shell command in a container, whose standard output goes into a spool of that directory.
    ///
    /// # Errors
    /// When there is no room for a spool.
    pub fn begin(docker: &Docker, container: &str, what: &'static str, shell: &str, dir: &Path) -> Result<Self> {
        let spool = Arc::new(Spool::in_dir(dir)?);
        let count = Arc::new(AtomicU64::new(0));
        let (mut intake, first) = spool.intake(count.clone())?;
        let (docker, container, shell) = (docker.clone(), container.to_owned(), shell.to_owned());
        let task =
            tokio::spawn(async move { docker.exec_out(&container, &["sh", "-c", &shell], &[], &mut intake).await });
        Ok(Self { what, spool, first: Some(first), task, count })
    }

    /// Waits until the first bytes are there: `pg_dump` writes them after it has taken its snapshot and locked and read
    /// the catalogue; Redis after its fork. When none will come, [`Dump::end`] says why.
    pub async fn taken(&mut self) {
        if let Some(first) = self.first.take() {
            // The backend is away meanwhile: what takes this long is hindered, and its own end says by what.
            tokio::time::timeout(SNAPSHOT_WITHIN, first).await.ok();
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The command's own words when it failed; that nothing came.
    pub async fn end(mut self) -> Result<Arc<Spool>> {
        let ended = (&mut self.task).await.context("the dump was given up")?;
        ended.with_context(|| format!("{} broke off", self.what))?.well(self.what)?;
        if self.spool.bytes()? == 0 {
            bail!("{} gave nothing", self.what);
        }
        Ok(self.spool.clone())
    }
}

impl Drop for Dump {
    /// Who gives a dump up closes its pipe; the command in the container ends at its next write.
    fn drop(&mut self) {
        self.task.abort();
    }
}
