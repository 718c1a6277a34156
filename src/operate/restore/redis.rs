//! Loading Redis: with its append-only file on, a server ignores a lone `dump.rdb`, starts empty and overwrites it
//! (stack-facts D). So the dump becomes the base of an append-only file, laid out before any server runs.

use super::bad_archive;
use super::pipe::{Receiver, stream};
use super::stage::Stage;
use crate::archive::{Kind, Member, Tarball};
use crate::docker::{Docker, HelperSpec};
use anyhow::{Result, ensure};
use std::io::{self, Read, Write};

/// The user and group of Redis in its images; an entrypoint that starts as root gives the files their owner anyway.
const OWNER: u64 = 999;
const MANIFEST: &[u8] = b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
/// The stack's own command without what only a service needs; nothing is saved beside the append-only file.
const SERVER: &str = "\
exec docker-entrypoint.sh redis-server --appendonly yes --save '' --maxmemory-policy noeviction - <<END
requirepass \"$REDIS_PASSWORD\"
END
";

/// The length of a replication's end mark.
const MARK: usize = 40;

/// Keys of all databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// All.
    pub keys: u64,
    /// Those with a time to live.
    pub expires: u64,
}

/// How many bytes of a dump are the dump. `redis-cli --rdb -` leaves the mark behind it that ends a replication: 40
/// hexadecimal digits, which it can cut off a file and not off a pipe. As the base of an append-only file a server
/// refuses that. A dump's own last bytes are 0xff and a sum, so the two cannot be taken for each other.
///
/// # Errors
/// When it cannot be read to its end.
pub fn bytes_without_mark(from: &mut dyn Read) -> io::Result<u64> {
    let (mut tail, mut total) = (Vec::new(), 0);
    let mut piece = vec![0; 64 << 10];
    loop {
        let n = from.read(&mut piece)?;
        if n == 0 {
            break;
        }
        total += n as u64;
        tail.extend_from_slice(&piece[..n]);
        tail.drain(..tail.len().saturating_sub(MARK));
    }
    let marked = tail.len() == MARK && tail.iter().all(u8::is_ascii_hexdigit);
    Ok(if marked { total - MARK as u64 } else { total })
}

/// Writes the directory of an append-only file whose base is the dump.
///
/// # Errors
/// When the dump breaks off, or nobody reads any more.
pub fn lay_out<W: Write>(tar: &mut Tarball<W>, dump: &Member, from: &mut dyn Read) -> io::Result<()> {
    let member = |path: &str, kind, mode, size| Member {
        path: path.to_owned(),
        kind,
        size,
        mode,
        uid: OWNER,
        gid: OWNER,
        mtime: dump.mtime,
        link: None,
    };
    let mut add =
        |path: &str, kind, mode, size, from: &mut dyn Read| tar.add(&member(path, kind, mode, size), path, from);
    add("appendonlydir", Kind::Directory, 0o755, 0, &mut io::empty())?;
    add("appendonlydir/appendonly.aof.1.base.rdb", Kind::File, 0o644, dump.size, from)?;
    add("appendonlydir/appendonly.aof.1.incr.aof", Kind::File, 0o644, 0, &mut io::empty())?;
    // Last: without it the files before are nothing.
    add("appendonlydir/appendonly.aof.manifest", Kind::File, 0o644, MANIFEST.len() as u64, &mut &MANIFEST[..])
}

/// The number in a dump's header: `REDIS0011`.
#[must_use]
pub fn rdb_version(head: &[u8]) -> Option<u32> {
    std::str::from_utf8(head.strip_prefix(b"REDIS")?.get(..4)?).ok()?.parse().ok()
}

/// The newest dump that a server reads (stack-facts D): 7.0 → 10, 7.2 → 11, 7.4 and 8 → 12.
#[must_use]
pub fn reads(server: &str) -> Option<u32> {
    let mut parts = server.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next()??, parts.next().flatten().unwrap_or(0)) {
        (0..=4, _) => None,
        (5 | 6, _) => Some(9),
        (7, 0 | 1) => Some(10),
        (7, 2 | 3) => Some(11),
        _ => Some(12),
    }
}

/// What a container of Redis is made of.
#[must_use]
pub fn spec(image: &str, password: &str, volume: &str) -> HelperSpec {
    HelperSpec {
        image: image.to_owned(),
        command: ["sh", "-c", SERVER].map(str::to_owned).into(),
        env: vec![format!("REDIS_PASSWORD={password}"), format!("REDISCLI_AUTH={password}")],
        binds: vec![format!("{volume}:/data")],
        ..HelperSpec::default()
    }
}

/// Lays the files out in the volume, opens them with a server and counts what it has. The server goes on.
///
/// # Errors
/// When the server does not take them.
pub async fn load(stage: &Stage, name: &str, files: Receiver) -> Result<Keys> {
    stage.docker.upload_stream(name, "/data", stream(files)).await?;
    let started = stage.start(name, "redis").await;
    started.map_err(|error| bad_archive("Redis does not open the dump", error))?;
    count(&stage.docker, name).await
}

/// Keys and keys with a time to live, of all databases.
///
/// # Errors
/// When the server does not answer.
pub async fn count(docker: &Docker, server: &str) -> Result<Keys> {
    let said = docker.exec(server, &["redis-cli", "info", "keyspace"]).await?;
    let words = || format!("redis-cli said: {}{}", said.stdout.trim(), said.stderr.trim());
    ensure!(said.ok() && said.stdout.starts_with("# Keyspace"), "{}", words());
    Ok(keyspace(&said.stdout))
}

/// `db0:keys=200000,expires=100,avg_ttl=0`
fn keyspace(said: &str) -> Keys {
    let fields = said.lines().filter(|line| line.starts_with("db")).filter_map(|line| line.trim().split_once(':'));
    fields.flat_map(|(_, fields)| fields.split(',')).fold(Keys::default(), |sum, field| {
        match field.split_once('=').map(|(key, n)| (key, n.parse::<u64>().unwrap_or(0))) {
            Some(("keys", n)) => Keys { keys: sum.keys + n, ..sum },
            Some(("expires", n)) => Keys { expires: sum.expires + n, ..sum },
            _ => sum,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_databases_are_added() {
        let said = "# Keyspace\r\ndb0:keys=200000,expires=100,avg_ttl=1\r\ndb3:keys=2,expires=2,avg_ttl=0\r\n";
        assert_eq!(keyspace(said), Keys { keys: 200_002, expires: 102 });
        assert_eq!(keyspace("# Keyspace\r\n"), Keys::default());
    }

    #[test]
    fn the_mark_behind_a_dump_is_no_part_of_it() {
        let dump = [&b"REDIS0010"[..], &vec![b'a'; 200_000], &[0xff, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
        let marked = [dump.as_slice(), &[b'7'; MARK]].concat();
        for bytes in [&dump, &marked] {
            assert_eq!(bytes_without_mark(&mut bytes.as_slice()).unwrap(), dump.len() as u64);
        }
    }

    #[test]
    fn a_dump_says_its_version_and_a_server_what_it_reads() {
        assert_eq!(rdb_version(b"REDIS0011\xfa"), Some(11));
        assert_eq!(rdb_version(b"RUBBISH12"), None);
        assert_eq!(["7.0.15", "7.2.16", "7.4.1", "8.0.2", "6.0.16"].map(reads), [10, 11, 12, 12, 9].map(Some));
    }
}
