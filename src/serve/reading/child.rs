//! The child: limits first, then one document from standard input to text on standard output.
//!
//! What it says begins with a line, `text` or `why`; the rest is the text, or the reason why there is none.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{FILE_MAX_BYTES, Kind, TEXT_MAX_BYTES, Unreadable, csv, docx, html, json, pdf, plain};

/// Address space, not memory in use: a static binary maps little more than it uses.
const MEMORY_MAX_BYTES: u64 = 1 << 30;
const CPU_MAX_S: u64 = 60;
/// Parsers recurse where a document nests; a spare thread has room for that.
const STACK_BYTES: usize = 64 << 20;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// The errand: reads standard input as `kind` and says what it holds.
///
/// # Errors
/// When the limits cannot be set, nothing can be said, or there is no text.
pub fn run(kind: &str) -> anyhow::Result<()> {
    limit()?;
    let kind = Kind::named(kind).ok_or_else(|| anyhow::anyhow!("no format is called {kind}"))?;
    // A reader that panics is a failed reader, and says nothing about the document.
    std::panic::set_hook(Box::new(|_| {}));
    let work =
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || read(kind, std::io::stdin().lock()))?;
    let ended = work.join().unwrap_or_else(|_| Err(Unreadable::new("its reader failed: the file may be damaged")));
    let mut out = std::io::stdout().lock();
    match &ended {
        Ok(text) => write!(out, "text\n{text}")?,
        Err(why) => write!(out, "why\n{why}")?,
    }
    out.flush()?;
    Ok(ended.map(|_| ())?)
}

fn limit() -> anyhow::Result<()> {
    let to = |limit: u64| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, to(MEMORY_MAX_BYTES))?;
    setrlimit(Resource::Cpu, to(CPU_MAX_S))?;
    // It writes no file and dumps no core, which would hold the document.
    setrlimit(Resource::Fsize, to(0))?;
    setrlimit(Resource::Core, to(0))?;
    Ok(())
}

fn read(kind: Kind, input: impl Read) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    input
        .take(FILE_MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Unreadable::new(format!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(Unreadable::new(format!("it is larger than {} MiB", FILE_MAX_BYTES >> 20)));
    }
    let text = match kind {
        Kind::Pdf => pdf::text(&bytes),
        Kind::Docx => docx::text(&bytes),
        Kind::Txt | Kind::Md => plain::decode(bytes),
        Kind::Csv => csv::text(bytes),
        Kind::Json => json::text(bytes),
        Kind::Html => html::text(bytes),
    }?;
    if text.len() > TEXT_MAX_BYTES { Err(too_much()) } else { Ok(text) }
}

pub(super) fn too_much() -> Unreadable {
    Unreadable::new(format!("it holds more than {} MiB of text", TEXT_MAX_BYTES >> 20))
}

/// What the parent makes of a child's words and end.
pub(super) fn understand(mut said: Vec<u8>, status: ExitStatus) -> Result<String, Unreadable> {
    match status.signal() {
        // Out of memory aborts; the kernel's own way out is a kill.
        Some(SIGABRT) => {
            return Err(Unreadable::new(format!(
                "reading it needs more than {} MiB of memory",
                MEMORY_MAX_BYTES >> 20
            )));
        }
        Some(SIGXCPU) => {
            return Err(Unreadable::new(format!("reading it needs more than {CPU_MAX_S} s of processor time")));
        }
        Some(SIGKILL) => return Err(Unreadable::new("its reader was killed")),
        _ => {}
    }
    if said.starts_with(b"text\n") && said.len() > TEXT_MAX_BYTES + 5 {
        return Err(too_much());
    }
    if said.starts_with(b"why\n") {
        return Err(Unreadable::new(String::from_utf8_lossy(&said[4..]).chars().take(300).collect::<String>()));
    }
    if status.success() && said.starts_with(b"text\n") {
        said.drain(..5);
        return String::from_utf8(said).map_err(|_| Unreadable::new("its reader failed"));
    }
    Err(Unreadable::new("its reader failed: the file may be damaged"))
}
