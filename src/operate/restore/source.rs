//! The archive that is to be restored: found, and read through once with every sum checked, before anything is changed.

use super::{bad_archive_alone, legacy, of_reading, redis};
use crate::archive::{self, Contents, Format, Key, Kind, Member, Name, Sidecar, Status, Watch};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::keeping::register::{Entry, Register};
use crate::stack::component::Component;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest env file that is read out of an archive.
const ENV_BYTES: u64 = 1 << 20;

/// An archive that was read through and found whole.
#[derive(Clone)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What opens it.
    pub key: Key,
    /// What it says of itself, every sum checked.
    pub contents: Contents,
    /// What was seen in it.
    pub seen: Seen,
    /// Chroma is loaded from `vectors/`, the records as text, and not from its files: see [`super::refuse`].
    pub from_vectors: bool,
}

/// What the first reading saw.
#[derive(Clone, Default)]
pub struct Seen {
    /// Files and bytes of each component.
    pub sizes: BTreeMap<Component, Size>,
    /// The number in the Redis dump's header.
    pub rdb_version: Option<u32>,
    /// How many bytes of it are the dump.
    pub rdb_bytes: u64,
    /// Whether Postgres' dump is plain SQL, as the bash scripts wrote it.
    pub sql: bool,
    /// Whether every record of Chroma is there as text, too.
    pub vectors: bool,
    /// The settings without secrets.
    pub config: Option<String>,
    /// The settings with their secrets: only out of an encrypted archive.
    pub secrets: Option<String>,
    /// Blobs of models.
    pub blobs: BTreeSet<String>,
}

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Files.
    pub files: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
}

impl Source {
    /// Reads the whole archive and checks every sum. Blocking.
    ///
    /// # Errors
    /// When the key does not open it, or it has any fault.
    pub fn read(path: PathBuf, key: Key, sidecar: Sidecar, watch: &Watch) -> Result<Self> {
        let mut seen = Seen::default();
        let read = archive::verify_each(&path, &key, sidecar, watch, &mut |member, from| seen.look(member, from));
        let contents = read.map_err(of_reading)?;
        Ok(Self { path, key, contents, seen, from_vectors: false })
    }

    /// Why a component cannot be restored from it; `None` when it can.
    #[must_use]
    pub fn lacks(&self, component: Component) -> Option<String> {
        // The archive's own name for models is where they stand in it.
        let is = |name: &str| name.parse() == Ok(component);
        let outcome = self.contents.outcome.components.iter().find(|outcome| is(&outcome.name));
        match outcome.map(|outcome| (outcome.status, outcome.error.as_deref())) {
            Some((Status::Failed, why)) => Some(format!("its backup failed: {}", why.unwrap_or("no reason was kept"))),
            Some((Status::Skipped, _)) => Some("the archive was made without it".to_owned()),
            Some((Status::Saved, _)) if component == Component::Documents => None,
            _ if self.seen.sizes.contains_key(&component) => None,
            _ => Some("the archive does not hold it".to_owned()),
        }
    }

    /// The component that a member is loaded into, and its path inside that.
    #[must_use]
    pub fn part<'a>(&self, path: &'a str) -> Option<(Component, &'a str)> {
        match path.strip_prefix("vectors/") {
            Some(file) => self.from_vectors.then_some((Component::Chromadb, file)),
            None => part(path).filter(|(component, _)| !(self.from_vectors && *component == Component::Chromadb)),
        }
    }

    /// Whether the bash scripts wrote it.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.contents.format == Format::Legacy
    }

    /// Its file name.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// When it was begun.
    #[must_use]
    pub fn created(&self) -> Option<jiff::Timestamp> {
        let named = Name::parse(&self.contents.root).map(|name| name.time());
        self.contents.manifest.created.parse().ok().or(named)
    }
}

impl Seen {
    fn look(&mut self, member: &Member, from: &mut dyn Read) -> Result<()> {
        if let Some((component, _)) = part(&member.path) {
            let size = self.sizes.entry(component).or_default();
            size.files += u64::from(member.kind == Kind::File);
            size.bytes += member.size;
        }
        if member.kind != Kind::File {
            return Ok(());
        }
        match member.path.as_str() {
            "redis/dump.rdb" => {
                let mut head = [0; 9];
                from.read_exact(&mut head).ok();
                let version = redis::rdb_version(&head);
                self.rdb_version = Some(version.ok_or_else(|| bad_archive_alone("redis/dump.rdb is no Redis dump"))?);
                self.rdb_bytes = head.len() as u64 + redis::bytes_without_mark(from)?;
            }
            "config/tars-home.env" | "config/tars-home.env.redacted" => self.config = Some(text(member, from)?),
            "secrets/tars-home.env" => self.secrets = Some(text(member, from)?),
            path if path.starts_with("vectors/") => self.vectors = true,
            path if is_sql(path) => {
                self.sql = true;
                legacy::refuse_commands(from)?;
            }
            path => {
                if let Some(blob) = path.strip_prefix("ollama/models/blobs/") {
                    check_blob(blob, from)?;
                    self.blobs.insert(blob.to_owned());
                }
            }
        }
        Ok(())
    }
}

/// The component that a member belongs to, and its path inside that.
#[must_use]
pub fn part(path: &str) -> Option<(Component, &str)> {
    let (first, inside) = path.split_once('/').unwrap_or((path, ""));
    let component = match first {
        "postgres" => Component::Postgres,
        "chromadb" => Component::Chromadb,
        "redis" => Component::Redis,
        "documents" => Component::Documents,
        "ollama" => Component::Models,
        _ => return None,
    };
    Some((component, inside))
}

/// Whether a member is Postgres' dump as plain SQL.
#[must_use]
pub fn is_sql(path: &str) -> bool {
    path.strip_prefix("postgres/").and_then(|name| name.strip_suffix(".sql")).is_some()
}

/// A blob is named by its own sum.
fn check_blob(name: &str, from: &mut dyn Read) -> Result<()> {
    let sum = archive::sha256(from)?;
    match name.strip_prefix("sha256-") {
        Some(named) if named == sum => Ok(()),
        _ => Err(bad_archive_alone(format!("the model's blob {name} has another content than its name says"))),
    }
}

fn text(member: &Member, from: &mut dyn Read) -> Result<String> {
    anyhow::ensure!(member.size <= ENV_BYTES, "{} has {} bytes", member.path, member.size);
    let mut text = String::new();
    from.read_to_string(&mut text).with_context(|| format!("{} cannot be read", member.path))?;
    Ok(text)
}

/// The archive that the operator means: a file, a name in one of the places where archives are, or `latest`.
///
/// # Errors
/// Exit 69 when there is none.
pub fn find(context: &Context, named: &str) -> Result<PathBuf> {
    let given = Path::new(named);
    if given.is_file() {
        return Ok(std::path::absolute(given)?);
    }
    let all = list(context);
    let found = if named == "latest" {
        // The newest that was proven; else the newest that there is.
        let known = Register::load(&context.stack.home).ok();
        let good = known.as_ref().and_then(Register::latest_good).map(Entry::path).filter(|path| path.is_file());
        good.or_else(|| all.into_iter().next())
    } else {
        all.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy() == named))
    };
    let missing =
        if named == "latest" { "there is no archive yet".to_owned() } else { format!("there is no archive {named}") };
    found.ok_or_else(|| {
        let places = places(context).iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(" and ");
        Failure::new(Exit::Unavailable, missing)
            .hint(format!("looked in {places}; name a file: --backup-file FILE"))
            .into()
    })
}

/// Every archive in the places where archives are, the newest first.
#[must_use]
pub fn list(context: &Context) -> Vec<PathBuf> {
    let entries = places(context).into_iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().flatten());
    let whole = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ends = name.ends_with(".tar.gz") || name.ends_with(".tar.gz.age");
        Name::parse(&name).filter(|_| ends)
    };
    let mut found: Vec<_> = entries.filter_map(|entry| Some((whole(&entry.path())?, entry.path()))).collect();
    found.sort_by(|a, b| b.cmp(a));
    found.dedup();
    found.into_iter().map(|(_, path)| path).collect()
}

fn places(context: &Context) -> Vec<PathBuf> {
    let chosen = context.stack.setting("TARS_BACKUP_DIR");
    let own = context.stack.home.path().join("backups");
    let chosen = (!chosen.is_empty()).then(|| PathBuf::from(chosen));
    // Wherever this stack's archives were put by --output-dir.
    let register = Register::load(&context.stack.home).ok();
    let known = register.iter().flat_map(Register::entries).filter(|entry| entry.dropped.is_none());
    let mut all: Vec<_> = chosen.into_iter().chain(known.map(|entry| entry.dir.clone())).chain([own]).collect();
    let mut seen = BTreeSet::new();
    all.retain(|dir| seen.insert(dir.clone()));
    all
}

/// An archive that holds nothing, for tests.
#[cfg(test)]
pub(crate) fn empty() -> Source {
    let contents = Contents {
        format: Format::V2,
        encrypted: false,
        root: String::new(),
        manifest: archive::Manifest::default(),
        outcome: archive::Outcome::default(),
        members: 0,
        bytes: 0,
        sha256: archive::Sum::of(b""),
        size: 0,
    };
    Source { path: PathBuf::from("a.tar.gz"), key: Key::none(), contents, seen: Seen::default(), from_vectors: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_must_have_the_content_that_its_name_says() {
        let name = format!("sha256-{}", archive::sha256_of(b"weights"));
        assert!(check_blob(&name, &mut &b"weights"[..]).is_ok());
        let error = check_blob(&name, &mut &b"other"[..]).unwrap_err();
        assert!(super::super::blames_archive(&error), "{error:#}");
        assert!(check_blob("x-partial", &mut &b""[..]).is_err());
    }

    #[test]
    fn members_belong_to_their_first_directory() {
        assert_eq!(part("chromadb/a/b"), Some((Component::Chromadb, "a/b")));
        assert_eq!(part("ollama/models/blobs/x"), Some((Component::Models, "models/blobs/x")));
        assert_eq!(part("config/tars-home.env"), None);
    }
}
