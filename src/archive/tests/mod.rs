//! Whole archives: written, read back, and broken.

mod bench;
mod damage;
mod forge;
mod hostile;
mod old;
mod round;
mod sealed;
mod tools;

use super::*;
use std::path::Path;

/// A name in the past, one second after another.
fn name(second: i64) -> Name {
    Name::at(jiff::Timestamp::from_second(1_790_000_000 + second).unwrap())
}

fn options(dir: &Path, seal: Seal) -> Options {
    Options { dir: dir.to_owned(), name: name(0), seal, threads: 2, watch: Watch::new() }
}

/// A small archive of every kind of member.
fn write(options: Options) -> Written {
    let manifest = Manifest { project: "tars-home".to_owned(), ..Manifest::default() };
    let mut writer = Writer::create(options, &manifest).unwrap();
    writer.bytes("config/tars-home.env", 0o600, b"TARS_PORT_API=8000\n").unwrap();
    let tree = small_tar(&[
        ("data", 0o755, 999, Item::Directory),
        ("data/chroma.sqlite3", 0o644, 999, Item::File(b"pages ".repeat(100_000))),
        ("data/segment", 0o700, 999, Item::Directory),
        ("data/segment/data_level0.bin", 0o600, 999, Item::File((0..=255).cycle().take(70_000).collect())),
    ])
    .unwrap();
    writer.tar("chromadb", tree.as_slice(), &mut everything).unwrap();
    let component =
        ComponentOutcome { name: "chromadb".to_owned(), status: Status::Saved, bytes: 670_000, error: None };
    writer.finish(&Outcome { components: vec![component], ..Outcome::default() }).unwrap()
}
