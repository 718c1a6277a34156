//! `tars backup keygen`: a key pair for encrypted archives, shown once, with the page for the drawer. The private half
//! is kept nowhere by `tars`: a key that lies beside what it locks protects nothing.

use crate::archive::{self, KeyPair};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::keeping::drawer;
use crate::operate::lock::Lock;
use crate::operate::settings;
use crate::stack::state;
use crate::ui::{Page, Reader, Report};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Flags of `tars backup keygen`.
#[derive(Debug, clap::Args)]
pub struct KeygenArgs {
    /// Write the page into this new file (0600) instead of showing it
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// From now on encrypt every backup of this stack to the new key (`TARS_BACKUP_RECIPIENT`)
    #[arg(long = "use")]
    pub use_it: bool,
    /// Put `TARS_ENCRYPTION_KEY` on the page as well, so that it outlives this disk without an encrypted archive
    #[arg(long)]
    pub stack_key: bool,
}

struct Made {
    recipient: String,
    /// The page with the private half; empty once it stands in a file.
    page: String,
    output: Option<PathBuf>,
    used: bool,
}

/// Runs the verb. The page is shown as it is: hiding the key would defeat it.
///
/// # Errors
/// Exit 1 when the file exists already, 69 where a stack is needed and none is there.
pub fn run(context: &Context, args: &KeygenArgs) -> Result<Box<dyn Report>> {
    let stack_key = if args.stack_key { Some(stack_key(context)?) } else { None };
    if args.output.is_none() && (args.use_it || args.stack_key) && context.ui.options().json {
        // The document comes last: a key that is in use by then and was never read would be lost.
        return Err(Failure::new(Exit::Usage, "with --json the page needs a file").hint("add --output FILE").into());
    }
    let lock = if args.use_it || args.stack_key {
        context.stack.need_env()?;
        Some(Lock::take(&context.stack.home)?)
    } else {
        None
    };
    refuse_existing(args.output.as_deref())?;
    let pair = archive::keygen();
    let text = page(&pair, context.stack.project(), stack_key.as_deref());
    if let Some(path) = &args.output {
        write(path, &text)?;
    }
    // Only now that the page is somewhere: a recipient without its private half makes archives that nobody opens.
    let shown = args.output.is_none() && !context.ui.options().json;
    if shown && context.ui.raw(text.as_bytes())? == Reader::Gone {
        return Err(Failure::new(Exit::Failed, "nobody read the page, so that its key was not put into use")
            .hint("name a file for it: --output FILE")
            .into());
    }
    if lock.is_some() {
        note(context, args, &pair, stack_key.as_deref())?;
    }
    let page = if args.output.is_none() { text } else { String::new() };
    let recipient = pair.recipient.text().to_owned();
    Ok(Box::new(Made { recipient, page, output: args.output.clone(), used: args.use_it }))
}

fn note(context: &Context, args: &KeygenArgs, pair: &KeyPair, stack_key: Option<&str>) -> Result<()> {
    if args.use_it {
        let mut env = context.stack.need_env()?.clone();
        let others = env.get("TARS_BACKUP_RECIPIENT").filter(|old| !old.is_empty());
        if let Some(old) = others {
            context
                .ui
                .warn(&format!("TARS_BACKUP_RECIPIENT was {old}: archives made so far still open with that key alone"));
        }
        env.set("TARS_BACKUP_RECIPIENT", pair.recipient.text());
        settings::write_env(&context.stack.home, &env)?;
    }
    match stack_key {
        Some(key) => drawer::exported(&context.stack.home, key),
        None => Ok(()),
    }
}

fn stack_key(context: &Context) -> Result<String> {
    let key = context.stack.need_env()?.get("TARS_ENCRYPTION_KEY").filter(|key| !key.is_empty());
    key.map(str::to_owned).ok_or_else(|| {
        Failure::new(Exit::Unavailable, "TARS_ENCRYPTION_KEY is not set").hint("run: tars install").into()
    })
}

fn refuse_existing(output: Option<&Path>) -> Result<()> {
    match output {
        Some(path) if path.symlink_metadata().is_ok() => {
            let message = format!("{} exists already, and may hold a key", path.display());
            Err(Failure::new(Exit::Failed, message).hint("name a new file").into())
        }
        _ => Ok(()),
    }
}

/// 0600 from its first byte. That no file of that name exists was looked at before; should one appear now, a hard link
/// that refuses to replace it says so.
fn write(path: &Path, text: &str) -> Result<()> {
    let path = std::path::absolute(path)?;
    let dir = path.parent().unwrap_or(&path);
    let mut file = tempfile::Builder::new().prefix(state::NEW_PREFIX).tempfile_in(dir)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path).map_err(|error| error.error)?;
    state::sync_dir(dir)
}

/// The page: age reads it as an identity file, for every line but the key's is a comment.
fn page(pair: &KeyPair, project: &str, stack_key: Option<&str>) -> String {
    let mut text = format!(
        "# The key of the encrypted backups of {project}\n\
         #\n\
         # Print this page or write it down, and keep it in a drawer, not on the machine it belongs to.\n\
         # Without it nobody opens an archive that was encrypted to it: not you, not the makers of tars.\n\
         #\n\
         # To restore on a bare machine, save this page as key.txt, then:\n\
         #   tars install\n\
         #   tars restore --backup-file ARCHIVE.tar.gz.age --identity key.txt --restore-config\n\
         # Without tars:  age -d -i key.txt ARCHIVE.tar.gz.age | tar -xz\n\
         # To try it:     tars backup verify ARCHIVE.tar.gz.age --identity key.txt\n\
         #\n"
    );
    if let Some(key) = stack_key {
        text += "# TARS_ENCRYPTION_KEY, which opens conversations; it belongs into tars-home.env:\n# ";
        text += key;
        text += "\n#\n";
    }
    text + pair.identity.expose()
}

impl Report for Made {
    fn render(&self, page: &mut Page) {
        if let Some(path) = &self.output {
            page.line(format!(
                "the page for the drawer is {}: print it, then move it off this machine",
                path.display()
            ));
        }
        page.line("");
        page.line(format!("public key  {}", self.recipient));
        if self.used {
            page.line("every backup of this stack is encrypted to it from now on (TARS_BACKUP_RECIPIENT)");
        } else {
            page.line(format!("encrypt with  tars backup --encrypt-to {}", self.recipient));
        }
    }

    fn data(&self) -> Value {
        let identity = Some(&self.page).filter(|page| !page.is_empty());
        json!({ "recipient": self.recipient, "page": identity, "output": self.output, "used": self.used })
    }

    fn data_is_raw(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Key;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_page_is_an_identity_file() {
        let pair = archive::keygen();
        let text = page(&pair, "tars-home", Some("abc"));
        assert!(text.contains("# abc\n") && text.lines().filter(|line| !line.starts_with('#')).count() == 1);
        assert!(Key::identity(&archive::Secret::new(text)).is_ok());
    }

    #[test]
    fn a_file_that_is_there_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.txt");
        write(&path, "one").unwrap();
        assert!(refuse_existing(Some(&path)).is_err());
        assert!(write(&path, "two").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink("/nowhere", dir.path().join("link")).unwrap();
        assert!(refuse_existing(Some(&dir.path().join("link"))).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no half-written file");
    }
}
