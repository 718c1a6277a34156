//! Step 4: the share that the documents are on. Asked for at a terminal; whatever is wrong with it is a warning, and the
//! installation goes on: documents can be sent, and the share can come later.

use super::{Install, Said};
use crate::context::is_root;
use crate::error::{Failure, hints_of};
use crate::exit::Exit;
use crate::operate::nas::credentials::{self, Credentials};
use crate::operate::nas::{DOCUMENTS, Kind, Share, default_mount_point, in_settings, mount, remember, shares};
use crate::operate::settings;
use anyhow::{Context as _, Result};

/// What an operator can do about it later.
const LATER: &str =
    "mount it later: sudo tars nas mount --host H --share S; that there is none says: tars install --skip-nas";

impl Install<'_> {
    pub(super) async fn nas(&mut self) -> Said {
        let stack = &self.context.stack;
        if self.args.skip_nas {
            let env = in_settings(stack.need_env()?, None);
            settings::write_env(&stack.home, &env)?;
            self.context.reread();
            return Ok("skipped (--skip-nas)".to_owned());
        }
        let known = shares(stack)?.into_iter().find(|share| share.name == DOCUMENTS);
        let (share, words) = match known {
            Some(share) => {
                let words = Credentials::read(&credentials::file(&stack.home, DOCUMENTS)).ok();
                (share, words)
            }
            None if stack.setting("TARS_NAS") == "none" => return Ok("none (TARS_NAS=none)".to_owned()),
            None => match self.ask_for_nas().await {
                Ok(Some(answered)) => answered,
                Ok(None) => {
                    let env = in_settings(self.context.stack.need_env()?, None);
                    settings::write_env(&self.context.stack.home, &env)?;
                    self.context.reread();
                    return Ok("none".to_owned());
                }
                Err(_) => {
                    let dir = self.context.stack.setting("TARS_DOCS_DIR");
                    self.warn(
                        "nas.unanswered",
                        format!("no NAS was named: documents are read from {dir}, and can be sent"),
                        LATER,
                    );
                    return Ok("not named".to_owned());
                }
            },
        };
        match self.mount_nas(&share, words.as_ref()).await {
            Ok(done) => {
                let entries = done.entries;
                done.notes.into_iter().for_each(|note| self.warn("nas.note", note, "see: tars nas status"));
                Ok(format!("{} at {}, {entries} entries", share.source(), share.mount_point.display()))
            }
            Err(error) => {
                self.keep_nas(&share, words.as_ref())?;
                let hint = hints_of(&error).first().map_or(LATER, |hint| *hint).to_owned();
                let hint = format!("{hint}; then: sudo tars nas mount");
                self.warn("nas.unmounted", format!("the documents' share is not mounted: {error}"), hint);
                Ok(format!("{} is not mounted: {error}", share.source()))
            }
        }
    }

    async fn mount_nas(&mut self, share: &Share, words: Option<&Credentials>) -> Result<mount::Done> {
        if !is_root() {
            return Err(Failure::new(Exit::NotPermitted, "mounting needs root").hint("run: sudo tars install").into());
        }
        let lock = self.lock.as_ref().context("no lock")?;
        mount::mount(self.context, lock, share, words).await
    }

    /// What was answered is not asked again.
    fn keep_nas(&mut self, share: &Share, words: Option<&Credentials>) -> Result<()> {
        let home = self.context.stack.home.clone();
        remember(&home, share)?;
        if let Some(words) = words {
            words.keep(&home, share)?;
        }
        settings::write_env(&home, &in_settings(self.context.stack.need_env()?, Some(share)))?;
        self.context.reread();
        Ok(())
    }

    /// Host, share, user and password; `None` where there is no NAS.
    ///
    /// # Errors
    /// When nobody is there to answer.
    async fn ask_for_nas(&self) -> Result<Option<(Share, Option<Credentials>)>> {
        let ui = &self.context.ui;
        anyhow::ensure!(!ui.options().yes, "--yes answers no such question");
        let host = ui.ask("NAS with the documents: its name or address (Enter: there is none)", "").await?;
        if host.is_empty() {
            return Ok(None);
        }
        let name = ui.ask("its share (SMB: docs; NFS: /volume1/docs)", "").await?;
        let kind = if name.starts_with('/') { Kind::Nfs } else { Kind::Cifs };
        let user = match kind {
            Kind::Cifs => ui.ask("user", "").await?,
            Kind::Nfs => String::new(),
        };
        let words = match kind {
            Kind::Cifs => {
                let password = ui.ask_secret(&format!("password of {user}:")).await?;
                Some(Credentials { user: user.clone(), password, domain: String::new() })
            }
            Kind::Nfs => None,
        };
        let mount_point = default_mount_point(&self.context.stack, DOCUMENTS);
        let share = Share { name: DOCUMENTS.to_owned(), kind, host, share: name, user, mount_point, read_write: false };
        Ok(Some((share, words)))
    }
}
