//! Archives that must be refused, each with its fault in words.

use super::forge::*;
use super::*;
use tar::EntryType;

#[test]
fn a_forged_archive_without_a_fault_is_read() {
    let entries = whole(vec![
        entry(&format!("{ROOT}/documents/"), EntryType::Directory, ""),
        member("documents/a", b"a"),
        entry(&format!("{ROOT}/documents/b"), EntryType::Symlink, "a"),
    ]);
    assert_eq!(fault_in(&entries), "accepted: 3 members");
}

#[test]
fn every_forgery_is_refused_with_its_fault() {
    let inside = |path: &str, kind, link: &str| entry(&format!("{ROOT}/{path}"), kind, link);
    let cases: Vec<(&str, Vec<Raw>, &str)> = vec![
        ("up and out", vec![member("a/../../../etc/passwd", b"x")], "leads out of it"),
        ("absolute", vec![file("/etc/passwd", b"x")], "absolute path: /etc/passwd"),
        ("another root", vec![file("tars-backup-20260101_000000/a", b"x")], "members of another archive"),
        ("a longer root", vec![file(&format!("{ROOT}2/a"), b"x")], "members of another archive"),
        ("absolute link", vec![inside("d/l", EntryType::Symlink, "/etc/passwd")], "link that leads out"),
        ("link out", vec![inside("d/l", EntryType::Symlink, "../config")], "link that leads out"),
        ("link by a detour", vec![inside("d/l", EntryType::Symlink, "x/../../..")], "link that leads out"),
        ("no target", vec![inside("d/l", EntryType::Symlink, "")], "link that leads out"),
        ("behind a link", vec![inside("d/l", EntryType::Symlink, "e"), member("d/l/x", b"x")], "behind d/l"),
        ("behind a file", vec![member("d/f", b"x"), member("d/f/x", b"x")], "behind d/f"),
        ("hard link", vec![inside("d/h", EntryType::Link, "/etc/shadow")], "a hard link: d/h"),
        ("character device", vec![inside("d/c", EntryType::Char, "")], "a device, a socket or a pipe: d/c"),
        ("block device", vec![inside("d/b", EntryType::Block, "")], "a device, a socket or a pipe: d/b"),
        ("pipe", vec![inside("d/p", EntryType::Fifo, "")], "a device, a socket or a pipe: d/p"),
        ("sparse", vec![inside("d/s", EntryType::GNUSparse, "")], "an unknown kind"),
        ("twice", vec![member("d/f", b"x"), member("d/f", b"x")], "d/f twice"),
        ("twice by spelling", vec![member("d/f", b"x"), member("d//./f", b"x")], "d/f twice"),
        ("outcome twice", vec![outcome()], "outcome.json twice"),
        ("manifest twice", vec![manifest()], "manifest.json twice"),
        ("newline", vec![member("d/a\nb", b"x")], "control characters"),
        ("huge outcome", vec![Raw { size: Some(1 << 40), ..outcome() }], "a outcome.json of 1099511627776 bytes"),
        (
            "directory with content",
            vec![Raw { kind: EntryType::Directory, ..member("d", b"x") }],
            "a directory with content",
        ),
        (
            "link with content",
            vec![Raw { kind: EntryType::Symlink, link: "a".into(), ..member("d/l", b"x") }],
            "a link with content",
        ),
        (
            "larger than the file",
            vec![Raw { size: Some(1 << 50), ..member("d/f", b"x") }],
            "is cut off in the middle of a tar",
        ),
        (
            "a name of 1 GB",
            vec![Raw { kind: EntryType::GNULongName, size: Some(1 << 30), ..file("x", b"") }],
            "a tar header of 1073741824 bytes",
        ),
    ];
    for (what, entries, words) in cases {
        let said = fault_in(&whole(entries));
        assert!(said.contains(words), "{what}: {said}");
        assert!(said.starts_with("forged.tar.gz "), "{what}: {said}");
    }
}

#[test]
fn pax_records_rename_and_resize_within_the_rules() {
    let long = format!("documents/{}", "x".repeat(300));
    let full = format!("{ROOT}/{long}");
    let honest = [pax(&[("path", &full), ("size", "1"), ("SCHILY.xattr.user.a", "b")]), member("short", b"x")];
    let mut all = vec![manifest()];
    all.extend(honest);
    all.push(outcome());
    let mut named: Vec<_> = all.iter().filter(|raw| raw.kind == EntryType::Regular).cloned().collect();
    named[1].path.clone_from(&full);
    all.push(sums(&named));
    assert_eq!(fault_in(&all), "accepted: 3 members");
    for (records, words) in [
        (&[("size", "100000")][..], "two sizes"),
        (&[("size", "0")], "two sizes"),
        (&[("size", "99999999999999")], "two sizes"),
        (&[("size", "-1")], "damaged PAX records"),
        (&[("path", "/etc/passwd")], "absolute path"),
        (&[("path", "../x")], "leads out"),
        (&[("GNU.sparse.size", "9")], "sparse"),
    ] {
        let said = fault_in(&whole(vec![pax(records), member("a", b"x")]));
        assert!(said.contains(words), "{records:?}: {said}");
    }
    let global = Raw { kind: EntryType::XGlobalHeader, ..pax(&[("path", "x")]) };
    assert!(fault_in(&whole(vec![global])).contains("rename every entry"));
}

#[test]
fn the_sums_the_outcome_and_the_end_are_missed() {
    let good = whole(vec![member("redis/dump.rdb", b"REDIS0010")]);
    let without = |name: &str| good.iter().filter(|raw| !raw.path.ends_with(name)).cloned().collect::<Vec<_>>();
    assert!(fault_in(&without("SHA256SUMS")).contains("is cut off: SHA256SUMS, its last member, is missing"));
    assert!(fault_in(&without("dump.rdb")).contains("lacks the member redis/dump.rdb, which SHA256SUMS names"));
    let said = fault_in(&without("manifest.json"));
    assert!(said.contains("manifest.json"), "{said}");
    let no_outcome = without("outcome.json");
    let mut no_outcome = no_outcome[..no_outcome.len() - 1].to_vec();
    no_outcome.push(sums(&no_outcome));
    assert!(fault_in(&no_outcome).contains("lacks the member outcome.json"));

    let mut other = good.clone();
    other[1].content = b"REDIS0011".to_vec();
    assert!(fault_in(&other).contains("holds redis/dump.rdb with another content than SHA256SUMS names"));
    let mut unnamed = good.clone();
    unnamed.insert(1, member("extra", b"x"));
    assert!(fault_in(&unnamed).contains("holds 1 member that SHA256SUMS does not name"));
    let mut behind = good.clone();
    behind.push(member("extra", b"x"));
    assert!(fault_in(&behind).contains("members behind SHA256SUMS"));
    let mut foreign = good.clone();
    let outcome = Outcome { archive: "tars-backup-20260101_000000".to_owned(), ..Outcome::default() };
    foreign[2].content = serde_json::to_vec(&outcome).unwrap();
    let last = foreign.len() - 1;
    foreign[last] = sums(&foreign[..last]);
    assert!(fault_in(&foreign).contains("outcome.json of another archive"));

    let tar = tarred(&good);
    assert!(fault_of(&gzipped(&tar[..tar.len() - 1024])).contains("is cut off in the middle of a tar"));
    assert!(fault_of(&[gzipped(&tar), gzipped(b"more")].concat()).contains("something behind its end"));
    assert!(fault_of(&[gzipped(&tar), b"more".to_vec()].concat()).contains("behind its end"));
    assert!(fault_of(&gzipped(&[tar.clone(), vec![0; 2 << 20]].concat())).contains("something behind its end"));
    assert!(fault_of(&gzipped(&[tar, vec![0; 9 << 10]].concat())).starts_with("accepted"), "tar's own padding");
    assert!(fault_of(b"").contains("is empty"));
    assert!(fault_of(b"PK\x03\x04 and so on, and so on").contains("is no gzip file"));
}

#[test]
fn members_of_another_archive_show() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = write(options(one.path(), Seal::Plain)).publish().unwrap();
    let second = write(Options { name: name(1), ..options(two.path(), Seal::Plain) }).publish().unwrap();
    let (first, second) = (unpacked(&first.archive), unpacked(&second.archive));
    assert!(fault_in(&first).starts_with("accepted"), "{}", fault_in(&first));
    for (at, raw) in second.iter().enumerate() {
        let mut mixed = first.clone();
        mixed[at] = raw.clone();
        assert!(fault_in(&mixed).contains("members of another archive"), "{}: {}", raw.path, fault_in(&mixed));
        // And in disguise, with the first archive's root.
        mixed[at].path = raw.path.replace(name(1).stem(), name(0).stem());
        let said = fault_in(&mixed);
        assert!(!said.starts_with("accepted") || first[at].content == raw.content, "{}: {said}", raw.path);
    }
}

#[test]
fn a_bomb_is_refused() {
    let block = super::super::block::store(&[], Vec::new());
    assert!(block.len() < 100);
    let mut tar = tarred(&[manifest(), Raw { size: Some(8 << 30), ..member("documents/zeros", b"") }]);
    tar.truncate(tar.len() - 1024);
    // A member of one MiB of zeros packs to about a thousand bytes; two thousand of them stand in two MB.
    let zeros = super::super::block::Press::new().member(&vec![0; 1 << 20], Vec::new());
    let bomb = [gzipped(&tar), zeros.repeat(2200)].concat();
    assert!(bomb.len() < 4 << 20, "{}", bomb.len());
    assert!(fault_of(&bomb).contains("made to fill a disk"), "{}", fault_of(&bomb));
}

#[test]
fn no_archive_of_ours_is_taken_for_a_bomb() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(options(dir.path(), Seal::Plain), &Manifest::default()).unwrap();
    let size = 5 << 28;
    writer.file("documents/zeros", 0o600, size, std::io::Read::take(std::io::repeat(0), size)).unwrap();
    let written = writer.finish(&Outcome::default()).unwrap();
    assert!(written.bytes() < size / 100, "{}", written.bytes());
    assert_eq!(written.verify(&Watch::new()).unwrap().members, 3);
}
