//! A document's bytes become text, in a child of the same binary that may fail without taking the server along.
//!
//! [`Extractor`] is the parent's side: it hands the open file over as the child's standard input, reads the text from
//! its standard output and kills it when it takes too long. `child` is the other side; it gives itself limits on
//! memory and processor time before it looks at the first byte. Plain text needs no parser and stays here.

mod child;
mod csv;
mod docx;
mod html;
mod json;
mod kind;
mod pdf;
mod plain;

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use child::run as run_child;
pub use kind::Kind;

/// The largest document that is read.
pub const FILE_MAX_BYTES: u64 = 256 << 20;
/// The longest text that is taken from one.
pub const TEXT_MAX_BYTES: usize = 64 << 20;
const WALL: Duration = Duration::from_mins(2);
const CHILDREN_MAX: usize = 2;

/// Why a document cannot be read, in words for its owner. It never quotes the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Unreadable {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Starts the children, a few at a time.
#[derive(Debug)]
pub struct Extractor {
    program: PathBuf,
    leading: Vec<String>,
    wall: Duration,
    slots: Semaphore,
}

impl Extractor {
    /// This very binary, wherever it lies.
    #[must_use]
    pub fn of_this_binary() -> Self {
        Self::new("/proc/self/exe".into(), ["serve", "--extract"].map(str::to_owned).to_vec(), WALL)
    }

    fn new(program: PathBuf, leading: Vec<String>, wall: Duration) -> Self {
        Self { program, leading, wall, slots: Semaphore::new(CHILDREN_MAX) }
    }

    /// The text of an open document, read from where it stands.
    ///
    /// # Errors
    /// Why it has none.
    pub async fn text(&self, kind: Kind, file: File) -> Result<String, Unreadable> {
        let bytes = file.metadata().map_err(|error| Unreadable::new(format!("it cannot be read: {error}")))?.len();
        if bytes > FILE_MAX_BYTES {
            return Err(Unreadable::new(format!("it is larger than {} MiB", FILE_MAX_BYTES >> 20)));
        }
        if kind.is_plain() {
            let read = tokio::task::spawn_blocking(move || plain::read(file));
            return read.await.unwrap_or_else(|_| Err(Unreadable::new("its reader failed")));
        }
        let _slot = self.slots.acquire().await.map_err(|_| Unreadable::new("the server stops"))?;
        self.ask(kind, file).await
    }

    async fn ask(&self, kind: Kind, file: File) -> Result<String, Unreadable> {
        let mut child = Command::new(&self.program)
            .args(&self.leading)
            .arg(kind.name())
            .env_clear()
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Unreadable::new(format!("its reader could not be started: {error}")))?;
        let mut stdout = child.stdout.take().expect("it was asked for above").take(TEXT_MAX_BYTES as u64 + 64);
        let mut said = Vec::new();
        let talk = async {
            stdout.read_to_end(&mut said).await?;
            // A child that babbles is not listened to any longer, and ends by that.
            drop(stdout);
            child.wait().await
        };
        match timeout(self.wall, talk).await {
            Ok(Ok(status)) => child::understand(said, status),
            Ok(Err(error)) => Err(Unreadable::new(format!("its reader could not be heard: {error}"))),
            Err(_) => Err(Unreadable::new(format!("reading it takes longer than {} s", self.wall.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        file
    }

    async fn by_shell(script: &str) -> Result<String, Unreadable> {
        // Only who hangs is to meet the wall, however busy the machine is.
        let wall = if script.contains("sleep") { Duration::from_millis(400) } else { Duration::from_mins(1) };
        let shell = Extractor::new("/bin/sh".into(), vec!["-c".into(), script.into()], wall);
        shell.text(Kind::Pdf, file(b"the document")).await
    }

    #[tokio::test]
    async fn the_text_comes_through_and_a_reason_too() {
        assert_eq!(by_shell("printf 'text\\n'; cat").await.unwrap(), "the document");
        assert_eq!(by_shell("printf 'why\\nit is encrypted'; exit 3").await.unwrap_err().0, "it is encrypted");
    }

    #[tokio::test]
    async fn a_child_that_dies_hangs_or_babbles_is_a_reason() {
        for (script, why) in [
            ("kill -SEGV $$", "its reader failed"),
            ("kill -ABRT $$", "memory"),
            ("kill -XCPU $$", "processor time"),
            ("exec sleep 60", "longer than"),
            ("echo nonsense", "its reader failed"),
            ("printf 'text\\nhalf'; exit 1", "its reader failed"),
            ("printf 'text\\n'; exec head -c 70000000 /dev/zero", "more than 64 MiB of text"),
        ] {
            let said = by_shell(script).await.unwrap_err().0;
            assert!(said.contains(why), "{script}: {said}");
        }
    }

    #[tokio::test]
    async fn plain_text_needs_no_child() {
        let none = Extractor::new("/no/such/program".into(), Vec::new(), WALL);
        assert_eq!(none.text(Kind::Txt, file(b"hello")).await.unwrap(), "hello");
        assert!(none.text(Kind::Pdf, file(b"hello")).await.is_err());
    }
}
