//! Writing an archive, member by member, in constant memory.
//!
//! ```text
//! members → tar → gzip on several threads → [age] → NAME.partial, summed → Written: verified, then published
//! ```
//! `manifest.json` comes first and `SHA256SUMS` last, by construction. Dropped at any moment, nothing is left behind.
//! After an error of a source the archive can go on; what that source gave is filled up with zeros, and the caller's
//! outcome says that the component failed.

use super::fault;
use super::listing::{Listing, SUMS, Seen};
use super::manifest::{FORMAT, Manifest};
use super::member::{Fate, Kind, Member, Tree, Visit, check_link, clean_path};
use super::name::Name;
use super::outcome::Outcome;
use super::pack::Packer;
use super::seal::{Seal, Sealing};
use super::sum::{Sum, Summing};
use super::tarball::{END, Headers, padding};
use super::target::{Partial, Stored, Target};
use super::watch::Watch;
use super::written::Written;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// The first member's name.
pub(super) const MANIFEST: &str = "manifest.json";
/// The last member's but one.
pub(super) const OUTCOME: &str = "outcome.json";

/// What an archive is to be.
pub struct Options {
    /// The directory that it comes into; it must exist.
    pub dir: PathBuf,
    /// Its name, which must be free.
    pub name: Name,
    /// Who may open it.
    pub seal: Seal,
    /// Threads that compress; 0 for one per core.
    pub threads: usize,
    /// How far it is.
    pub watch: Watch,
}

/// An archive in the making.
pub struct Writer {
    packer: Packer<Below>,
    headers: Headers,
    listing: Listing,
    options: Options,
    key: super::Key,
    mtime: u64,
    partial: Partial,
}

/// What the gzip stream goes into.
enum Below {
    Plain(Target),
    Sealed(Box<age::stream::StreamWriter<Target>>),
}

impl Writer {
    /// Begins the archive with its manifest.
    ///
    /// # Errors
    /// When the name is taken, or the directory cannot be written.
    pub fn create(options: Options, manifest: &Manifest) -> Result<Self> {
        let encrypted = options.seal.encrypts();
        let sealing = Sealing::begin(&options.seal)?;
        refuse_taken(&options)?;
        let path = options.dir.join(format!("{}.partial", options.name.file(encrypted)));
        let (partial, file) = Partial::create(path.clone()).map_err(|error| fault::writing(&path, error))?;
        let below = || -> io::Result<Below> {
            let target = Target::new(file)?;
            Ok(match sealing.encryptor {
                None => Below::Plain(target),
                Some(encryptor) => Below::Sealed(Box::new(encryptor.wrap_output(target)?)),
            })
        };
        let packer = below().and_then(|below| Packer::new(below, options.threads));
        let mut writer = Self {
            packer: packer.map_err(|error| fault::writing(&path, error))?,
            headers: Headers::new(),
            listing: Listing::default(),
            key: sealing.key,
            mtime: u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default(),
            partial,
            options,
        };
        let archive = writer.options.name.stem().to_owned();
        let manifest = Manifest { format: FORMAT, archive, encrypted, ..manifest.clone() };
        writer.json(MANIFEST, &manifest)?;
        Ok(writer)
    }

    /// Adds a file from memory.
    ///
    /// # Errors
    /// When the path is taken or leads out, or it cannot be written.
    pub fn bytes(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<Sum> {
        self.file(path, mode, content.len() as u64, content)
    }

    /// Adds a file of a known size.
    ///
    /// # Errors
    /// When the content is shorter or longer, the path is taken or leads out, or it cannot be written.
    pub fn file(&mut self, path: &str, mode: u32, size: u64, mut from: impl Read) -> Result<Sum> {
        let mtime = self.mtime;
        let member = Member { path: path.to_owned(), kind: Kind::File, size, mode, uid: 0, gid: 0, mtime, link: None };
        let sum = self.member(&member, path, &mut from, None)?;
        let grown = from.read(&mut [0]).with_context(|| format!("could not read {path}"))?;
        if grown > 0 {
            return Err(Failure::new(Exit::Failed, format!("{path} grew while it was read")).into());
        }
        Ok(sum)
    }

    /// Adds the entries of a tar stream, as the engine's archive endpoint gives it: their first directory becomes
    /// `prefix`. Owners, modes and times are kept.
    ///
    /// # Errors
    /// When the stream is cut off or holds what an archive may not hold, the visitor says so, or it cannot be written.
    pub fn tar(&mut self, prefix: &str, from: impl Read, visit: &mut dyn Visit) -> Result<Tree> {
        let mut entries = super::entries::Entries::new(from);
        let mut tree = Tree::default();
        let wrong = |error| fault::stream(prefix, error);
        while let Some(mut entry) = entries.next().map_err(wrong)? {
            entry.path = entry.path.split_once('/').map(|(_, below)| below.to_owned()).unwrap_or_default();
            self.entry(prefix, &entry, &mut entries, visit, &mut tree)?;
        }
        entries.end().map_err(wrong)?;
        Ok(tree)
    }

    /// Adds a directory by reading its files. What is being changed meanwhile is an error; a link is never followed.
    ///
    /// # Errors
    /// When something cannot be read or may not be in an archive, the visitor says so, or it cannot be written.
    pub fn directory(&mut self, prefix: &str, root: &std::path::Path, visit: &mut dyn Visit) -> Result<Tree> {
        let mut tree = Tree::default();
        super::walk::walk(root, &mut |entry, content| self.entry(prefix, entry, content, visit, &mut tree))?;
        Ok(tree)
    }

    /// Ends the archive: the outcome, the sums, the ends of all layers, on the disk. It still is `.partial`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, outcome: &Outcome) -> Result<Written> {
        let archive = self.options.name.stem().to_owned();
        self.json(OUTCOME, &Outcome { archive, ..outcome.clone() })?;
        let sums = self.listing.text();
        self.listing = Listing::default();
        self.bytes(SUMS, 0o600, sums.as_bytes())?;
        drop(sums);
        let Self { mut packer, options, key, partial, .. } = self;
        let ended = || -> io::Result<Stored> {
            packer.write_all(&END)?;
            let target = match packer.finish()? {
                Below::Plain(target) => target,
                Below::Sealed(sealed) => sealed.finish()?,
            };
            target.finish()
        };
        let stored = ended().map_err(|error| fault::writing(partial.path(), error))?;
        Ok(Written::new(partial, options, key, &stored))
    }

    fn json(&mut self, path: &str, content: &impl serde::Serialize) -> Result<Sum> {
        let mut text = serde_json::to_vec_pretty(content).with_context(|| format!("could not write {path}"))?;
        text.push(b'\n');
        self.bytes(path, 0o600, &text)
    }

    fn entry(
        &mut self,
        prefix: &str,
        entry: &Member,
        content: &mut dyn Read,
        visit: &mut dyn Visit,
        tree: &mut Tree,
    ) -> Result<()> {
        let mut fate = visit.see(entry)?;
        let copy = match &mut fate {
            Fate::Skip => {
                tree.left_out += 1;
                return Ok(());
            }
            Fate::Keep => None,
            Fate::Tee(to) => Some(to.as_mut()),
        };
        let path = [prefix, &entry.path].join("/");
        let sum = self.member(entry, path.trim_end_matches('/'), content, copy)?;
        match entry.kind {
            Kind::File => {
                tree.files += 1;
                tree.bytes += entry.size;
                visit.saved(entry, sum)?;
            }
            Kind::Directory => tree.directories += 1,
            _ => tree.links += 1,
        }
        Ok(())
    }

    /// Adds one member under `path`. The content is read exactly as far as the member says.
    fn member(
        &mut self,
        member: &Member,
        path: &str,
        from: &mut dyn Read,
        copy: Option<&mut (dyn Write + 'static)>,
    ) -> Result<Sum> {
        self.admit(member, path).map_err(|error| fault::stream("the archive", error))?;
        let full = [self.options.name.stem(), path].join("/");
        let header = self.headers.of(member, &full).map_err(|error| fault::stream("the archive", error))?;
        self.write(&header)?;
        let mut content = Content { summing: Summing::default(), left: member.size };
        let read = self.content(path, &mut content, from, copy);
        // A source that failed leaves a member of the length that was announced: the archive stays one, the component
        // is told as failed, and the others follow. Where writing itself failed, this fails as well.
        if read.is_err() && self.fill(&mut content).is_err() {
            return read.map(|()| content.summing.finish());
        }
        self.write(&END[..padding(member.size)])?;
        let sum = content.summing.finish();
        let seen = match member.kind {
            Kind::File => Seen::File(sum),
            Kind::Directory => Seen::Directory,
            _ => Seen::Link,
        };
        self.listing.add(path, seen);
        read.map(|()| sum)
    }

    /// What a reader would refuse is not written.
    fn admit(&self, member: &Member, path: &str) -> io::Result<()> {
        if clean_path(path.as_bytes())? != path || path.is_empty() {
            return Err(fault::broken(format!("holds a path that is not plain: {path}")));
        }
        if let (Kind::Symlink, Some(target)) = (member.kind, &member.link) {
            check_link(&member.path, target)?;
        }
        if path == SUMS { Ok(()) } else { self.listing.admit(path, member.kind == Kind::Directory) }
    }

    fn content(
        &mut self,
        path: &str,
        content: &mut Content,
        from: &mut dyn Read,
        mut copy: Option<&mut (dyn Write + 'static)>,
    ) -> Result<()> {
        let mut from = Source { from, watch: self.options.watch.clone(), failed: None };
        while content.left > 0 {
            let (n, bytes) = match self.packer.read_from(&mut from, content.left) {
                Ok(read) => read,
                Err(error) => {
                    let read = from.failed.map(|error| fault::stream(path, error));
                    return Err(read.unwrap_or_else(|| fault::writing(self.partial.path(), error)));
                }
            };
            if n == 0 {
                let words = format!("{path} ended {} bytes early: it changed while it was read", content.left);
                return Err(Failure::new(Exit::Failed, words).into());
            }
            content.add(bytes);
            if let Some(copy) = &mut copy {
                copy.write_all(bytes).with_context(|| format!("could not keep a copy of {path}"))?;
            }
        }
        Ok(())
    }

    /// Zeros for what a source did not give.
    fn fill(&mut self, content: &mut Content) -> io::Result<()> {
        while content.left > 0 {
            self.options.watch.check()?;
            let (_, bytes) = self.packer.read_from(&mut io::repeat(0), content.left)?;
            content.add(bytes);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.packer.write_all(bytes).map_err(|error| fault::writing(self.partial.path(), error))
    }
}

impl Write for Below {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Below::Plain(below) => below.write(bytes),
            Below::Sealed(below) => below.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A member's content as far as it is written.
struct Content {
    summing: Summing,
    left: u64,
}

impl Content {
    fn add(&mut self, bytes: &[u8]) {
        self.summing.update(bytes);
        self.left -= bytes.len() as u64;
    }
}

/// Tells an error of the source from one of the archive, and stops when somebody wants that.
struct Source<'a> {
    from: &'a mut dyn Read,
    watch: Watch,
    failed: Option<io::Error>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.watch.check().and_then(|()| self.from.read(buffer)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failed = Some(error);
                Err(io::ErrorKind::Other.into())
            }
            Ok(n) => {
                self.watch.advance(n);
                Ok(n)
            }
            interrupted => interrupted,
        }
    }
}

fn refuse_taken(options: &Options) -> Result<()> {
    let taken = [false, true].into_iter().flat_map(|sealed| [options.name.file(sealed), options.name.sidecar(sealed)]);
    match taken.map(|file| options.dir.join(file)).find(|path| path.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(path) => Err(Failure::new(Exit::Failed, format!("{} is there already", path.display()))
            .hint("two backups cannot begin in the same second: try again")
            .into()),
    }
}
