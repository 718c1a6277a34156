//! Archives of the bash scripts, built as those built them; and the real one, where `TARS_LEGACY_ARCHIVE` names it.

use super::forge::*;
use super::*;
use crate::error::hints_of;
use std::collections::BTreeMap;
use tar::EntryType;

const OLD: &str = "tars-backup-20260101_000000";

fn old(path: &str, content: &[u8]) -> Raw {
    file(&format!("{OLD}/{path}"), content)
}

fn sql() -> Vec<u8> {
    let head =
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\n-- Dumped from database version 15.18 (Debian)\n";
    [head.as_bytes(), &b"INSERT;\n".repeat(5000)].concat()
}

fn members() -> Vec<Raw> {
    let chroma = tarred(&[
        entry("./", EntryType::Directory, ""),
        file("./chroma.sqlite3", b"pages"),
        entry("./segment/", EntryType::Directory, ""),
        file("./segment/length.bin", b"1234"),
    ]);
    vec![
        entry(&format!("{OLD}/"), EntryType::Directory, ""),
        old("config/INVENTORY.txt", b"files"),
        old("redis-dump.rdb", b"REDIS0010 keys"),
        old("chromadb.tar.gz", &gzipped(&chroma)),
        old("postgres.sql.gz", &gzipped(&sql())),
    ]
}

/// The scripts' manifest, over the members given; it stands last.
fn with_manifest(mut members: Vec<Raw>) -> Vec<Raw> {
    let sums: BTreeMap<_, _> = members
        .iter()
        .filter(|raw| raw.kind == EntryType::Regular && !raw.path.contains("/config/"))
        .map(|raw| (raw.path.strip_prefix(&format!("{OLD}/")).unwrap().to_owned(), Sum::of(&raw.content).to_string()))
        .chain([("config/".to_owned(), Sum::of(b"unknown").to_string())])
        .collect();
    let manifest = serde_json::json!({
        "version": "1.0.12", "timestamp": "2026-01-01T00:00:00+00:00", "backup_name": OLD,
        "components": ["chromadb", "postgres", "redis", "configuration"], "checksums": sums,
        "options": {"include_models": false}, "failed_components": [""],
    });
    members.push(old("manifest.json", &serde_json::to_vec(&manifest).unwrap()));
    members
}

fn written(entries: &[Raw]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("{OLD}.tar.gz"));
    std::fs::write(&path, gzipped(&tarred(entries))).unwrap();
    (dir, path)
}

fn read(path: &Path) -> (Contents, BTreeMap<String, Vec<u8>>) {
    let reader = open(path, &Key::none(), &Watch::new()).unwrap();
    assert_eq!(reader.format(), Format::Legacy);
    let mut seen = BTreeMap::new();
    let contents = reader.each(&mut |member, body| {
        let mut content = Vec::new();
        body.read_to_end(&mut content)?;
        assert_eq!(content.len() as u64, member.size, "{}", member.path);
        seen.insert(member.path.clone(), content);
        Ok(())
    });
    (contents.unwrap(), seen)
}

#[test]
fn an_old_archive_is_read_under_the_new_names() {
    let (_dir, path) = written(&with_manifest(members()));
    let (contents, seen) = read(&path);
    assert_eq!((contents.format, contents.manifest.format, contents.root.as_str()), (Format::Legacy, 1, OLD));
    assert_eq!(seen["postgres/tars_home.sql"], sql());
    assert_eq!(seen["redis/dump.rdb"], b"REDIS0010 keys");
    assert_eq!(seen["chromadb/segment/length.bin"], b"1234");
    assert_eq!(seen["config/INVENTORY.txt"], b"files");
    assert_eq!(contents.members, 5);
    assert_eq!(contents.manifest.asked, ["chromadb", "postgres", "redis", "config"]);
    assert!(contents.outcome.components.iter().all(|component| component.status == Status::Saved));
    assert_eq!(contents.outcome.postgres.as_ref().unwrap().major, 15);
    assert_eq!(contents.outcome.redis.as_ref().unwrap().rdb_version, 10);
    // Its sidecar names a path of another machine.
    let sidecar = path.with_file_name(format!("{OLD}.tar.gz.sha256"));
    std::fs::write(sidecar, format!("{}  /home/operator/backups/{OLD}.tar.gz\n", contents.sha256)).unwrap();
    verify(&path, &Key::none(), Sidecar::Check, &Watch::new()).unwrap();
}

#[test]
fn of_old_models_only_the_models_are_taken() {
    let tar = tarred(&[file("./id_ed25519", b"private"), file("./models/blobs/sha256-0", b"weights")]);
    let mut all = members();
    all.push(old("ollama.tar.gz", &gzipped(&tar)));
    let (_dir, path) = written(&with_manifest(all));
    let (_, seen) = read(&path);
    assert_eq!(seen["ollama/models/blobs/sha256-0"], b"weights");
    assert!(!seen.keys().any(|path| path.contains("id_ed25519")));
}

#[test]
fn a_broken_old_archive_is_refused() {
    let chroma = |entries: &[Raw]| {
        let mut all = members();
        all[3] = old("chromadb.tar.gz", &gzipped(&tarred(entries)));
        with_manifest(all)
    };
    let mut other_sum = with_manifest(members());
    other_sum[2].content = b"REDIS0011 keys".to_vec();
    let mut missing = with_manifest(members());
    missing.remove(4);
    let mut unnamed = with_manifest(members());
    unnamed.push(old("extra.sql.gz", b"x"));
    let mut no_gzip = members();
    no_gzip[4] = old("postgres.sql.gz", b"select 1;");
    let mut no_dump = members();
    no_dump[2] = old("redis-dump.rdb", b"not one");
    let mut twice = members();
    twice.push(old("config/INVENTORY.txt", b"again"));
    let mut half = members();
    let length = half[4].content.len() / 2;
    half[4].content.truncate(length);
    let cases = [
        ("no manifest", members(), "has no manifest.json"),
        ("another sum", other_sum, "redis-dump.rdb with another content"),
        ("missing", missing, "lacks the member postgres.sql.gz"),
        ("unnamed", unnamed, "holds extra.sql.gz, which manifest.json does not name"),
        ("not compressed", with_manifest(no_gzip), "postgres.sql.gz does not unpack"),
        ("half a dump", with_manifest(half), "postgres.sql.gz does not unpack"),
        ("no Redis dump", with_manifest(no_dump), "is no Redis dump"),
        ("twice", with_manifest(twice), "config/INVENTORY.txt twice"),
        ("out of the volume", chroma(&[file("../x", b"x")]), "leads out of it"),
        ("absolute", chroma(&[file("/etc/passwd", b"x")]), "absolute path"),
        ("link out", chroma(&[entry("./l", EntryType::Symlink, "/etc")]), "link that leads out"),
        ("device", chroma(&[entry("./d", EntryType::Char, "")]), "a device"),
        ("inner twice", chroma(&[file("a", b"x"), file("./a", b"y")]), "chromadb/a twice"),
    ];
    for (what, entries, words) in cases {
        let (_dir, path) = written(&entries);
        let error = verify(&path, &Key::none(), Sidecar::Ignore, &Watch::new()).unwrap_err();
        assert!(format!("{error:#}").contains(words), "{what}: {error:#}");
        assert!(!hints_of(&error).is_empty(), "{what}");
    }
}

#[test]
#[ignore = "needs TARS_LEGACY_ARCHIVE, an archive that the scripts wrote"]
fn the_real_old_archive_is_read() {
    let path = std::env::var_os("TARS_LEGACY_ARCHIVE").expect("TARS_LEGACY_ARCHIVE names the archive");
    verify(Path::new(&path), &Key::none(), Sidecar::Check, &Watch::new()).unwrap();
    let (contents, seen) = read(Path::new(&path));
    assert_eq!(contents.manifest.servers["postgres"], "15.18");
    assert!(String::from_utf8_lossy(&seen["postgres/tars_home.sql"]).contains("COPY public.analytics"));
    assert!(seen["chromadb/chroma.sqlite3"].starts_with(b"SQLite format 3"));
    assert_eq!(seen["redis/dump.rdb"].len(), 115_886);
}
