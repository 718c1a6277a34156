//! `tars backup verify FILE`: reads an archive to its end and checks every sum in it. What came of it is written into
//! the register. With `--documents` the documents that its index knows are looked for in the documents folder.

use crate::archive::{self, Contents, KNOWN_DOCUMENTS, Key, KnownDocument, Sidecar, Watch};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::keeping::files;
use crate::operate::keeping::look::{self, Answer, Question};
use crate::operate::keeping::register::{Entry, Register};
use crate::operate::keeping::sources::{self, Compared};
use crate::operate::lock::Lock;
use crate::ui::{self, Page, Report, Warning};
use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Flags of `tars backup verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The archive: a path, the name of one that tars backup list shows, or latest
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The private key of an encrypted archive: an age identity file or an OpenSSH ed25519 key
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The passphrase of an encrypted archive, in the first line of this file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Also say which documents of its index are missing or changed in the documents folder (reads all of them)
    #[arg(long)]
    pub documents: bool,
}

#[derive(Debug)]
struct Verified {
    archive: PathBuf,
    bytes: u64,
    /// The sum of the file, when it was taken.
    sha256: String,
    /// What is in it; `None` when only its own sum could be checked.
    contents: Option<Contents>,
    /// How its index's documents are in their folder, when that was asked for.
    documents: Option<Compared>,
    /// Whether it was.
    asked: bool,
    took: Duration,
    warnings: Vec<Warning>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 when there is no such file, 1 when the archive is bad, with the fault in words.
pub async fn run(context: &Context, args: &VerifyArgs) -> Result<Box<dyn Report>> {
    let home = &context.stack.home;
    let register = Register::load(home)?;
    let (path, bytes) = find(&register, &args.file).await?;
    let key = Key::from_files(args.identity.as_deref(), args.passphrase_file.as_deref())?;
    let folder = PathBuf::from(context.stack.setting("TARS_DOCS_DIR"));
    if args.documents {
        sources::need_folder(&folder).await?;
    }
    let begun = Instant::now();
    let locked = is_age(&path).await? && args.identity.is_none() && args.passphrase_file.is_none();
    let read = if locked {
        sum_alone(context, &path, bytes).await.map(|sum| (sum, None, None))
    } else {
        let read = whole(context, &path, bytes, key, args.documents).await;
        read.map(|(contents, known)| (contents.sha256.to_string(), Some(contents), known))
    };
    let mut warnings = Vec::new();
    let (sha256, contents, known) = match read {
        Ok(read) => read,
        Err(error) => {
            // A wrong key says nothing about the archive; another sum than it was written with does.
            return Err(match note_damage(context, &path).await {
                Ok(true) => error.context("the archive is not as it was written; tars backup list shows the others"),
                _ => error,
            });
        }
    };
    match &contents {
        Some(_) => warnings.extend(note(context, &path, &sha256).err().map(|error| not_noted(&error))),
        None => warnings.push(Warning {
            id: "backup.sealed",
            message: "only the sum of the file was checked: it is encrypted, and what is inside was not read"
                .to_owned(),
            hint: Some("give the key: --identity FILE or --passphrase-file FILE".to_owned()),
        }),
    }
    let documents = match known {
        Some(known) => Some(compared(context, folder, known).await?),
        None if args.documents => {
            warnings.push(no_list(locked));
            None
        }
        None => None,
    };
    let asked = args.documents;
    let took = begun.elapsed();
    Ok(Box::new(Verified { archive: path, bytes, sha256, contents, asked, documents, took, warnings }))
}

fn no_list(locked: bool) -> Warning {
    let message = if locked {
        "its list of documents could not be read: it is encrypted, and no key was given"
    } else {
        "it holds no list of documents: an older tars made it, or its database is not the backend's"
    };
    Warning { id: "backup.no_documents", message: message.to_owned(), hint: None }
}

async fn compared(context: &Context, folder: PathBuf, known: Vec<KnownDocument>) -> Result<Compared> {
    let bytes = known.iter().filter(|document| !document.upload).map(|document| document.bytes).sum();
    watched(context, "comparing", bytes, move |watch| sources::compare(&folder, &known, watch)).await
}

/// The file that is meant, and its size; nothing is opened before its directory has answered.
async fn find(register: &Register, named: &Path) -> Result<(PathBuf, u64)> {
    let path = match named.to_str() {
        Some("latest") => register.latest_good().map(Entry::path).ok_or_else(|| {
            Failure::new(Exit::Unavailable, "there is no archive that was ever found good")
                .hint("tars backup list shows all")
        })?,
        Some(name) if !name.contains('/') && !Path::new(name).exists() => {
            let known = register.entries().iter().find(|entry| entry.file_name == name);
            known.map_or_else(|| named.to_owned(), Entry::path)
        }
        _ => named.to_owned(),
    };
    let path = std::path::absolute(path)?;
    let dir = path.parent().context("the file has no directory")?.to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let seen = match look::ask(&Question { dir: dir.clone(), expected: None, write: false }).await {
        Answer::There(look) => look.files.into_iter().find(|file| file.name == name).map(|file| file.bytes),
        Answer::Silent => {
            let message = format!("{} did not answer within {} s", dir.display(), look::WITHIN.as_secs());
            return Err(Failure::new(Exit::Failed, message).hint("is it a share whose server is away?").into());
        }
        Answer::Failed(why) => return Err(anyhow::anyhow!(why).context(format!("could not look at {}", dir.display()))),
        Answer::Missing => None,
    };
    let missing = || Failure::new(Exit::Unavailable, format!("there is no file {}", path.display()));
    let bytes = seen.ok_or_else(|| missing().hint("tars backup list shows all"))?;
    Ok((path, bytes))
}

async fn is_age(path: &Path) -> Result<bool> {
    let path = path.to_owned();
    let begins = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut start = [0; 4];
        std::fs::File::open(&path).and_then(|mut file| file.read(&mut start)).map(|_| start == *b"age-")
    });
    begins.await?.context("could not read the archive")
}

/// Reads it in a thread of its own while a bar shows how far it is. Ctrl-C ends the reading.
async fn watched<T: Send + 'static>(
    context: &Context,
    label: &str,
    bytes: u64,
    read: impl FnOnce(&Watch) -> Result<T> + Send + 'static,
) -> Result<T> {
    let watch = Watch::new();
    let seen = watch.clone();
    let mut bar = context.ui.bar(label);
    let mut reading = tokio::task::spawn_blocking(move || read(&watch));
    loop {
        tokio::select! {
            done = &mut reading => return done?,
            () = context.cancel.cancelled(), if !seen.is_cancelled() => seen.cancel(),
            () = tokio::time::sleep(Duration::from_millis(200)) => bar.bytes(seen.bytes(), bytes),
        }
    }
}

/// All of it; with its list of documents, where that is wanted and there.
async fn whole(
    context: &Context,
    path: &Path,
    bytes: u64,
    key: Key,
    documents: bool,
) -> Result<(Contents, Option<Vec<KnownDocument>>)> {
    let (path, sidecar) = (path.to_owned(), files::sidecar(path));
    watched(context, "verifying", bytes, move |watch| {
        // One without a sidecar is still checked inside; one with another's is refused.
        let beside = if sidecar.exists() { Sidecar::Check } else { Sidecar::Ignore };
        let mut known = None;
        let contents = archive::verify_each(&path, &key, beside, watch, &mut |member, from| {
            if documents && member.path == KNOWN_DOCUMENTS {
                known = Some(sources::documents(from)?);
            }
            Ok(())
        })?;
        Ok((contents, known))
    })
    .await
}

/// Without a key the sum of the file is all there is.
async fn sum_alone(context: &Context, path: &Path, bytes: u64) -> Result<String> {
    let (path, sidecar) = (path.to_owned(), files::sidecar(path));
    watched(context, "verifying", bytes, move |_| {
        let line = std::fs::read_to_string(&sidecar).map_err(|error| {
            let message = format!("{} is encrypted, no key was given, and it has no sidecar", path.display());
            let hint = "give the key: --identity FILE or --passphrase-file FILE";
            Failure::new(Exit::Failed, message).hint(hint).caused_by(error)
        })?;
        let sum = archive::sha256(std::fs::File::open(&path)?)?;
        if line.split_whitespace().next() == Some(sum.as_str()) {
            return Ok(sum);
        }
        let message = format!("{} does not have the sum that stands beside it", path.display());
        Err(Failure::new(Exit::Failed, message).hint("take another archive: tars backup list").into())
    })
    .await
}

/// Writes down that it was read to its end. An archive that is in no register stays out.
fn note(context: &Context, path: &Path, sha256: &str) -> Result<()> {
    let home = &context.stack.home;
    let known =
        |register: &Register| register.entries().iter().any(|entry| entry.path() == path && entry.sha256 == sha256);
    if !known(&Register::load(home)?) {
        return Ok(());
    }
    let _lock = Lock::take(home)?;
    Register::load(home)?.verified(path, Some(Timestamp::now()))
}

/// Whether the file is another one than was written; then its proof is taken away.
async fn note_damage(context: &Context, path: &Path) -> Result<bool> {
    let home = &context.stack.home;
    let register = Register::load(home)?;
    let Some(entry) = register.entries().iter().find(|entry| entry.path() == path).cloned() else { return Ok(false) };
    let file = path.to_owned();
    let sum = watched(context, "verifying", entry.bytes, move |_| archive::sha256(std::fs::File::open(&file)?)).await?;
    if sum == entry.sha256 {
        return Ok(false);
    }
    let _lock = Lock::take(home)?;
    Register::load(home)?.verified(path, None)?;
    Ok(true)
}

fn not_noted(error: &anyhow::Error) -> Warning {
    let message = format!("it is whole, but that could not be written down: {error}");
    Warning { id: "backup.not_noted", message, hint: None }
}

/// How many names a page shows; `--json` has all.
const SHOWN: usize = 20;

impl Compared {
    fn render(&self, page: &mut Page) {
        let gone = self.missing.len() + self.changed.len() + self.unreadable.len();
        let same = format!("{} as they were read", self.same);
        let words = if gone == 0 { page.green(&same) } else { same };
        page.line(format!("  documents in their folder: {words}"));
        for (what, names) in
            [("missing", &self.missing), ("changed", &self.changed), ("cannot be read", &self.unreadable)]
        {
            if names.is_empty() {
                continue;
            }
            page.line(format!("  {}: {}", page.yellow(what), names.len()));
            names.iter().take(SHOWN).for_each(|name| page.wrapped("    ", name));
            if names.len() > SHOWN {
                page.line(format!("    and {} more (--json shows all)", names.len() - SHOWN));
            }
        }
    }
}

impl Report for Verified {
    fn render(&self, page: &mut Page) {
        let (size, took) = (ui::bytes(self.bytes), ui::duration(self.took));
        let what = match &self.contents {
            Some(contents) => {
                format!("{}: {} files, {}", page.green("whole"), contents.members, ui::bytes(contents.bytes))
            }
            None => page.yellow("its sum is right; what is inside was not read"),
        };
        page.line(format!("{}  {size}  {took}", self.archive.display()));
        page.line(format!("  {what}"));
        if let Some(documents) = &self.documents {
            documents.render(page);
        }
    }

    fn exit(&self) -> Exit {
        let whole = self.documents.as_ref().map_or(!self.asked, Compared::is_whole);
        if self.contents.is_some() && whole { Exit::Done } else { Exit::Partly }
    }

    fn data(&self) -> Value {
        let contents = self.contents.as_ref();
        json!({
            "archive": self.archive, "bytes": self.bytes, "sha256": self.sha256, "read": contents.is_some(),
            "duration_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "files": contents.map(|contents| contents.members), "created": contents.map(|contents| &contents.manifest.created),
            "version": contents.map(|contents| &contents.manifest.version),
            "components": contents.map(|contents| &contents.outcome.components), "documents": self.documents,
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}
