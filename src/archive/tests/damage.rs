//! An archive that was cut, or in which a byte turned, and one whose sum beside it is not its own.

use super::*;
use std::collections::BTreeMap;

/// Whatever the archive hands out, or its fault.
fn all(path: &Path, key: &Key) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut members = BTreeMap::new();
    let reader = open(path, key, &Watch::new()).map_err(|error| format!("{error:#}"))?;
    let each = reader.each(&mut |member, body| {
        let mut content = Vec::new();
        body.read_to_end(&mut content)?;
        members.insert(member.path.clone(), content);
        Ok(())
    });
    each.map(|_| members).map_err(|error| format!("{error:#}"))
}

/// Every archive that is to be damaged, with the key that opens it.
fn archives(dir: &Path) -> Vec<(std::path::PathBuf, Key)> {
    let pair = keygen();
    let sealed = Options { name: name(1), ..options(dir, Seal::To(vec![pair.recipient])) };
    vec![
        (write(options(dir, Seal::Plain)).publish().unwrap().archive, Key::none()),
        (write(sealed).publish().unwrap().archive, Key::identity(&pair.identity).unwrap()),
    ]
}

#[test]
fn cut_anywhere_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (path, key) in archives(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        for part in 0..50 {
            std::fs::write(&path, &bytes[..bytes.len() * part / 50]).unwrap();
            let said = all(&path, &key).unwrap_err();
            let named = said.contains("cut off") || said.contains("is empty");
            assert!(named, "{} cut at {part}/50: {said}", path.display());
            assert!(said.starts_with("tars-backup-"), "{said}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(all(&path, &key).unwrap_err().contains("cut off"));
        std::fs::write(&path, [&bytes[..], b"and more"].concat()).unwrap();
        let said = all(&path, &key).unwrap_err();
        assert!(said.contains("behind its end") || said.contains("not what was encrypted"), "{said}");
    }
}

#[test]
fn a_flipped_byte_never_goes_through() {
    let dir = tempfile::tempdir().unwrap();
    for (path, key) in archives(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        let good = all(&path, &key).unwrap();
        let mut passed = 0;
        for turn in 0..200 {
            // The first hundred bytes one by one, then evenly: headers are where reading goes wrong.
            let at = if turn < 100 { turn } else { bytes.len() * (turn - 100) / 100 };
            let mut broken = bytes.clone();
            broken[at] ^= 1 << (turn % 8);
            std::fs::write(&path, &broken).unwrap();
            let error = verify(&path, &key, Sidecar::Check, &Watch::new()).expect_err("the sum beside it knows");
            assert!(format!("{error:#}").starts_with("tars-backup-"), "byte {at}: {error:#}");
            // Without that sum: refused as well, or nothing but an unused byte of a gzip header turned.
            if let Ok(members) = all(&path, &key) {
                assert!(members == good, "byte {at} of {} changes what is read", path.display());
                passed += 1;
            }
        }
        let sealed = path.extension().is_some_and(|ending| ending == "age");
        assert!(passed == 0 || !sealed && passed < 20, "{passed} of 200 in {}", path.display());
    }
}

#[test]
fn the_sum_beside_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let published = write(options(dir.path(), Seal::Plain)).publish().unwrap();
    let check = || verify(&published.archive, &Key::none(), Sidecar::Check, &Watch::new());
    check().unwrap();
    let right = std::fs::read_to_string(&published.sidecar).unwrap();
    let file = published.archive.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(right, format!("{}  {file}\n", published.sha256));
    let write = |text: &str| std::fs::write(&published.sidecar, text).unwrap();
    // A path of another machine is no fault.
    write(&format!("{}  /home/operator/backups/{file}\n", published.sha256));
    check().unwrap();
    for (text, words) in [
        (format!("{}  {file}\n", Sum::of(b"other")), "not the file whose sum stands beside it"),
        (format!("{}  other.tar.gz\n", published.sha256), "does not name the sum of"),
        (String::new(), "does not name the sum of"),
    ] {
        write(&text);
        let error = check().unwrap_err();
        assert!(format!("{error:#}").contains(words), "{text}: {error:#}");
        assert!(crate::error::hints_of(&error).iter().any(|hint| hint.contains("--skip-validation")), "{text}");
    }
    std::fs::remove_file(&published.sidecar).unwrap();
    assert!(format!("{:#}", check().unwrap_err()).contains("has no readable sum beside it"));
    verify(&published.archive, &Key::none(), Sidecar::Ignore, &Watch::new()).unwrap();
}
