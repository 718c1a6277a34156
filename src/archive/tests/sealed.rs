//! Encrypted archives: who opens them, and what is said to everybody else.

use super::*;
use std::process::Command;

fn said(path: &Path, key: &Key) -> String {
    match verify(path, key, Sidecar::Check, &Watch::new()) {
        Ok(contents) => format!("opened: {} members", contents.members),
        Err(error) => {
            let hints = crate::error::hints_of(&error).join("; ");
            format!("{error:#} | {hints}")
        }
    }
}

#[test]
fn each_of_several_recipients_opens_it_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, other) = (keygen(), keygen(), keygen());
    let written = write(options(dir.path(), Seal::To(vec![one.recipient.clone(), two.recipient.clone()])));
    let contents = written.verify(&Watch::new()).unwrap();
    assert!(contents.encrypted && contents.manifest.encrypted);
    let path = written.publish().unwrap().archive;
    assert!(path.ends_with(name(0).file(true)));
    for pair in [&one, &two] {
        assert_eq!(said(&path, &Key::identity(&pair.identity).unwrap()), "opened: 5 members");
    }
    let wrong = said(&path, &Key::identity(&other.identity).unwrap());
    assert!(
        wrong.contains("is encrypted, but not for the key that was given") && wrong.contains("--identity"),
        "{wrong}"
    );
    let none = said(&path, &Key::none());
    assert!(none.contains("is encrypted, and no key for it was given") && none.contains("--identity"), "{none}");
    let phrase = said(&path, &Key::passphrase(Secret::new("nothing to do with it")));
    assert!(phrase.contains("no key for it was given"), "{phrase}");
    // Nothing of the content, nor of the names in it, is to be seen.
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(6).any(|six| six == b"chroma"));
}

#[test]
fn a_passphrase_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let secret = || Secret::new(["correct horse", "battery"].join(" "));
    let written = write(options(dir.path(), Seal::Passphrase(secret())));
    written.verify(&Watch::new()).unwrap();
    let path = written.publish().unwrap().archive;
    let file = dir.path().join("phrase");
    std::fs::write(&file, format!("{}\nsecond line\n", secret().expose())).unwrap();
    assert_eq!(said(&path, &Key::from_files(None, Some(&file)).unwrap()), "opened: 5 members");
    let wrong = said(&path, &Key::passphrase(Secret::new("wrong")));
    assert!(wrong.contains("is not opened by this passphrase") && wrong.contains("--passphrase-file"), "{wrong}");
    let none = said(&path, &Key::identity(&keygen().identity).unwrap());
    assert!(none.contains("encrypted with a passphrase, and none was given"), "{none}");
    std::fs::write(&file, "\n").unwrap();
    assert!(Key::from_files(None, Some(&file)).unwrap_err().to_string().contains("is empty"));
}

fn ssh_key(dir: &Path, name: &str, kind: &[&str], phrase: &str) -> (anyhow::Result<Recipient>, Secret) {
    let path = dir.join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-N", phrase, "-f"]).arg(&path).arg("-t").args(kind).status();
    assert!(made.expect("ssh-keygen is needed (openssh-client)").success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (Recipient::parse(&public), Secret::new(std::fs::read_to_string(path).unwrap()))
}

#[test]
fn an_ssh_key_opens_it_unless_it_is_rsa_or_locked() {
    let dir = tempfile::tempdir().unwrap();
    let (public, secret) = ssh_key(dir.path(), "ed25519", &["ed25519"], "");
    let path = write(options(dir.path(), Seal::To(vec![public.unwrap()]))).publish().unwrap().archive;
    assert_eq!(said(&path, &Key::identity(&secret).unwrap()), "opened: 5 members");

    let (public, secret) = ssh_key(dir.path(), "rsa", &["rsa", "-b", "2048"], "");
    assert!(public.unwrap_err().to_string().contains("RSA"));
    assert!(Key::identity(&secret).unwrap_err().to_string().contains("RSA"));
    let (public, secret) = ssh_key(dir.path(), "locked", &["ed25519"], "phrase");
    public.unwrap();
    assert!(Key::identity(&secret).unwrap_err().to_string().contains("locked with a passphrase"));
    let (public, secret) = ssh_key(dir.path(), "ecdsa", &["ecdsa"], "");
    assert!(public.is_err() && Key::identity(&secret).is_err());
}

#[test]
fn an_identity_file_without_a_key_is_refused() {
    for text in ["", "# a comment\n", "AGE-SECRET-KEY-1\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "anything"] {
        let error = Key::identity(&Secret::new(text)).unwrap_err();
        assert!(error.to_string().contains("holds no key that can be used"), "{text}: {error}");
    }
}
