//! Reading an archive as untrusted input: everything is checked while it goes by.
//!
//! What [`Reader::each`] hands out is proven only when it has returned: the sums stand in the last member. Whoever
//! changes something therefore calls [`verify`] first, and reads a second time to act.

use super::fault::{self, broken};
use super::key::Key;
use super::legacy::Legacy;
use super::listing::{Listing, SUMS, Seen};
use super::manifest::{FORMAT, Manifest};
use super::member::{Kind, Member, check_link};
use super::outcome::Outcome;
use super::source::Source;
use super::sum::{Sum, Summing};
use super::watch::Watch;
use super::writer::{MANIFEST, OUTCOME};
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest manifest or outcome that is read.
const JSON_BYTES: u64 = 16 << 20;

/// Who wrote an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// This program.
    V2,
    /// The bash scripts, 1.0.12.
    Legacy,
}

/// What a whole archive holds, every sum checked.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Who wrote it.
    pub format: Format,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The name inside: the root directory.
    pub root: String,
    /// What it is.
    pub manifest: Manifest,
    /// What was saved.
    pub outcome: Outcome,
    /// Files in it, without the list of sums.
    pub members: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
    /// The sum of the file as stored.
    pub sha256: Sum,
    /// The size of the file as stored.
    pub size: u64,
}

/// What is called for every member, with its content.
pub type Each<'a> = dyn FnMut(&Member, &mut dyn Read) -> Result<()> + 'a;

/// An archive whose manifest has been read.
pub struct Reader {
    path: PathBuf,
    root: String,
    manifest: Manifest,
    way: Way,
}

enum Way {
    V2(Box<Source>, Sum, Member),
    Legacy(Box<Legacy>),
}

/// Opens an archive and reads its manifest. One of the bash scripts is read through once, because its manifest may
/// stand anywhere.
///
/// # Errors
/// When it is not there, the key does not open it, or it does not begin like an archive.
pub fn open(path: &Path, key: &Key, watch: &Watch) -> Result<Reader> {
    let mut source = Source::open(path, key, watch)?;
    let first = source.entries.next();
    let first = first.map_err(|error| fault::of(path, source.place(error)))?;
    match first {
        Some(member) if member.path.split_once('/').is_some_and(|(_, path)| path == MANIFEST) => {
            begin(source, member, path).map_err(|error| fault::of(path, error))
        }
        _ => {
            drop(source);
            let legacy = Legacy::open(path, key, watch)?;
            let (root, manifest) = (legacy.root().to_owned(), legacy.manifest().clone());
            Ok(Reader { path: path.to_owned(), root, manifest, way: Way::Legacy(Box::new(legacy)) })
        }
    }
}

fn begin(mut source: Source, mut member: Member, path: &Path) -> io::Result<Reader> {
    let root = member.path.split('/').next().unwrap_or_default().to_owned();
    let (text, sum) = small(&mut source, &member)?;
    let manifest: Manifest = parse(&text, MANIFEST)?;
    if manifest.format != FORMAT {
        let words = format!("has format {}, and this tars reads format {FORMAT}", manifest.format);
        return Err(fault::failure(Failure::new(Exit::Failed, words).hint("use a newer tars")));
    }
    if manifest.archive != root {
        return Err(broken(format!("holds members of another archive: {root} beside {}", manifest.archive)));
    }
    if manifest.encrypted != source.encrypted {
        return Err(broken("was encrypted when it was made and is not now, or the reverse"));
    }
    MANIFEST.clone_into(&mut member.path);
    Ok(Reader { path: path.to_owned(), root, manifest, way: Way::V2(Box::new(source), sum, member) })
}

impl Reader {
    /// What the archive says it is; proven only by [`verify`] or [`Reader::each`].
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Who wrote it.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.way {
            Way::V2(..) => Format::V2,
            Way::Legacy(_) => Format::Legacy,
        }
    }

    /// Hands every member but the manifest and the sums to `f`, in the archive's order, under its path below the
    /// root. `f` need not read a content to its end.
    ///
    /// # Errors
    /// When the archive has a fault, or `f` says so; the archive's fault goes first.
    pub fn each(self, f: &mut Each) -> Result<Contents> {
        match self.way {
            Way::Legacy(legacy) => legacy.each(f),
            Way::V2(source, sum, manifest) => {
                let walk =
                    Walk { source: *source, root: self.root, listing: Listing::default(), bytes: 0, outcome: None };
                walk.run(&self.path, self.manifest, &manifest, sum, f)
            }
        }
    }
}

/// What a walk through the members has seen.
struct Walk {
    source: Source,
    root: String,
    listing: Listing,
    bytes: u64,
    outcome: Option<Outcome>,
}

impl Walk {
    fn run(mut self, path: &Path, manifest: Manifest, first: &Member, sum: Sum, f: &mut Each) -> Result<Contents> {
        self.listing.add(MANIFEST, Seen::File(sum));
        self.bytes = first.size;
        let walked = self.members(f);
        walked.map_err(|trouble| trouble.told(path, &self.source))?;
        let ended = self.source.end().map_err(|error| fault::of(path, self.source.place(error)))?;
        let outcome = self.outcome.ok_or_else(|| fault::of(path, broken(format!("lacks the member {OUTCOME}"))))?;
        if outcome.archive != self.root {
            return Err(fault::of(path, broken(format!("holds the {OUTCOME} of another archive"))));
        }
        Ok(Contents {
            format: Format::V2,
            encrypted: self.source.encrypted,
            root: self.root,
            manifest,
            outcome,
            members: self.listing.files().count() as u64,
            bytes: self.bytes,
            sha256: ended,
            size: self.source.size,
        })
    }

    fn members(&mut self, f: &mut Each) -> Result<(), Trouble> {
        let mut listed = false;
        while let Some(mut member) = self.source.entries.next()? {
            if listed {
                return Err(broken(format!("has members behind {SUMS}, its last one")).into());
            }
            member.path = below(&member.path, &self.root)?;
            if member.path.is_empty() && member.kind == Kind::Directory {
                continue;
            }
            if member.path == SUMS && member.kind == Kind::File {
                self.listing.check(&mut self.source.entries)?;
                listed = true;
                continue;
            }
            self.listing.admit(&member.path, member.kind == Kind::Directory)?;
            let seen = self.member(&member, f)?;
            self.listing.add(&member.path, seen);
        }
        if listed { Ok(()) } else { Err(broken(format!("is cut off: {SUMS}, its last member, is missing")).into()) }
    }

    fn member(&mut self, member: &Member, f: &mut Each) -> Result<Seen, Trouble> {
        match member.kind {
            Kind::File if member.path == OUTCOME => {
                let (text, sum) = small(&mut self.source, member)?;
                self.outcome = Some(parse(&text, OUTCOME)?);
                self.bytes += member.size;
                f(member, &mut text.as_slice())?;
                Ok(Seen::File(sum))
            }
            Kind::File => {
                self.bytes += member.size;
                Ok(Seen::File(content(&mut self.source.entries, |body| f(member, body))?))
            }
            Kind::Directory => {
                f(member, &mut io::empty())?;
                Ok(Seen::Directory)
            }
            Kind::Symlink => {
                inner_link(member)?;
                f(member, &mut io::empty())?;
                Ok(Seen::Link)
            }
            kind => Err(broken(format!("holds {}: {}", kind.words(), member.path)).into()),
        }
    }
}

/// The archive's own fault, or what `f` said.
pub(super) enum Trouble {
    Archive(io::Error),
    Caller(anyhow::Error),
}

impl Trouble {
    fn told(self, path: &Path, source: &Source) -> anyhow::Error {
        match self {
            Trouble::Archive(error) => fault::of(path, source.place(error)),
            Trouble::Caller(error) => error,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Archive(error)
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Trouble::Caller(error)
    }
}

/// Lets `f` read a content, reads the rest, and gives the sum of all of it.
pub(super) fn content(from: &mut dyn Read, f: impl FnOnce(&mut dyn Read) -> Result<()>) -> Result<Sum, Trouble> {
    let mut body = Body { from, summing: Summing::default(), fault: None };
    let said = f(&mut body);
    if let Some(fault) = body.fault {
        return Err(fault.into());
    }
    said?;
    let mut buffer = vec![0; 128 << 10];
    while body.read(&mut buffer).map_err(|error| body.fault.take().unwrap_or(error))? > 0 {}
    Ok(body.summing.finish())
}

/// A content that is summed as it is read, and keeps the archive's fault apart from what its reader makes of it.
struct Body<'a> {
    from: &'a mut dyn Read,
    summing: Summing,
    fault: Option<io::Error>,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer).map_err(|error| {
            self.fault = Some(error);
            io::Error::other("the archive cannot be read on")
        })?;
        self.summing.update(&buffer[..n]);
        Ok(n)
    }
}

/// The path below the root directory.
fn below(path: &str, root: &str) -> io::Result<String> {
    match path.strip_prefix(root).map(|rest| (rest, rest.strip_prefix('/'))) {
        Some(("", _)) => Ok(String::new()),
        Some((_, Some(rest))) => Ok(rest.to_owned()),
        _ => Err(broken(format!("holds members of another archive: {path}"))),
    }
}

/// A link stays within its component: that is what is unpacked into one volume.
fn inner_link(member: &Member) -> io::Result<()> {
    let target = member.link.as_deref().unwrap_or_default();
    let inside = member.path.split_once('/').map_or(member.path.as_str(), |(_, inside)| inside);
    check_link(inside, target)
}

pub(super) fn small(source: &mut Source, member: &Member) -> io::Result<(Vec<u8>, Sum)> {
    if member.size > JSON_BYTES || member.kind != Kind::File {
        return Err(broken(format!("holds a {} of {} bytes", member.path, member.size)));
    }
    let mut text = Vec::new();
    source.entries.read_to_end(&mut text)?;
    let sum = Sum::of(&text);
    Ok((text, sum))
}

pub(super) fn parse<T: DeserializeOwned>(text: &[u8], name: &str) -> io::Result<T> {
    serde_json::from_slice(text).map_err(|error| broken(format!("holds a {name} that cannot be read: {error}")))
}

/// What is done with the file beside the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sidecar {
    /// It must be there and name the archive's sum.
    Check,
    /// It is not looked at; the sums inside always are.
    Ignore,
}

/// Reads the whole archive and checks every sum. Nothing is written anywhere.
///
/// # Errors
/// With the fault in words when anything is not as it should be.
pub fn verify(path: &Path, key: &Key, sidecar: Sidecar, watch: &Watch) -> Result<Contents> {
    verify_each(path, key, sidecar, watch, &mut |_, _| Ok(()))
}

/// As [`verify`], while `f` sees every member on the way: for what is to be known of them before anything is done.
///
/// # Errors
/// As [`verify`]; also what `f` says.
pub fn verify_each(path: &Path, key: &Key, sidecar: Sidecar, watch: &Watch, f: &mut Each) -> Result<Contents> {
    let expected = match sidecar {
        Sidecar::Check => Some(read_sidecar(path)?),
        Sidecar::Ignore => None,
    };
    let contents = open(path, key, watch)?.each(f)?;
    if expected.is_some_and(|expected| expected != contents.sha256) {
        let words = "is whole in itself, but it is not the file whose sum stands beside it";
        return Err(fault::of(path, fault::failure(Failure::new(Exit::Failed, words).hint(WITHOUT))));
    }
    Ok(contents)
}

const WITHOUT: &str = "bring the .sha256 file that belongs to it, or go without: --skip-validation (the sums inside are checked all the same)";

/// The sum that `NAME.sha256` names. The path in it may be of another machine; its last part must be the archive's.
fn read_sidecar(path: &Path) -> Result<Sum> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.with_file_name(format!("{file}.sha256"));
    let mut text = String::new();
    let read = std::fs::File::open(&beside).and_then(|open| open.take(8192).read_to_string(&mut text));
    read.map_err(|error| {
        let words = format!("{file} has no readable sum beside it ({})", beside.display());
        Failure::new(Exit::Failed, words).hint(WITHOUT).caused_by(error)
    })?;
    let (sum, name) = text.trim_end().split_once(' ').unwrap_or_default();
    let name = name.trim_start_matches([' ', '*']);
    let named = Path::new(name).file_name().is_some_and(|name| name.to_string_lossy() == file);
    Sum::parse(sum)
        .filter(|_| named)
        .context(format!("{} does not name the sum of {file}", beside.display()))
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()).hint(WITHOUT).into())
}
