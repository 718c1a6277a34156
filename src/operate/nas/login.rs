//! Whether a server lets us in, asked by Samba's own client: user and password come from a file, never an argument.

use super::{Kind, Share};
use crate::operate::program;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const WITHIN: Duration = Duration::from_secs(15);

/// What came of signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// The share opened.
    Accepted,
    /// The server refuses this user or password, in its own words.
    Refused(String),
    /// The server lets us in and has no such share, or not for this user.
    NoShare(String),
    /// It was not tried, or came to no answer; why.
    NotTried(String),
}

/// Signs in and opens the share, once.
pub async fn login(share: &Share, credentials: &Path) -> Login {
    if share.kind == Kind::Nfs {
        return Login::NotTried("NFS knows no login: it goes by this machine's address".to_owned());
    }
    let Some(client) = program::here("smbclient") else {
        return Login::NotTried("smbclient is not installed".to_owned());
    };
    let (name, folder) = share.share.trim_matches('/').split_once('/').unwrap_or((share.share.trim_matches('/'), ""));
    let mut command = Command::new(client);
    command.arg(format!("//{}/{name}", share.host)).arg("-A").arg(credentials).args(["-t", "10", "-m", "SMB3"]);
    if !folder.is_empty() {
        command.arg("-D").arg(folder);
    }
    command.args(["-c", "quit"]).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(WITHIN, command.output()).await {
        Err(_) => Login::NotTried(format!("no answer within {} s", WITHIN.as_secs())),
        Ok(Err(error)) => Login::NotTried(format!("smbclient could not be run: {error}")),
        Ok(Ok(output)) => {
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            judge(output.status.success(), &said)
        }
    }
}

/// What smbclient's words mean; the codes are Windows' own and the same in every version.
fn judge(well: bool, said: &str) -> Login {
    const REFUSED: [&str; 7] = [
        "NT_STATUS_LOGON_FAILURE",
        "NT_STATUS_WRONG_PASSWORD",
        "NT_STATUS_NO_SUCH_USER",
        "NT_STATUS_ACCOUNT_DISABLED",
        "NT_STATUS_ACCOUNT_LOCKED_OUT",
        "NT_STATUS_PASSWORD_EXPIRED",
        "NT_STATUS_PASSWORD_MUST_CHANGE",
    ];
    const NO_SHARE: [&str; 4] = [
        "NT_STATUS_BAD_NETWORK_NAME",
        "NT_STATUS_ACCESS_DENIED",
        "NT_STATUS_OBJECT_NAME_NOT_FOUND",
        "NT_STATUS_OBJECT_PATH_NOT_FOUND",
    ];
    let code = said.split(|c: char| !c.is_ascii_uppercase() && c != '_').find(|word| word.starts_with("NT_STATUS_"));
    match code {
        Some(code) if REFUSED.contains(&code) => Login::Refused(code.to_owned()),
        Some(code) if NO_SHARE.contains(&code) => Login::NoShare(code.to_owned()),
        None if well => Login::Accepted,
        _ => Login::NotTried(said.lines().next_back().unwrap_or("smbclient says nothing").trim().to_owned()),
    }
}

impl Login {
    /// What is wrong, and what to do; `None` when nothing is known to be.
    #[must_use]
    pub fn trouble(&self, share: &Share) -> Option<(String, String)> {
        let (host, user, name) = (&share.host, &share.user, &share.share);
        match self {
            Self::Accepted | Self::NotTried(_) => None,
            Self::Refused(code) => Some((
                format!("the NAS {host} refuses the login of {user} ({code})"),
                format!(
                    "check user and password; a new one: tars nas mount --name {}, its file named after --credentials",
                    share.name
                ),
            )),
            Self::NoShare(code) => Some((
                format!("{user} may sign in at {host}, but the share {name} does not open ({code})"),
                format!("see which there are: smbclient -L //{host} -U {user}; then name it: --share NAME"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn the_servers_words_are_told_apart() {
        assert_eq!(judge(true, ""), Login::Accepted);
        let refused = judge(false, "session setup failed: NT_STATUS_LOGON_FAILURE\n");
        assert_eq!(refused, Login::Refused("NT_STATUS_LOGON_FAILURE".into()));
        assert!(refused.trouble(&example(Kind::Cifs)).unwrap().0.contains("refuses the login of reader"));
        let none = judge(false, "tree connect failed: NT_STATUS_BAD_NETWORK_NAME\n");
        assert!(matches!(none, Login::NoShare(_)));
        let odd = judge(false, "do_connect: Connection to x failed (Error NT_STATUS_IO_TIMEOUT)\n");
        assert!(matches!(odd, Login::NotTried(_)), "{odd:?}");
    }
}
