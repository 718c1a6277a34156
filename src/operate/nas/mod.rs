//! Network shares of the stack: the documents' NAS and, if wanted, one for backups. CIFS (SMB) and NFS.
//!
//! What is wrong outside is found before anything of this machine is touched: name, port, login. A password stands in a
//! file of its own (0600) and on no command line. A mount persists as a marked line in `/etc/fstab`; with systemd that
//! line is an automount, so that a NAS that comes after the machine is mounted when somebody looks.
//!
//! - `reach`, `login`: whether the server would let us in; `kernel`: whether this machine can mount such a thing
//! - `credentials`, `fstab`, `table`: what is written and read; `mount`: all of it in its order; `seen`: what the backend sees

pub mod credentials;
pub mod fstab;
pub mod kernel;
pub mod login;
pub mod mount;
pub mod reach;
pub mod seen;
pub mod table;

use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::Stack;
use crate::stack::envfile::EnvFile;
use crate::stack::home::Home;
use crate::stack::state::{self, Kept};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};

/// The share that the documents are on.
pub const DOCUMENTS: &str = "documents";

/// How a share is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SMB, by user and password.
    Cifs,
    /// NFS, by this machine's address.
    Nfs,
}

impl Kind {
    /// As the settings and the command line name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cifs => "cifs",
            Self::Nfs => "nfs",
        }
    }

    /// Reads [`Kind::name`].
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Cifs, Self::Nfs].into_iter().find(|kind| kind.name() == name)
    }

    /// The server's port.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Cifs => 445,
            Self::Nfs => 2049,
        }
    }

    /// The program that `mount` needs, and the package that has it.
    #[must_use]
    pub const fn helper(self) -> (&'static str, &'static str) {
        match self {
            Self::Cifs => ("mount.cifs", "cifs-utils"),
            Self::Nfs => ("mount.nfs", "nfs-common"),
        }
    }
}

/// One share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// `documents`, or what the operator calls it.
    pub name: String,
    /// How it is spoken with.
    pub kind: Kind,
    /// The server.
    pub host: String,
    /// The share (cifs: `docs` or `docs/manuals`) or export (nfs: `/volume1/docs`).
    pub share: String,
    /// Who signs in (cifs).
    #[serde(default)]
    pub user: String,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Whether this machine may write to it.
    #[serde(default)]
    pub read_write: bool,
}

impl Share {
    /// What is mounted, as `mount` wants it.
    #[must_use]
    pub fn source(&self) -> String {
        match self.kind {
            Kind::Cifs => format!("//{}/{}", self.host, self.share.trim_matches('/')),
            Kind::Nfs if self.host.contains(':') => format!("[{}]:{}", self.host, self.share),
            Kind::Nfs => format!("{}:{}", self.host, self.share),
        }
    }

    /// Options of the mount. Nothing of a share is run, and no device or other user comes with it.
    #[must_use]
    pub fn options(&self, credentials: &Path) -> String {
        let access = if self.read_write { "rw" } else { "ro" };
        let common = format!("{access},nosuid,nodev,noexec");
        match self.kind {
            Kind::Cifs => {
                // The backend is another user than root and only reads; archives are for root alone.
                let modes =
                    if self.read_write { "file_mode=0600,dir_mode=0700" } else { "file_mode=0644,dir_mode=0755" };
                format!("{common},credentials={},iocharset=utf8,{modes}", credentials.display())
            }
            // A server that is gone must give errors to who reads, and must not lose what is written.
            Kind::Nfs if self.read_write => format!("{common},hard"),
            Kind::Nfs => format!("{common},soft,timeo=100,retrans=2"),
        }
    }

    /// Whether the words are such as can stand in fstab, a credentials file and the settings.
    ///
    /// # Errors
    /// Exit 64 naming the one that cannot.
    pub fn check(&self) -> Result<()> {
        let bad = |what: &str, hint: &str| Err(Failure::new(Exit::Usage, what.to_owned()).hint(hint.to_owned()).into());
        let word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !word(&self.name) {
            return bad(&format!("{} is no name for a share", self.name), "use letters, digits and - _ .");
        }
        if self.host.is_empty() || !self.host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:%".contains(c)) {
            return bad(&format!("\"{}\" is no server", self.host), "name it by --host NAME or --host ADDRESS");
        }
        if self.share.trim_matches('/').is_empty() || self.share.chars().any(|c| c.is_control() || "\"\\,".contains(c))
        {
            return bad(&format!("\"{}\" is no share", self.share), "cifs: --share docs; nfs: --share /volume1/docs");
        }
        if self.kind == Kind::Nfs && !self.share.starts_with('/') {
            return bad(
                &format!("the export \"{}\" does not begin with /", self.share),
                "name it as the server exports it: --share /volume1/docs",
            );
        }
        if self.user.chars().any(|c| c.is_control() || c == ',') {
            return bad("the user's name holds a character that cannot be used", "see --user");
        }
        let odd = |part: Component<'_>| matches!(part, Component::ParentDir);
        let at = self.mount_point.to_string_lossy();
        if !self.mount_point.is_absolute()
            || self.mount_point.components().any(odd)
            || at.chars().any(|c| c.is_control() || ",\"\\".contains(c))
        {
            return bad(&format!("{at} is no place for a mount"), "name a whole path: --mount-point /mnt/NAME");
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Shares {
    shares: Vec<Share>,
}

/// Every share that this home knows, those of `state/nas.json` and the one that was written into the settings by hand.
///
/// # Errors
/// When the state cannot be understood.
pub fn shares(stack: &Stack) -> Result<Vec<Share>> {
    let kept = state::load::<Kept<Shares>>(&file(&stack.home))?;
    let mut all = kept.map(|kept| kept.data.shares).unwrap_or_default();
    if !all.iter().any(|share| share.name == DOCUMENTS) {
        all.extend(of_settings(stack));
    }
    Ok(all)
}

/// The share that the settings name.
fn of_settings(stack: &Stack) -> Option<Share> {
    let kind = Kind::named(stack.setting("TARS_NAS"))?;
    let text = |key: &str| stack.setting(key).to_owned();
    let share = Share {
        name: DOCUMENTS.to_owned(),
        kind,
        host: text("NAS_HOST"),
        share: text("NAS_SHARE"),
        user: text("NAS_USER"),
        mount_point: default_mount_point(stack, DOCUMENTS),
        read_write: false,
    };
    (!share.host.is_empty()).then_some(share)
}

/// Where a share goes when nobody says: documents into the folder that the backend reads.
#[must_use]
pub fn default_mount_point(stack: &Stack, name: &str) -> PathBuf {
    match (name, stack.setting("NAS_MOUNT_POINT"), stack.setting("TARS_DOCS_DIR")) {
        (DOCUMENTS, "", docs) => docs.into(),
        (DOCUMENTS, chosen, _) => chosen.into(),
        _ => format!("/mnt/tars-{name}").into(),
    }
}

/// Remembers a share.
///
/// # Errors
/// When the state cannot be written.
pub fn remember(home: &Home, share: &Share) -> Result<()> {
    change(home, |shares| {
        shares.retain(|known| known.name != share.name);
        shares.push(share.clone());
    })
}

/// Forgets a share.
///
/// # Errors
/// As [`remember`].
pub fn forget(home: &Home, name: &str) -> Result<()> {
    change(home, |shares| shares.retain(|known| known.name != name))
}

fn change(home: &Home, change: impl FnOnce(&mut Vec<Share>)) -> Result<()> {
    let mut kept = state::load::<Kept<Shares>>(&file(home))?.unwrap_or_else(|| Kept::new(Shares::default()));
    change(&mut kept.data.shares);
    state::save(&file(home), 0o644, &kept)
}

/// The settings with this share as the documents' NAS, or with none.
#[must_use]
pub fn in_settings(env: &EnvFile, share: Option<&Share>) -> EnvFile {
    let mut env = env.clone();
    let mount_point = share.map(|share| share.mount_point.display().to_string()).unwrap_or_default();
    let values = [
        ("TARS_NAS", share.map_or("none", |share| share.kind.name())),
        ("NAS_HOST", share.map_or("", |share| &share.host)),
        ("NAS_SHARE", share.map_or("", |share| &share.share)),
        ("NAS_USER", share.map_or("", |share| &share.user)),
        ("NAS_MOUNT_POINT", mount_point.as_str()),
    ];
    for (key, value) in values {
        env.set(key, value);
    }
    env
}

fn file(home: &Home) -> PathBuf {
    home.state_file("nas.json")
}

#[cfg(test)]
pub(crate) fn example(kind: Kind) -> Share {
    Share {
        name: DOCUMENTS.into(),
        kind,
        host: "nas.lan".into(),
        share: if kind == Kind::Nfs { "/volume1/my docs" } else { "my docs" }.into(),
        user: "reader".into(),
        mount_point: "/mnt/llm_docs".into(),
        read_write: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_its_source_and_options() {
        let file = Path::new("/opt/tars/nas/documents.credentials");
        let cifs = example(Kind::Cifs);
        assert_eq!(cifs.source(), "//nas.lan/my docs");
        assert!(
            cifs.options(file).starts_with("ro,nosuid,nodev,noexec,credentials=/opt/tars/nas/documents.credentials,")
        );
        assert_eq!(example(Kind::Nfs).source(), "nas.lan:/volume1/my docs");
        let six = Share { host: "fd00::7".into(), ..example(Kind::Nfs) };
        assert_eq!(six.source(), "[fd00::7]:/volume1/my docs");
        let writing = Share { read_write: true, ..example(Kind::Nfs) };
        assert!(writing.options(file).starts_with("rw,") && writing.options(file).ends_with("hard"));
    }

    #[test]
    fn words_that_could_be_more_than_words_are_refused() {
        example(Kind::Cifs).check().unwrap();
        let wrong = [
            Share { host: "nas,sec=none".into(), ..example(Kind::Cifs) },
            Share { host: "-o".repeat(0), ..example(Kind::Cifs) },
            Share { share: "a,rw".into(), ..example(Kind::Cifs) },
            Share { share: "docs".into(), ..example(Kind::Nfs) },
            Share { user: "x,uid=0".into(), ..example(Kind::Cifs) },
            Share { mount_point: "mnt".into(), ..example(Kind::Cifs) },
            Share { mount_point: "/mnt/../etc".into(), ..example(Kind::Cifs) },
            Share { name: "a/b".into(), ..example(Kind::Cifs) },
        ];
        for share in wrong {
            assert_eq!(crate::error::exit_of(&share.check().unwrap_err()), Exit::Usage, "{share:?}");
        }
    }

    #[test]
    fn a_share_is_remembered_until_it_is_forgotten() {
        let (_dir, home) = Home::temporary();
        let stack = || Stack::read(home.clone());
        assert!(shares(&stack()).unwrap().is_empty());
        let backup = Share { name: "backup".into(), read_write: true, ..example(Kind::Nfs) };
        remember(&home, &example(Kind::Cifs)).unwrap();
        remember(&home, &backup).unwrap();
        remember(&home, &backup).unwrap();
        assert_eq!(shares(&stack()).unwrap(), [example(Kind::Cifs), backup]);
        forget(&home, "backup").unwrap();
        assert_eq!(shares(&stack()).unwrap().len(), 1);
    }
}
