//! Archives as somebody could forge them: raw headers, past every check of the writer.

use super::super::listing::SUMS;
use super::super::{Outcome, Sum};
use super::*;
use std::fmt::Write as _;
use std::io::{Read, Write};
use tar::EntryType;

/// One entry, exactly as it will stand in the tar.
#[derive(Clone)]
pub struct Raw {
    pub path: String,
    pub kind: EntryType,
    pub link: String,
    pub content: Vec<u8>,
    /// What the header says, where that is not the content's length.
    pub size: Option<u64>,
}

pub fn file(path: &str, content: &[u8]) -> Raw {
    Raw { path: path.to_owned(), kind: EntryType::Regular, link: String::new(), content: content.to_vec(), size: None }
}

pub fn entry(path: &str, kind: EntryType, link: &str) -> Raw {
    Raw { kind, link: link.to_owned(), ..file(path, b"") }
}

/// The root directory of forged archives.
pub const ROOT: &str = "tars-backup-20260921_131320";

/// A file of the archive.
pub fn member(path: &str, content: &[u8]) -> Raw {
    file(&format!("{ROOT}/{path}"), content)
}

pub fn manifest() -> Raw {
    let manifest = Manifest { format: FORMAT, archive: ROOT.to_owned(), ..Manifest::default() };
    member("manifest.json", &serde_json::to_vec(&manifest).unwrap())
}

pub fn outcome() -> Raw {
    let outcome = Outcome { archive: ROOT.to_owned(), ..Outcome::default() };
    member("outcome.json", &serde_json::to_vec(&outcome).unwrap())
}

/// `SHA256SUMS` over the files given.
pub fn sums(of: &[Raw]) -> Raw {
    let files = of.iter().filter(|raw| raw.kind == EntryType::Regular);
    let text = files.fold(String::new(), |mut text, raw| {
        let path = raw.path.strip_prefix(ROOT).unwrap_or(&raw.path).trim_start_matches('/');
        let _ = writeln!(text, "{}  {path}", Sum::of(&raw.content));
        text
    });
    member(SUMS, text.as_bytes())
}

/// A whole archive round the entries given.
pub fn whole(entries: Vec<Raw>) -> Vec<Raw> {
    let mut all = vec![manifest()];
    all.extend(entries);
    all.push(outcome());
    all.push(sums(&all));
    all
}

pub fn tarred(entries: &[Raw]) -> Vec<u8> {
    let mut tar = Vec::new();
    for raw in entries {
        let mut header = tar::Header::new_gnu();
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..raw.path.len()].copy_from_slice(raw.path.as_bytes());
        gnu.linkname[..raw.link.len()].copy_from_slice(raw.link.as_bytes());
        header.set_entry_type(raw.kind);
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(raw.size.unwrap_or(raw.content.len() as u64));
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(&raw.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Entries in front of which PAX records stand.
pub fn pax(records: &[(&str, &str)]) -> Raw {
    let line = |(key, value): &(&str, &str)| {
        let body = key.len() + value.len() + 3;
        let digits = (1..9).find(|digits| (body + digits).to_string().len() == *digits).unwrap();
        format!("{} {key}={value}\n", body + digits)
    };
    let content: String = records.iter().map(line).collect();
    Raw { kind: EntryType::XHeader, ..file("pax", content.as_bytes()) }
}

/// Every entry of an archive of ours, to be put together differently.
pub fn unpacked(archive: &Path) -> Vec<Raw> {
    let mut tar = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(archive).unwrap()).read_to_end(&mut tar).unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
    let entry = |entry: std::io::Result<tar::Entry<&[u8]>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        Raw { kind: entry.header().entry_type(), ..file(&path, &content) }
    };
    archive.entries().unwrap().map(entry).collect()
}

/// What `verify` says of these bytes, the sum beside them left aside.
pub fn fault_of(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("forged.tar.gz");
    std::fs::write(&path, bytes).unwrap();
    match verify(&path, &Key::none(), Sidecar::Ignore, &Watch::new()) {
        Ok(contents) => format!("accepted: {} members", contents.members),
        Err(error) => format!("{error:#}"),
    }
}

/// What `verify` says of an archive of these entries.
pub fn fault_in(entries: &[Raw]) -> String {
    fault_of(&gzipped(&tarred(entries)))
}
