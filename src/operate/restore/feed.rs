//! The second reading: every member goes to who loads it. One thread reads; the loaders take at their own pace.
//!
//! A loader that has gone away says itself why; its members are then read past, so that the others go on.

use super::pipe::{Pipe, Receiver, pipe};
use super::source::{Source, is_sql};
use super::{legacy, redis};
use crate::archive::{self, Kind, Member, Tarball, Watch};
use crate::operate::backend_image::OWNER;
use crate::stack::component::Component;
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

/// Where the members of one component go.
enum Sink {
    /// A tar for a container's directory; with an owner for everything where the archive's does not count.
    Tree(Tarball<Pipe>, Option<u64>),
    /// The one file's bytes; plain SQL for a psql that is restricted by this key.
    Bytes(Pipe, String),
    /// The bytes of all files, one after the other.
    Lines(Pipe),
    /// Redis' dump of that many bytes, laid out as an append-only file.
    Redis(Tarball<Pipe>, u64),
    /// The loader went away, or has everything.
    Closed,
}

/// What goes where while the archive is read.
pub struct Feed {
    sinks: BTreeMap<Component, Sink>,
    last: Option<Component>,
}

impl Feed {
    /// A feed for these components, with the ends that their loaders read from. Models are loaded apart.
    /// `key` is a secret that no archive knows.
    #[must_use]
    pub fn new(components: &BTreeSet<Component>, source: &Source, key: &str) -> (Self, BTreeMap<Component, Receiver>) {
        let (mut sinks, mut ends) = (BTreeMap::new(), BTreeMap::new());
        for component in components.iter().filter(|component| **component != Component::Models) {
            let (to, from) = pipe();
            let sink = match component {
                Component::Postgres => Sink::Bytes(to, key.to_owned()),
                Component::Redis => Sink::Redis(Tarball::new(to), source.seen.rdb_bytes),
                Component::Documents => Sink::Tree(Tarball::new(to), Some(u64::from(OWNER))),
                Component::Chromadb if source.from_vectors => Sink::Lines(to),
                Component::Chromadb | Component::Models => Sink::Tree(Tarball::new(to), None),
            };
            sinks.insert(*component, sink);
            ends.insert(*component, from);
        }
        (Self { sinks, last: None }, ends)
    }

    /// Reads the archive to its end. Blocking.
    ///
    /// # Errors
    /// When it cannot be read, or is another one than was checked.
    pub fn run(mut self, source: &Source, watch: &Watch) -> Result<()> {
        let reader = archive::open(&source.path, &source.key, watch)?;
        let contents = reader.each(&mut |member, from| self.member(source, member, from))?;
        ensure!(contents.sha256 == source.contents.sha256, "{} changed while it was read", source.name());
        self.sinks.values_mut().for_each(Sink::finish);
        Ok(())
    }

    fn member(&mut self, source: &Source, member: &Member, from: &mut dyn Read) -> Result<()> {
        let place = source.part(&member.path);
        let component = place.map(|(component, _)| component);
        if self.last.is_some() && self.last != component {
            // Members of a component stand together: its loader may go on with what it has.
            self.last.and_then(|last| self.sinks.get_mut(&last)).into_iter().for_each(Sink::finish);
        }
        self.last = component;
        let Some((component, inside)) = place else { return Ok(()) };
        let Some(sink) = self.sinks.get_mut(&component) else { return Ok(()) };
        match sink.take(member, inside, from) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                *sink = Sink::Closed;
                Ok(())
            }
            other => Ok(other?),
        }
    }
}

impl Sink {
    fn take(&mut self, member: &Member, inside: &str, from: &mut dyn Read) -> io::Result<()> {
        match self {
            Self::Tree(tar, owner) if !inside.is_empty() => tar.add(&plain(member, *owner), inside, from),
            Self::Bytes(pipe, key) if is_sql(&member.path) => {
                legacy::write(from, pipe, key).map_err(|error| error.downcast().unwrap_or_else(io::Error::other))
            }
            Self::Bytes(pipe, _) if member.kind == Kind::File => io::copy(from, pipe).map(|_| ()),
            Self::Lines(pipe) if member.kind == Kind::File => io::copy(from, pipe).map(|_| ()),
            Self::Redis(tar, size) if inside == "dump.rdb" => {
                redis::lay_out(tar, &Member { size: *size, ..member.clone() }, from)
            }
            _ => Ok(()),
        }
    }

    /// Whoever does not hear it any more says why.
    fn finish(&mut self) {
        let _ = match std::mem::replace(self, Self::Closed) {
            Self::Tree(tar, _) | Self::Redis(tar, _) => tar.finish().and_then(Pipe::end),
            Self::Bytes(pipe, _) | Self::Lines(pipe) => pipe.end(),
            Self::Closed => Ok(()),
        };
    }
}

/// No bit of a foreign file may make it run as somebody else.
fn plain(member: &Member, owner: Option<u64>) -> Member {
    let mut member = member.clone();
    member.mode &= 0o777;
    if let Some(owner) = owner {
        (member.uid, member.gid) = (owner, owner);
    }
    member
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_file_gets_no_power() {
        let member = Member {
            path: String::new(),
            kind: Kind::File,
            size: 0,
            mode: 0o6755,
            uid: 0,
            gid: 0,
            mtime: 0,
            link: None,
        };
        let plain = plain(&member, Some(10001));
        assert_eq!((plain.mode, plain.uid, plain.gid), (0o755, 10001, 10001));
    }
}
