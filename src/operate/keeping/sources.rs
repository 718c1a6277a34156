//! The documents of an archive's index against the folder that they were read from: what is missing there now, and
//! what has another content.

use super::look::{self, Answer, Question};
use crate::archive::{KnownDocument, Summing, Watch};
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::Result;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What was found. Uploads are not looked for: their originals are in the archive.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// How many are there as they were read.
    pub same: u64,
    /// What is not there any more, by its path in the folder.
    pub missing: Vec<String>,
    /// What has another content.
    pub changed: Vec<String>,
    /// What is there and cannot be read, with the reason.
    pub unreadable: Vec<String>,
}

impl Compared {
    /// Whether every document is there as it was read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.changed.is_empty() && self.unreadable.is_empty()
    }
}

/// Asks the folder for a sign of life before anything in it is opened.
///
/// # Errors
/// Exit 69 when it is not there or does not answer.
pub async fn need_folder(folder: &Path) -> Result<()> {
    let question = Question { dir: folder.to_owned(), expected: None, write: false };
    let words = match look::ask(&question).await {
        Answer::There(_) => return Ok(()),
        Answer::Missing => "is not there".to_owned(),
        Answer::Silent => format!("did not answer within {} s", look::WITHIN.as_secs()),
        Answer::Failed(why) => format!("cannot be looked at: {why}"),
    };
    Err(Failure::new(Exit::Unavailable, format!("the documents folder {} (TARS_DOCS_DIR) {words}", folder.display()))
        .hint("is its share mounted?")
        .into())
}

/// Compares every document of the folder. Blocking; sizes are compared before contents are read.
///
/// # Errors
/// When the folder cannot be opened, or the run is cancelled.
pub fn compare(folder: &Path, documents: &[KnownDocument], watch: &Watch) -> Result<Compared> {
    let root = rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut compared = Compared::default();
    for document in documents.iter().filter(|document| !document.upload) {
        watch.check()?;
        // The list is of an archive, and an archive may say anything: nothing out of the folder is opened.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let opened = rustix::fs::openat2(&root, document.path.as_str(), flags, Mode::empty(), beneath);
        let name = document.path.clone();
        match opened.map_err(io::Error::from).and_then(|fd| is_same(File::from(fd), document, watch)) {
            Ok(true) => compared.same += 1,
            Ok(false) => compared.changed.push(name),
            Err(_) if watch.is_cancelled() => watch.check()?,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                compared.missing.push(name);
            }
            Err(error) => compared.unreadable.push(format!("{name}: {error}")),
        }
    }
    Ok(compared)
}

fn is_same(mut file: File, document: &KnownDocument, watch: &Watch) -> io::Result<bool> {
    let about = file.metadata()?;
    if !about.is_file() || about.len() != document.bytes {
        return Ok(false);
    }
    let (mut summing, mut buffer) = (Summing::default(), vec![0; 256 << 10]);
    loop {
        watch.check()?;
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(summing.finish() == document.sha256);
        }
        summing.update(&buffer[..read]);
        watch.advance(read);
    }
}

/// A member's lines.
///
/// # Errors
/// When one cannot be read: the archive was made by something else.
pub fn documents(from: &mut dyn Read) -> Result<Vec<KnownDocument>> {
    let lines = serde_json::Deserializer::from_reader(io::BufReader::new(from)).into_iter();
    lines.collect::<Result<_, _>>().map_err(|error| {
        let message = format!("{} in the archive cannot be read: {error}", crate::archive::KNOWN_DOCUMENTS);
        Failure::new(Exit::Failed, message).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Sum;
    use std::os::unix::fs::symlink;

    fn known(path: &str, content: &str) -> KnownDocument {
        KnownDocument {
            path: path.to_owned(),
            upload: false,
            bytes: content.len() as u64,
            sha256: Sum::of(content.as_bytes()),
        }
    }

    #[test]
    fn what_is_gone_and_what_changed_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("docs");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        for (path, content) in [("same", "one"), ("sub/longer", "three!"), ("swapped", "eno")] {
            std::fs::write(folder.join(path), content).unwrap();
        }
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        symlink("../secret", folder.join("out")).unwrap();
        let upload = KnownDocument { upload: true, ..known("0.pdf", "x") };
        let list = [
            known("same", "one"),
            known("sub/longer", "three"),
            known("swapped", "one"),
            known("gone", "x"),
            known("out", "secret"),
            known("../secret", "secret"),
            upload,
        ];
        let compared = compare(&folder, &list, &Watch::new()).unwrap();
        assert_eq!((compared.same, compared.missing.as_slice()), (1, ["gone".to_owned()].as_slice()));
        assert_eq!(compared.changed, ["sub/longer", "swapped"]);
        assert_eq!(compared.unreadable.len(), 2, "{compared:?}");
        let watch = Watch::new();
        watch.cancel();
        assert!(compare(&folder, &list, &watch).is_err());
    }

    #[test]
    fn a_list_is_read_line_by_line() {
        let line = serde_json::to_string(&known("a", "b")).unwrap();
        assert_eq!(documents(&mut format!("{line}\n{line}\n").as_bytes()).unwrap().len(), 2);
        assert!(documents(&mut format!("{line}\n{{").as_bytes()).is_err());
        assert!(documents(&mut line.replace("\"sha256\":\"", "\"sha256\":\"zz").as_bytes()).is_err());
    }
}
