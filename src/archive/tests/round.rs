//! Written and read back; and everything that must leave nothing behind.

use super::*;
use crate::error::exit_of;
use crate::exit::Exit;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};

fn left(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let written = write(options(dir.path(), Seal::Plain));
    assert_eq!(left(dir.path()), [format!("{}.tar.gz.partial", name(0))]);
    assert_eq!(written.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let contents = written.verify(&Watch::new()).unwrap();
    assert_eq!(contents.manifest.project, "tars-home");
    assert_eq!(contents.outcome.components[0].name, "chromadb");
    assert_eq!((contents.members, contents.root.as_str()), (5, name(0).stem()));
    let published = written.publish().unwrap();
    assert_eq!(left(dir.path()), [name(0).file(false), name(0).sidecar(false)]);
    let contents = verify(&published.archive, &Key::none(), Sidecar::Check, &Watch::new()).unwrap();
    assert_eq!((contents.sha256, contents.size), (published.sha256, published.bytes));
    let mut seen = BTreeMap::new();
    let reader = open(&published.archive, &Key::none(), &Watch::new()).unwrap();
    assert_eq!(reader.format(), Format::V2);
    let each = reader.each(&mut |member, body| {
        let mut content = Vec::new();
        body.read_to_end(&mut content)?;
        assert_eq!(content.len() as u64, member.size);
        seen.insert(member.path.clone(), (member.clone(), content));
        Ok(())
    });
    each.unwrap();
    let (member, content) = &seen["chromadb/segment/data_level0.bin"];
    assert_eq!((member.uid, member.mode, member.kind), (999, 0o600, Kind::File));
    assert!(content.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 256));
    assert_eq!(seen["chromadb/segment"].0.kind, Kind::Directory);
    assert!(!seen.contains_key("manifest.json") && seen.contains_key("outcome.json"));
}

#[test]
fn a_taken_name_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    for taken in
        [name(0).file(false), name(0).file(true), name(0).sidecar(false), format!("{}.partial", name(0).file(false))]
    {
        let path = dir.path().join(taken);
        std::fs::write(&path, "mine").unwrap();
        let Err(error) = Writer::create(options(dir.path(), Seal::Plain), &Manifest::default()) else {
            panic!("{} was taken", path.display())
        };
        assert!(format!("{error:#}").contains("tars-backup-"), "{error:#}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        std::fs::remove_file(&path).unwrap();
    }
    // Taken between writing and naming.
    let written = write(options(dir.path(), Seal::Plain));
    std::fs::write(dir.path().join(name(0).file(false)), "mine").unwrap();
    written.publish().unwrap_err();
    assert_eq!(left(dir.path()), [name(0).file(false)]);
}

#[test]
fn whatever_ends_early_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(write(options(dir.path(), Seal::Plain)));
    assert_eq!(left(dir.path()), [""; 0]);
    let watch = Watch::new();
    let options = Options { watch: watch.clone(), ..options(dir.path(), Seal::Plain) };
    let mut writer = Writer::create(options, &Manifest::default()).unwrap();
    let before = watch.bytes();
    writer.bytes("a", 0o600, &[7; 1000]).unwrap();
    assert_eq!(watch.bytes(), before + 1000);
    watch.cancel();
    let error = writer.bytes("b", 0o600, b"x").unwrap_err();
    assert_eq!(exit_of(&error), Exit::Interrupted, "{error:#}");
    drop(writer);
    assert_eq!(left(dir.path()), [""; 0]);
}

#[test]
fn reading_stops_when_somebody_wants_that() {
    let dir = tempfile::tempdir().unwrap();
    let written = write(options(dir.path(), Seal::Plain));
    let watch = Watch::new();
    watch.cancel();
    assert_eq!(exit_of(&written.verify(&watch).unwrap_err()), Exit::Interrupted);
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    // A write beyond a file size limit fails like a full disk, in a process of its own.
    let written = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
    let error = super::super::fault::writing(Path::new("/backups/a.partial"), written);
    assert!(crate::error::hints_of(&error)[0].contains("make room"), "{error:#}");
}

struct Dying;

impl Read for Dying {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("pg_dump ended with 1"))
    }
}

#[test]
fn a_source_of_another_length_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(options(dir.path(), Seal::Plain), &Manifest::default()).unwrap();
    let error = writer.file("postgres/a.dump", 0o600, 10, &b"short"[..]).unwrap_err();
    assert!(error.to_string().contains("postgres/a.dump ended 5 bytes early"), "{error}");
    let mut writer =
        Writer::create(Options { name: name(1), ..options(dir.path(), Seal::Plain) }, &Manifest::default()).unwrap();
    let error = writer.file("postgres/a.dump", 0o600, 3, &b"long"[..]).unwrap_err();
    assert!(error.to_string().contains("grew"), "{error}");
    let error = writer.file("postgres/b.dump", 0o600, 3, Dying).unwrap_err();
    assert_eq!(format!("{error:#}"), "could not read postgres/b.dump: pg_dump ended with 1");
    let half = small_tar(&[("d/a", 0o600, 0, Item::File(vec![1; 5000]))]).unwrap();
    let error = writer.tar("chromadb", &half[..3000], &mut everything).unwrap_err();
    assert!(format!("{error:#}").contains("chromadb/a"), "{error:#}");
    // The archive itself goes on, and is whole: the outcome tells which components failed.
    writer.bytes("redis/dump.rdb", 0o600, b"REDIS0010").unwrap();
    let written = writer.finish(&Outcome::default()).unwrap();
    assert_eq!(written.verify(&Watch::new()).unwrap().members, 6);
}

#[test]
fn a_directory_is_read_as_its_tar_is() {
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = data.path();
    std::fs::create_dir(root.join("segment")).unwrap();
    std::fs::write(root.join("segment/length.bin"), [1, 2, 3]).unwrap();
    std::fs::write(root.join(".hidden"), "h").unwrap();
    symlink("segment/length.bin", root.join("link")).unwrap();
    symlink("/etc/passwd", root.join("zz-out")).unwrap();
    let mut writer = Writer::create(options(dir.path(), Seal::Plain), &Manifest::default()).unwrap();
    let error = writer.directory("first", root, &mut everything).unwrap_err();
    assert!(format!("{error:#}").contains("link that leads out"), "{error:#}");
    let copy = Arc::new(Mutex::new(Vec::new()));
    let mut seen = Vec::new();
    let tree = writer.directory("second", root, &mut |entry: &Member| {
        seen.push(entry.path.clone());
        Ok(match entry.path.as_str() {
            "zz-out" => Fate::Skip,
            "segment/length.bin" => Fate::Tee(Box::new(Shared(Arc::clone(&copy)))),
            _ => Fate::Keep,
        })
    });
    assert_eq!(tree.unwrap(), Tree { files: 2, bytes: 4, directories: 2, links: 1, left_out: 1 });
    assert_eq!(seen, ["", ".hidden", "link", "segment", "segment/length.bin", "zz-out"]);
    assert_eq!(*copy.lock().unwrap(), [1, 2, 3]);
    let written = writer.finish(&Outcome::default()).unwrap();
    // What came before the fault is in it too: a failed component is told in the outcome.
    assert_eq!(written.verify(&Watch::new()).unwrap().members, 6);
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_visitor_hears_every_sum() {
    struct Blobs(Vec<String>);
    impl Visit for Blobs {
        fn see(&mut self, _: &Member) -> anyhow::Result<Fate> {
            Ok(Fate::Keep)
        }
        fn saved(&mut self, entry: &Member, sum: Sum) -> anyhow::Result<()> {
            let named = entry.path.strip_prefix("sha256-").is_some_and(|hex| Sum::parse(hex) == Some(sum));
            anyhow::ensure!(named, "{} is not what its name says", entry.path);
            self.0.push(entry.path.clone());
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(options(dir.path(), Seal::Plain), &Manifest::default()).unwrap();
    let blob = format!("blobs/sha256-{}", Sum::of(b"weights"));
    let tar = |content: &[u8]| small_tar(&[(&blob, 0o644, 0, Item::File(content.to_vec()))]).unwrap();
    let mut blobs = Blobs(Vec::new());
    writer.tar("ollama/a", tar(b"weights").as_slice(), &mut blobs).unwrap();
    assert_eq!(blobs.0.len(), 1);
    let error = writer.tar("ollama/b", tar(b"Weights").as_slice(), &mut blobs).unwrap_err();
    assert!(error.to_string().contains("not what its name says"));
}

#[test]
fn long_names_and_many_blocks_come_through() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(options(dir.path(), Seal::Plain), &Manifest::default()).unwrap();
    let long = format!("documents/{}/{}", "d".repeat(200), "f".repeat(200));
    writer.bytes(&long, 0o600, b"long").unwrap();
    writer.bytes("documents/back\\slash ünïcode", 0o600, b"odd").unwrap();
    let size = 40 << 20;
    let mut random =
        std::fs::File::open("/dev/urandom").unwrap().take(size / 2).chain(std::io::repeat(b'x').take(size / 2));
    let sum = writer.file("ollama/models/blobs/b", 0o644, size, &mut random).unwrap();
    let written = writer.finish(&Outcome::default()).unwrap();
    assert!(written.bytes() > size / 2 && written.bytes() < size * 6 / 10);
    assert_eq!(written.verify(&Watch::new()).unwrap().members, 5);
    let published = written.publish().unwrap();
    let mut found = Vec::new();
    let reader = open(&published.archive, &Key::none(), &Watch::new()).unwrap();
    let each = reader.each(&mut |member, body| {
        found.push((member.path.clone(), sha256(body)?));
        Ok(())
    });
    each.unwrap();
    assert_eq!(found[0].0, long);
    assert_eq!(found[2].1, sum.to_string());
}

#[test]
fn a_tarball_takes_what_a_reader_gives() {
    let dir = tempfile::tempdir().unwrap();
    let published = write(options(dir.path(), Seal::Plain)).publish().unwrap();
    let mut ball = Tarball::new(Vec::new());
    let reader = open(&published.archive, &Key::none(), &Watch::new()).unwrap();
    let each = reader.each(&mut |member, body| {
        if let Some(path) = member.path.strip_prefix("chromadb/") {
            ball.add(member, path, body)?;
        }
        Ok(())
    });
    each.unwrap();
    let bytes = ball.finish().unwrap();
    let mut tar = tar::Archive::new(bytes.as_slice());
    let paths: Vec<_> = tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(paths, ["chroma.sqlite3", "segment/", "segment/data_level0.bin"]);
}
