//! `tars nas`: the documents' NAS, and a second share for backups: mount, take away, look.

mod look;

use super::running::take;
use crate::context::{Context, is_root};
use crate::error::{Failure, with_sudo};
use crate::exit::Exit;
use crate::operate::nas::credentials::{self, Credentials};
use crate::operate::nas::{DOCUMENTS, Kind, Share, default_mount_point, mount, shares};
use crate::ui::{Page, Report, Warning};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `tars nas`.
#[derive(Debug, clap::Args)]
pub struct NasArgs {
    /// What to do
    #[command(subcommand)]
    pub what: NasVerb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum NasVerb {
    /// Mount a share, now and after every restart; without --host the one that is known
    Mount(MountArgs),
    /// Unmount a share and forget it; nothing on the NAS is touched
    Unmount {
        /// Which
        #[arg(long, default_value = DOCUMENTS)]
        name: String,
    },
    /// Show each share: mounted, how large, how many documents, and whether the backend sees it
    Status,
}

/// Flags of `tars nas mount`.
#[derive(Clone, Debug, clap::Args)]
pub struct MountArgs {
    /// What to call it; documents is what the backend reads
    #[arg(long, default_value = DOCUMENTS)]
    pub name: String,
    /// The server: a name or an address
    #[arg(long)]
    pub host: Option<String>,
    /// The share (cifs: docs) or export (nfs: /volume1/docs)
    #[arg(long)]
    pub share: Option<String>,
    /// How it is spoken with
    #[arg(long = "type", value_parser = ["cifs", "nfs"])]
    pub kind: Option<String>,
    /// Who signs in (cifs); the password is asked for, or read from --credentials
    #[arg(long)]
    pub user: Option<String>,
    /// A file with the lines username=… and password=…; it is copied into the home (0600)
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Where it goes; documents: `TARS_DOCS_DIR`, others: /mnt/tars-NAME
    #[arg(long, value_name = "DIR")]
    pub mount_point: Option<PathBuf>,
    /// Let this machine write to it, for a share that holds backups
    #[arg(long)]
    pub read_write: bool,
}

impl NasVerb {
    /// Whether it changes anything.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        !matches!(self, Self::Status)
    }
}

/// What was done with a share.
struct Changed {
    share: Share,
    done: mount::Done,
    mounted: bool,
}

/// Runs the verb.
///
/// # Errors
/// Exit 64 for a share that is not named completely, 69 where the server or the kernel's module is not there, 77 without
/// root, 1 when the server refuses.
pub async fn run(context: &mut Context, args: &NasArgs) -> Result<Box<dyn Report>> {
    if matches!(args.what, NasVerb::Status) {
        return Box::pin(look::run(context)).await;
    }
    context.stack.need_env()?;
    if !is_root() {
        return Err(Failure::new(Exit::NotPermitted, "mounting needs root")
            .hint(format!("run: {}", with_sudo()))
            .into());
    }
    let lock = take(context)?;
    match &args.what {
        NasVerb::Mount(args) => {
            let mut share = wanted(context, args)?;
            let words = words(context, args, &share).await?;
            if let Some(words) = &words {
                share.user.clone_from(&words.user);
            }
            let done = mount::mount(context, &lock, &share, words.as_ref()).await?;
            Ok(Box::new(Changed { share, done, mounted: true }))
        }
        NasVerb::Unmount { name } => {
            let share = shares(&context.stack)?.into_iter().find(|share| share.name == *name);
            let share = share.ok_or_else(|| unknown(name))?;
            let done = mount::unmount(context, &lock, &share).await?;
            Ok(Box::new(Changed { share, done, mounted: false }))
        }
        NasVerb::Status => Box::pin(look::run(context)).await,
    }
}

fn unknown(name: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("no share is called {name}")).hint("tars nas status shows them")
}

/// The flags over what is known of that name.
fn wanted(context: &Context, args: &MountArgs) -> Result<Share> {
    let known = shares(&context.stack)?.into_iter().find(|share| share.name == args.name);
    let missing = |what: &str| {
        Failure::new(Exit::Usage, format!("which {what}?")).hint("tars nas mount --host H --share S [--type nfs]")
    };
    let pick = |flag: &Option<String>, known: Option<&String>| flag.clone().or_else(|| known.cloned());
    let host = pick(&args.host, known.as_ref().map(|share| &share.host)).ok_or_else(|| missing("server (--host)"))?;
    let name = pick(&args.share, known.as_ref().map(|share| &share.share)).ok_or_else(|| missing("share (--share)"))?;
    // Only an export begins with a slash.
    let guess = if name.starts_with('/') { Kind::Nfs } else { Kind::Cifs };
    let kind = args.kind.as_deref().and_then(Kind::named).or(known.as_ref().map(|share| share.kind)).unwrap_or(guess);
    let place = args.mount_point.clone().or_else(|| known.as_ref().map(|share| share.mount_point.clone()));
    let share = Share {
        name: args.name.clone(),
        kind,
        host,
        share: name,
        user: pick(&args.user, known.as_ref().map(|share| &share.user)).unwrap_or_default(),
        mount_point: place.unwrap_or_else(|| default_mount_point(&context.stack, &args.name)),
        read_write: args.read_write || (args.host.is_none() && known.is_some_and(|share| share.read_write)),
    };
    share.check()?;
    Ok(share)
}

/// User and password: from the file that is named, from the one that is kept, or from who sits at the terminal.
async fn words(context: &Context, args: &MountArgs, share: &Share) -> Result<Option<Credentials>> {
    if share.kind == Kind::Nfs {
        return Ok(None);
    }
    let read = match &args.credentials {
        Some(file) => Some(Credentials::read(file)?),
        None if args.user.is_none() => Credentials::read(&credentials::file(&context.stack.home, &share.name)).ok(),
        None => None,
    };
    let mut words = match read {
        Some(words) => words,
        None => ask(context, share).await?,
    };
    if let Some(user) = &args.user {
        words.user.clone_from(user);
    }
    Ok(Some(words))
}

async fn ask(context: &Context, share: &Share) -> Result<Credentials> {
    let missing = || {
        Failure::new(Exit::Usage, format!("no user and password for {}", share.source()))
            .hint("write the lines username=… and password=… into a file (chmod 600) and name it after --credentials")
    };
    if context.ui.options().yes {
        return Err(missing().into());
    }
    let user = match share.user.as_str() {
        "" => context.ui.ask(&format!("user of {}:", share.source()), "").await.map_err(|_| missing())?,
        user => user.to_owned(),
    };
    let password = context.ui.ask_secret(&format!("password of {user}:")).await.map_err(|_| missing())?;
    Ok(Credentials { user, password, domain: String::new() })
}

impl Report for Changed {
    fn render(&self, page: &mut Page) {
        let (source, at) = (self.share.source(), self.share.mount_point.display());
        let words = match (self.mounted, self.done.already) {
            (true, false) => format!("{source} is mounted at {at}: {} entries", self.done.entries),
            (true, true) => format!("{source} was mounted at {at} already: {} entries", self.done.entries),
            (false, false) => format!("{source} was unmounted from {at}"),
            (false, true) => format!("{source} was not mounted; it is forgotten"),
        };
        page.line(words);
        if let Some(copy) = &self.done.copy {
            page.line(format!("/etc/fstab was changed; as it was: {}", copy.display()));
        }
        if self.done.restarted {
            page.line("the backend was restarted and sees it");
        }
    }

    fn data(&self) -> Value {
        json!({ "name": self.share.name, "source": self.share.source(), "mount_point": self.share.mount_point,
            "mounted": self.mounted, "already": self.done.already, "entries": self.done.entries,
            "fstab_copy": self.done.copy, "backend_restarted": self.done.restarted })
    }

    fn warnings(&self) -> Vec<Warning> {
        let warning = |note: &String| Warning { id: "nas.note", message: note.clone(), hint: None };
        self.done.notes.iter().map(warning).collect()
    }
}
