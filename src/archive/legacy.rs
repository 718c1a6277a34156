//! Archives of the bash scripts, 1.0.12, behind the same surface.
//!
//! Their members come in any order, are compressed once more, and their sums stand in the manifest, over the
//! compressed bytes; `config/` has a sum over sums that nothing can repeat (it holds paths of the machine that wrote
//! it). So the file is read through once to find and prove everything, and a second time to hand it out under the
//! names of the new format:
//! ```text
//! postgres.sql.gz  → postgres/tars_home.sql        redis-dump.rdb → redis/dump.rdb
//! chromadb.tar.gz  → chromadb/…                    ollama….tar.gz → ollama/models/… (nothing beside models/)
//! ```

use super::entries::Entries;
use super::fault::{self, broken};
use super::key::Key;
use super::listing::{Listing, SUMS, Seen};
use super::manifest::Manifest;
use super::member::{Kind, Member, check_link};
use super::outcome::{ComponentOutcome, Outcome, PostgresRecord, RedisRecord, Status};
use super::reader::{Contents, Each, Format, Trouble, content, parse, small};
use super::source::Source;
use super::sum::Sum;
use super::watch::Watch;
use super::writer::{MANIFEST, OUTCOME};
use anyhow::Result;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const SQL: &str = "postgres/tars_home.sql";
const RDB: &str = "redis/dump.rdb";
/// What the inner streams may unpack to, together.
const RATIO: u64 = super::unpack::RATIO;
const FREE_BYTES: u64 = 1 << 30;
/// Of a dump, this much is looked at for the server's version.
const HEAD_BYTES: usize = 8 << 10;

/// An archive of the scripts that was read through and found whole.
pub(super) struct Legacy {
    path: PathBuf,
    key: Key,
    watch: Watch,
    contents: Contents,
    sql_bytes: u64,
}

/// `manifest.json` as the scripts wrote it.
#[derive(Deserialize)]
struct Old {
    version: String,
    timestamp: String,
    backup_name: String,
    components: Vec<String>,
    checksums: BTreeMap<String, String>,
    #[serde(default)]
    failed_components: Vec<String>,
}

impl Legacy {
    pub fn open(path: &Path, key: &Key, watch: &Watch) -> Result<Self> {
        let (contents, sql_bytes) = Walk::run(path, key, watch, 0, &mut |_, _| Ok(()))?;
        Ok(Self { path: path.to_owned(), key: key.clone(), watch: watch.clone(), contents, sql_bytes })
    }

    pub fn root(&self) -> &str {
        &self.contents.root
    }

    pub fn manifest(&self) -> &Manifest {
        &self.contents.manifest
    }

    pub fn each(self, f: &mut Each) -> Result<Contents> {
        let (contents, _) = Walk::run(&self.path, &self.key, &self.watch, self.sql_bytes, f)?;
        if contents.sha256 == self.contents.sha256 {
            return Ok(contents);
        }
        Err(fault::of(&self.path, broken("changed while it was read")))
    }
}

/// One reading of the file.
#[derive(Default)]
struct Walk {
    root: String,
    manifest: Option<Old>,
    /// Sums of the outer members, as stored.
    stored: BTreeMap<String, Sum>,
    /// Names as they are handed out.
    listing: Listing,
    bytes: u64,
    sql_bytes: u64,
    server: Option<String>,
    rdb_version: Option<u32>,
}

impl Walk {
    fn run(path: &Path, key: &Key, watch: &Watch, sql_bytes: u64, f: &mut Each) -> Result<(Contents, u64)> {
        let mut source = Source::open(path, key, watch)?;
        let mut walk = Self { sql_bytes, ..Self::default() };
        let told = |source: &Source, trouble| match trouble {
            Trouble::Archive(error) => fault::of(path, source.place(error)),
            Trouble::Caller(error) => error,
        };
        walk.members(&mut source, f).map_err(|trouble| told(&source, trouble))?;
        let sum = source.end().map_err(|error| told(&source, error.into()))?;
        let sql_bytes = walk.sql_bytes;
        let contents = walk.contents(&source, sum).map_err(|error| fault::of(path, error))?;
        Ok((contents, sql_bytes))
    }

    fn members(&mut self, source: &mut Source, f: &mut Each) -> Result<(), Trouble> {
        while let Some(mut member) = source.entries.next()? {
            let (root, path) = member.path.split_once('/').unwrap_or((&member.path, ""));
            if self.root.is_empty() {
                root.clone_into(&mut self.root);
            }
            if root != self.root {
                return Err(broken(format!("holds members of another archive: {}", member.path)).into());
            }
            member.path = path.to_owned();
            self.member(source, &member, f)?;
        }
        Ok(())
    }

    fn member(&mut self, source: &mut Source, member: &Member, f: &mut Each) -> Result<(), Trouble> {
        match (member.kind, member.path.as_str()) {
            (Kind::Directory, _) => return Ok(()),
            (Kind::File, MANIFEST) => {
                let (text, _) = small(source, member)?;
                self.manifest = Some(parse(&text, MANIFEST)?);
                return Ok(());
            }
            (Kind::File, OUTCOME | SUMS) => {
                let words =
                    format!("does not begin with {MANIFEST}: it is missing, or somebody packed it in another order");
                return Err(broken(words).into());
            }
            (Kind::File, _) => {}
            (kind, path) => return Err(broken(format!("holds {}: {path}", kind.words())).into()),
        }
        if self.stored.contains_key(&member.path) {
            return Err(broken(format!("holds {} twice", member.path)).into());
        }
        let mut inner: Result<(), Trouble> = Ok(());
        let sum = content(&mut source.entries, |body| {
            inner = self.present(member, body, f);
            Ok(())
        })?;
        inner?;
        self.stored.insert(member.path.clone(), sum);
        Ok(())
    }

    fn present(&mut self, member: &Member, body: &mut dyn Read, f: &mut Each) -> Result<(), Trouble> {
        match member.path.as_str() {
            "postgres.sql.gz" => self.sql(member, body, f),
            "redis-dump.rdb" => {
                let mut head = Head::new(body);
                self.file(member, RDB, member.size, &mut head, f)?;
                let digits = head.text().strip_prefix("REDIS").and_then(|rest| rest.get(..4)?.parse().ok());
                self.rdb_version = Some(digits.ok_or_else(|| broken("holds a redis-dump.rdb that is no Redis dump"))?);
                Ok(())
            }
            "chromadb.tar.gz" => self.tree(member, "chromadb", body, f),
            path if path.starts_with("ollama") && path.ends_with(".tar.gz") => self.tree(member, "ollama", body, f),
            path => self.file(member, path, member.size, body, f),
        }
    }

    fn file(&mut self, like: &Member, path: &str, size: u64, body: &mut dyn Read, f: &mut Each) -> Result<(), Trouble> {
        self.listing.admit(path, false)?;
        let member = Member { path: path.to_owned(), size, ..like.clone() };
        let sum = content(body, |body| f(&member, body))?;
        self.bytes += size;
        self.listing.add(path, Seen::File(sum));
        Ok(())
    }

    /// How long the text is, is known after it was read once.
    fn sql(&mut self, member: &Member, body: &mut dyn Read, f: &mut Each) -> Result<(), Trouble> {
        let mut head = Head::new(Inner::new(body, member));
        self.file(member, SQL, self.sql_bytes, &mut head, f)?;
        self.sql_bytes = head.bytes;
        let text = head.text();
        let version = text.lines().find_map(|line| line.strip_prefix("-- Dumped from database version "));
        self.server = version.and_then(|rest| rest.split(' ').next()).map(str::to_owned);
        Ok(())
    }

    fn tree(&mut self, outer: &Member, prefix: &str, body: &mut dyn Read, f: &mut Each) -> Result<(), Trouble> {
        let mut entries = Entries::new(Inner::new(body, outer));
        while let Some(mut member) = entries.next()? {
            let models = member.path == "models" || member.path.starts_with("models/");
            if prefix == "ollama" && !models {
                continue;
            }
            let inside = std::mem::take(&mut member.path);
            [prefix, &inside].join("/").trim_end_matches('/').clone_into(&mut member.path);
            self.listing.admit(&member.path, member.kind == Kind::Directory)?;
            let seen = match member.kind {
                Kind::File => {
                    self.bytes += member.size;
                    Seen::File(content(&mut entries, |body| f(&member, body))?)
                }
                Kind::Directory => {
                    f(&member, &mut io::empty())?;
                    Seen::Directory
                }
                Kind::Symlink => {
                    check_link(&inside, member.link.as_deref().unwrap_or_default())?;
                    f(&member, &mut io::empty())?;
                    Seen::Link
                }
                kind => return Err(broken(format!("holds {}: {}", kind.words(), member.path)).into()),
            };
            self.listing.add(&member.path, seen);
        }
        Ok(entries.end()?)
    }

    fn contents(self, source: &Source, sha256: Sum) -> io::Result<Contents> {
        let old = self
            .manifest
            .as_ref()
            .ok_or_else(|| broken("is cut off, or no archive of tars: it has no manifest.json"))?;
        if old.backup_name != self.root {
            return Err(broken(format!("holds members of another archive: {} beside {}", self.root, old.backup_name)));
        }
        self.check_sums(old)?;
        Ok(Contents {
            format: Format::Legacy,
            encrypted: source.encrypted,
            root: self.root.clone(),
            manifest: self.new_manifest(old),
            outcome: self.outcome(old),
            members: self.listing.files().count() as u64,
            bytes: self.bytes,
            sha256,
            size: source.size,
        })
    }

    /// Every member but the configuration is named with its sum, and the reverse.
    fn check_sums(&self, old: &Old) -> io::Result<()> {
        for (path, sum) in old.checksums.iter().filter(|(path, _)| !path.ends_with('/')) {
            match self.stored.get(path) {
                Some(found) if Some(*found) == Sum::parse(sum) => {}
                Some(_) => return Err(broken(format!("holds {path} with another content than {MANIFEST} names"))),
                None => return Err(broken(format!("lacks the member {path}, which {MANIFEST} names"))),
            }
        }
        let unnamed = |path: &&String| !path.starts_with("config/") && !old.checksums.contains_key(*path);
        match self.stored.keys().find(unnamed) {
            Some(path) => Err(broken(format!("holds {path}, which {MANIFEST} does not name"))),
            None => Ok(()),
        }
    }

    fn new_manifest(&self, old: &Old) -> Manifest {
        let mut servers = BTreeMap::new();
        if let Some(server) = &self.server {
            servers.insert("postgres".to_owned(), server.clone());
        }
        Manifest {
            format: 1,
            version: old.version.clone(),
            archive: old.backup_name.clone(),
            created: old.timestamp.clone(),
            asked: old.components.iter().map(|name| new_name(name)).collect(),
            servers,
            ..Manifest::default()
        }
    }

    fn outcome(&self, old: &Old) -> Outcome {
        let failed = |name: &String| old.failed_components.contains(name);
        let known = old.components.iter().chain(old.failed_components.iter().filter(|name| !name.is_empty()));
        let mut names: Vec<_> = known.collect();
        names.dedup();
        let component = |name: &&String| ComponentOutcome {
            name: new_name(name),
            status: if failed(name) { Status::Failed } else { Status::Saved },
            bytes: 0,
            error: failed(name).then(|| "the script that wrote the archive says so".to_owned()),
        };
        let server = self.server.clone().unwrap_or_default();
        let major = server.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
        let postgres = PostgresRecord { database: "tars_home".to_owned(), server, major, ..PostgresRecord::default() };
        Outcome {
            archive: old.backup_name.clone(),
            components: names.iter().map(component).collect(),
            postgres: self.server.is_some().then_some(postgres),
            redis: self.rdb_version.map(|rdb_version| RedisRecord { rdb_version, ..RedisRecord::default() }),
            ..Outcome::default()
        }
    }
}

fn new_name(name: &str) -> String {
    match name {
        "configuration" => "config",
        "models" => "ollama",
        other => other,
    }
    .to_owned()
}

/// A compressed member, unpacked within bounds.
struct Inner<'a> {
    gzip: MultiGzDecoder<io::BufReader<&'a mut dyn Read>>,
    name: String,
    left: u64,
}

impl<'a> Inner<'a> {
    fn new(body: &'a mut dyn Read, member: &Member) -> Self {
        let left = FREE_BYTES.saturating_add(member.size.saturating_mul(RATIO));
        Self { gzip: MultiGzDecoder::new(io::BufReader::new(body)), name: member.path.clone(), left }
    }
}

impl Read for Inner<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.gzip.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                broken(format!("is damaged: {} does not unpack", self.name))
            }
            _ => error,
        })?;
        let bomb = || broken(format!("is a bomb: {} unpacks to more than {RATIO} times its size", self.name));
        self.left = self.left.checked_sub(n as u64).ok_or_else(bomb)?;
        Ok(n)
    }
}

/// Counts, and keeps the first bytes.
struct Head<R> {
    from: R,
    kept: Vec<u8>,
    bytes: u64,
}

impl<R: Read> Head<R> {
    fn new(from: R) -> Self {
        Self { from, kept: Vec::new(), bytes: 0 }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

impl<R: Read> Read for Head<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        let room = HEAD_BYTES.saturating_sub(self.kept.len()).min(n);
        self.kept.extend_from_slice(&buffer[..room]);
        self.bytes += n as u64;
        Ok(n)
    }
}
