//! What an operator does without `tars`: the ordinary tools read the archive.

use super::*;
use std::process::Command;

fn shell(dir: &Path, script: &str) -> String {
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn tar_and_sha256sum_are_enough() {
    let dir = tempfile::tempdir().unwrap();
    write(options(dir.path(), Seal::Plain)).publish().unwrap();
    let stem = name(0).stem().to_owned();
    assert!(shell(dir.path(), &format!("sha256sum -c {stem}.tar.gz.sha256")).contains("OK"));
    shell(dir.path(), &format!("gzip -t {stem}.tar.gz && tar --no-same-owner -xzf {stem}.tar.gz"));
    let checked = shell(&dir.path().join(&stem), "sha256sum --strict -c SHA256SUMS");
    assert_eq!(checked.lines().count(), 5, "{checked}");
    let first = shell(dir.path(), &format!("tar -tzf {stem}.tar.gz"));
    let names: Vec<_> = first.lines().collect();
    assert_eq!((names[0], names[names.len() - 1]), (&*format!("{stem}/manifest.json"), &*format!("{stem}/SHA256SUMS")));
}

#[test]
fn an_archive_packed_again_by_hand_is_still_one() {
    let dir = tempfile::tempdir().unwrap();
    let archive = write(options(dir.path(), Seal::Plain)).publish().unwrap().archive;
    let stem = name(0).stem().to_owned();
    shell(dir.path(), &format!("gzip -d {stem}.tar.gz && gzip -9 {stem}.tar"));
    assert!(verify(&archive, &Key::none(), Sidecar::Check, &Watch::new()).is_err());
    assert_eq!(verify(&archive, &Key::none(), Sidecar::Ignore, &Watch::new()).unwrap().members, 5);
}

#[test]
#[ignore = "needs age (Debian's package)"]
fn age_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let pair = keygen();
    write(options(dir.path(), Seal::To(vec![pair.recipient]))).publish().unwrap();
    std::fs::write(dir.path().join("identity"), pair.identity.expose()).unwrap();
    let stem = name(0).stem().to_owned();
    shell(dir.path(), &format!("sha256sum -c {stem}.tar.gz.age.sha256"));
    shell(dir.path(), &format!("age -d -i identity {stem}.tar.gz.age | tar --no-same-owner -xz"));
    shell(&dir.path().join(&stem), "sha256sum --strict -c SHA256SUMS");
}
