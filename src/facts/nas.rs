//! The network shares of the stack: whether each could be reached, is mounted, can be read, and is what the backend sees.

use super::fact::on_thread;
use crate::docker::Container;
use crate::operate::nas::login::{Login, login};
use crate::operate::nas::reach::{Reach, reach};
use crate::operate::nas::seen::{Seen, seen};
use crate::operate::nas::{Share, credentials, fstab, shares, table};
use crate::stack::Stack;
use anyhow::{Context, Result};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a listing may take before the share counts as hanging.
const LIST_WITHIN: Duration = Duration::from_secs(3);
/// How long name and port may take, and then the login: together less than the deadline of a fact.
const REACH_WITHIN: Duration = Duration::from_millis(2500);
const LOGIN_WITHIN: Duration = Duration::from_secs(2);

/// One share as it shows itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nas {
    /// What is wanted.
    pub share: Share,
    /// What is wrong with the settings themselves, if anything.
    pub problem: Option<String>,
    /// Whether it comes back after a reboot.
    pub persists: bool,
    /// The server.
    pub reach: Reach,
    /// The login; only tried where the share is not mounted.
    pub login: Login,
    /// What is mounted at its place.
    pub mounted: Option<table::Mount>,
    /// Entries of its top folder, or why it cannot be listed.
    pub entries: Result<usize, String>,
    /// What the backend's container sees there.
    pub seen: Seen,
    /// The file with the password: its path and mode; `None` where there is none.
    pub credentials: Option<(PathBuf, u32)>,
}

/// Looks at all of them side by side; an empty list where the stack has none.
pub(super) async fn look(root: &'static Path, stack: &Stack, containers: &[Container]) -> Result<Vec<Nas>> {
    let shares = shares(stack)?;
    let backend = containers.iter().find(|container| container.service() == "backend");
    Ok(join_all(shares.into_iter().map(|share| one(root, stack, share, backend))).await)
}

async fn one(root: &'static Path, stack: &Stack, share: Share, backend: Option<&Container>) -> Nas {
    let list = std::fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let mounted = table::at(&list, &share.mount_point);
    let file = credentials::file(&stack.home, &share.name);
    let (reach, entries) = tokio::join!(reached(&share), entries(&share.mount_point));
    let login = match (&mounted, &reach) {
        (None, Reach::Answers) => tokio::time::timeout(LOGIN_WITHIN, login(&share, &file))
            .await
            .unwrap_or_else(|_| Login::NotTried("the server takes too long".to_owned())),
        (None, _) => Login::NotTried("the server cannot be reached".to_owned()),
        (Some(_), _) => Login::NotTried("it is mounted".to_owned()),
    };
    let docs = PathBuf::from(stack.setting("TARS_DOCS_DIR"));
    Nas {
        problem: share.check().err().map(|error| error.to_string()),
        persists: fstab::has(&root.join("etc/fstab"), stack.project(), &share.name),
        seen: seen(root, &docs, &share.mount_point, backend),
        credentials: std::fs::metadata(&file).ok().map(|meta| (file, meta.permissions().mode() & 0o7777)),
        share,
        reach,
        login,
        mounted,
        entries,
    }
}

async fn reached(share: &Share) -> Reach {
    let reached = tokio::time::timeout(REACH_WITHIN, reach(&share.host, share.kind.port())).await;
    reached.unwrap_or_else(|_| Reach::Silent(format!("no answer within {} s", REACH_WITHIN.as_secs_f32())))
}

async fn entries(place: &Path) -> Result<usize, String> {
    let dir = place.to_owned();
    let listing = on_thread(move || Ok(std::fs::read_dir(&dir).with_context(|| dir.display().to_string())?.count()));
    match tokio::time::timeout(LIST_WITHIN, listing).await {
        Ok(listed) => listed.map_err(|error| format!("{error:#}")),
        Err(_) => Err(format!("no answer within {} s", LIST_WITHIN.as_secs())),
    }
}
