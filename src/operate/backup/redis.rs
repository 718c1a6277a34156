//! What a Redis snapshot really holds: its header here, its keys and checksum by `redis-check-rdb` in the server's own
//! container.

use super::spool::Spool;
use crate::archive::RedisRecord;
use crate::docker::{Container, Docker};
use crate::operate::restore::redis::bytes_without_mark;
use anyhow::{Context, Result, bail};
use std::io::Read;

/// Cuts off what `redis-cli --rdb -` leaves behind the dump.
///
/// # Errors
/// When the spool cannot be read or cut.
pub fn cut_mark(spool: &Spool) -> Result<()> {
    spool.cut(bytes_without_mark(&mut spool.reader()?)?)
}

/// Reads the snapshot and counts.
///
/// # Errors
/// When it is none, is damaged or is cut off.
pub async fn record(docker: &Docker, container: &Container, spool: &Spool, server: &str) -> Result<RedisRecord> {
    let rdb_version = version(spool.reader()?)?;
    let mut from = tokio::fs::File::from_std(spool.reader()?);
    from.set_max_buf_size(1 << 20);
    // Its words go to its log, which is its standard output.
    let command = ["redis-check-rdb", "/dev/stdin"];
    let (ended, said) = docker.exec_in(&container.id, &command, &[], &mut from).await?;
    let last = said.lines().rev().take(5).collect::<Vec<_>>().join("; ");
    ended.well("redis-check-rdb of what was saved").with_context(|| format!("the snapshot is damaged: {last}"))?;
    let (keys, expires) = counts(&said).with_context(|| format!("redis-check-rdb said no counts: {last}"))?;
    Ok(RedisRecord { keys, expires, rdb_version, server: server.to_owned() })
}

/// `REDIS0010` → 10.
fn version(mut from: impl Read) -> Result<u32> {
    let mut header = [0; 9];
    from.read_exact(&mut header).context("the snapshot has no header")?;
    let digits = header.strip_prefix(b"REDIS").and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(version) => Ok(version),
        None => bail!("the snapshot does not begin like one: {}", String::from_utf8_lossy(&header)),
    }
}

/// `[info] 200000 keys read`, `[info] 20000 expires`.
fn counts(said: &str) -> Option<(u64, u64)> {
    let number = |what: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix("[info] ")?.strip_suffix(what))?;
        line.trim().parse::<u64>().ok()
    };
    Some((number("keys read")?, number("expires")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_and_the_counts_are_read() {
        assert_eq!(version(b"REDIS0010\xfa".as_slice()).unwrap(), 10);
        assert!(version(b"-ERR unkn".as_slice()).is_err() && version(b"RED".as_slice()).is_err());
        let said = "[offset 0] Checking RDB file /dev/stdin\n[info] 200000 keys read\n[info] 20000 expires\n[info] 0 already expired\n";
        assert_eq!(counts(said), Some((200_000, 20_000)));
        assert_eq!(counts("[info] x"), None);
    }
}
