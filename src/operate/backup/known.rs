//! What the dump says of the backend's own tables while its rows are counted: the documents that the index knows, which
//! become `documents.jsonl`, and how many conversations need which key.
//!
//! It comes from the saved bytes, not from the live server: what is listed is what a restore of this dump will know.

use super::spool::Spool;
use crate::archive::{FilesRecord, KnownDocument, Sum};
use anyhow::{Context, Result, anyhow};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Prints the wanted columns of the backend's tables beside the counts; `want` is a row's kind, set by `begin`.
/// Another application's table of the same name lacks a column and is passed over.
pub const AWK: &str = r#"
function begin(copy,   list, names, n, i) {
    want = ""
    if (copy !~ /^COPY public\.(documents|places|messages) \(/) return
    list = copy; sub(/^[^(]*\(/, "", list); sub(/\) FROM stdin;$/, "", list)
    split("", at); n = split(list, names, ", ")
    for (i = 1; i <= n; i++) at[names[i]] = i
    if (copy ~ /public\.documents/ && at["id"] && at["sha256"] && at["trashed_at"]) want = "D"
    if (copy ~ /public\.places/ && at["source"] && at["path"] && at["document_id"] && at["bytes"]) { want = "P"; print "B" }
    if (copy ~ /public\.messages/ && at["conversation_id"] && at["key_id"]) want = "K"
}
function row(   key) {
    if (want == "D") print "D", $at["id"], $at["sha256"], $at["trashed_at"]
    if (want == "P") print "P", $at["source"], $at["document_id"], $at["bytes"], $at["path"]
    if (want == "K") { key = $at["key_id"]; if (!((key, $at["conversation_id"]) in seen)) { seen[key, $at["conversation_id"]] = 1; sealed[key]++ } }
}
function done(   key) { for (key in sealed) print "K", key, sealed[key] }
"#;

/// The number of the documents folder among the backend's sources; the other is uploads.
const FOLDER: &str = "2";

/// What is gathered while the dump is read.
#[derive(Debug)]
pub struct Known {
    spool: Spool,
    to: BufWriter<File>,
    /// The sum of each document's content; none for what lies in the trash.
    sums: HashMap<String, Option<Sum>>,
    /// Places whose document has not come by yet: `pg_dump` goes by name, but that is no promise.
    waiting: Vec<(String, Place)>,
    listed: FilesRecord,
    conversations: BTreeMap<String, u64>,
    /// Whether its tables are there.
    backend: bool,
}

/// Where a document lies.
#[derive(Debug)]
struct Place {
    path: String,
    upload: bool,
    bytes: u64,
}

/// What was gathered.
#[derive(Debug)]
pub struct Gathered {
    /// `documents.jsonl`; none where the database is not the backend's.
    pub list: Option<Spool>,
    /// How many documents it lists, and their bytes.
    pub listed: FilesRecord,
    /// How many conversations need the key with that fingerprint.
    pub conversations: BTreeMap<String, u64>,
}

impl Known {
    /// Nothing yet; the list goes into a spool of that directory.
    ///
    /// # Errors
    /// When there is no room for a spool.
    pub fn in_dir(dir: &Path) -> Result<Self> {
        let spool = Spool::in_dir(dir)?;
        let to = BufWriter::new(spool.appender()?);
        let (sums, waiting, conversations) = (HashMap::new(), Vec::new(), BTreeMap::new());
        Ok(Self { spool, to, sums, waiting, listed: FilesRecord::default(), conversations, backend: false })
    }

    /// Takes a line that [`AWK`] printed; false for what is none of its lines.
    ///
    /// # Errors
    /// When it cannot be understood or kept.
    pub fn line(&mut self, line: &str) -> Result<bool> {
        let strange = || anyhow!("a row of the backend's tables cannot be read");
        if line == "B" {
            self.backend = true;
            return Ok(true);
        }
        let Some((kind @ ("D" | "P" | "K"), rest)) = line.split_once('\t') else { return Ok(false) };
        let mut fields = rest.split('\t');
        let mut next = || fields.next().ok_or_else(strange);
        match kind {
            "D" => {
                let (id, sum, trashed) = (next()?, next()?, next()?);
                let sum = sum.strip_prefix("\\\\x").and_then(Sum::parse).ok_or_else(strange)?;
                self.sums.insert(id.to_owned(), (trashed == "\\N").then_some(sum));
            }
            "P" => {
                let (source, document, bytes, path) = (next()?, next()?, next()?, next()?);
                let bytes = bytes.parse().map_err(|_| strange())?;
                let upload = source != FOLDER;
                let place = Place { path: plain(path).ok_or_else(strange)?, upload, bytes };
                match self.sums.get(document) {
                    _ if document == "\\N" => {} // never read
                    Some(Some(sum)) => self.put(place, *sum)?,
                    Some(None) => {}
                    None => self.waiting.push((document.to_owned(), place)),
                }
            }
            _ => {
                let (key, count) = (next()?, next()?);
                self.conversations.insert(plain(key).ok_or_else(strange)?, count.parse().map_err(|_| strange())?);
            }
        }
        Ok(true)
    }

    fn put(&mut self, Place { path, upload, bytes }: Place, sha256: Sum) -> Result<()> {
        self.listed.files += 1;
        self.listed.bytes += bytes;
        let line = serde_json::to_string(&KnownDocument { path, upload, bytes, sha256 })?;
        writeln!(self.to, "{line}").context("the list of documents could not be kept")
    }

    /// The whole of it, once the dump has been read to its end.
    ///
    /// # Errors
    /// When the spool takes no more.
    pub fn end(mut self) -> Result<Gathered> {
        for (document, place) in std::mem::take(&mut self.waiting) {
            if let Some(Some(sum)) = self.sums.get(&document).copied() {
                self.put(place, sum)?;
            }
        }
        self.to.flush().context("the list of documents could not be kept")?;
        let Self { spool, listed, conversations, backend, .. } = self;
        Ok(Gathered { list: backend.then_some(spool), listed, conversations })
    }
}

/// A value of `COPY`'s text format, unescaped.
fn plain(field: &str) -> Option<String> {
    if !field.contains('\\') {
        return Some(field.to_owned());
    }
    let (mut out, mut rest) = (String::with_capacity(field.len()), field.chars());
    while let Some(c) = rest.next() {
        out.push(match c {
            '\\' => match rest.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                other => other,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_was_read_and_is_not_in_the_trash_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let mut known = Known::in_dir(dir.path()).unwrap();
        for line in [
            "B",
            "P\t2\tlate\t3\tlate.txt",
            &format!("D\ta\t\\\\x{SUM}\t\\N"),
            &format!("D\tgone\t\\\\x{SUM}\t2026-01-01 00:00:00+00"),
            &format!("D\tlate\t\\\\x{SUM}\t\\N"),
            "P\t2\ta\t7\tsub/tab\\there \\\\ ü.pdf",
            "P\t1\ta\t7\t0001.pdf",
            "P\t2\tgone\t9\tgone.md",
            "P\t2\t\\N\t9\tunread.md",
            "K\t0123456789abcdef\t4",
        ] {
            assert!(known.line(line).unwrap(), "{line}");
        }
        assert!(!known.line("12 COPY public.notes (id) FROM stdin;").unwrap());
        assert!(known.line("D\ta\tno sum\t\\N").is_err() && known.line("P\t2").is_err());
        let gathered = known.end().unwrap();
        assert_eq!(gathered.listed, FilesRecord { files: 3, bytes: 17 });
        assert_eq!(gathered.conversations.get("0123456789abcdef"), Some(&4));
        let mut text = String::new();
        gathered.list.unwrap().reader().unwrap().read_to_string(&mut text).unwrap();
        let documents: Vec<KnownDocument> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seen: Vec<_> = documents.iter().map(|one| (one.path.as_str(), one.upload, one.bytes)).collect();
        assert_eq!(seen, [("sub/tab\there \\ ü.pdf", false, 7), ("0001.pdf", true, 7), ("late.txt", false, 3)]);
        assert!(documents.iter().all(|one| one.sha256.to_string() == SUM));
    }

    #[test]
    fn another_application_has_no_list() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Known::in_dir(dir.path()).unwrap().end().unwrap().list.is_none());
    }
}
