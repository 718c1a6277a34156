//! Names to addresses, in a static glibc binary.
//!
//! Static glibc loads the host's NSS modules of whatever version, and dies with SIGFPE where nsswitch.conf
//! names `mdns4_minimal`, `resolve` or `myhostname` (tried: built on Debian 12, run on Debian 13; stack-facts
//! I). So [`use_own_resolver`] restricts the process to the built-in `files` and `dns`, and what only the
//! host's modules can answer is asked of the host's own dynamic `getent`, in a child process.

use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::process::Command;

/// How long `getent` may take; mDNS answers within one second or never.
const GETENT_DEADLINE: Duration = Duration::from_secs(3);

/// A name that no way of asking could turn into an address.
#[derive(Debug, thiserror::Error)]
#[error("the name {0} cannot be resolved")]
pub struct NoSuchName(pub String);

/// Makes this process resolve names by its own built-in modules. Call it first thing in `main`, before any thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "glibc's one way to ignore nsswitch.conf; without it a static binary can die at a look-up"
)]
pub fn use_own_resolver() {
    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const std::ffi::c_char, line: *const std::ffi::c_char) -> std::ffi::c_int;
    }
    for (database, line) in [(c"hosts", c"files dns"), (c"passwd", c"files"), (c"group", c"files")] {
        // SAFETY: both are NUL-terminated constants that glibc copies; no other thread runs yet.
        let _ = unsafe { __nss_configure_lookup(database.as_ptr(), line.as_ptr()) };
    }
}

/// Other C libraries load no modules.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn use_own_resolver() {}

/// All addresses of `name`, in the order of preference.
///
/// `.local` names are asked of the host first, since plain DNS does not know them; single-label names only when
/// the plain look-up finds nothing.
///
/// # Errors
/// [`NoSuchName`].
pub async fn addresses(name: &str) -> Result<Vec<IpAddr>, NoSuchName> {
    let found = if is_multicast(name) {
        first_of(getent(name), plain(name)).await
    } else if name.contains('.') {
        plain(name).await
    } else {
        first_of(plain(name), getent(name)).await
    };
    if found.is_empty() { Err(NoSuchName(name.to_owned())) } else { Ok(found) }
}

/// The look-up above as `reqwest` wants it.
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = addresses(name.as_str()).await?;
            // Port 0: the URL's port is used.
            let sockets: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(sockets)
        })
    }
}

async fn first_of(first: impl Future<Output = Vec<IpAddr>>, second: impl Future<Output = Vec<IpAddr>>) -> Vec<IpAddr> {
    let found = first.await;
    if found.is_empty() { second.await } else { found }
}

async fn plain(name: &str) -> Vec<IpAddr> {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => found.map(|socket| socket.ip()).collect(),
        Err(_) => Vec::new(),
    }
}

// A host without getent (an image FROM scratch) has no such names either: no answer is no error.
async fn getent(name: &str) -> Vec<IpAddr> {
    if !is_hostname(name) {
        return Vec::new();
    }
    let mut command = Command::new("getent");
    command.args(["ahosts", name]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(GETENT_DEADLINE, command.output()).await {
        Ok(Ok(output)) => parse(&String::from_utf8_lossy(&output.stdout)),
        _ => Vec::new(),
    }
}

// One line per address and socket type: "192.168.1.4     STREAM ollama.local".
fn parse(output: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for address in output.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

fn is_multicast(name: &str) -> bool {
    name.trim_end_matches('.').rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("local"))
}

// Nothing that getent could take for an option.
fn is_hostname(name: &str) -> bool {
    !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn getent_lines_become_addresses_once_each() {
        let output = "127.0.0.1       STREAM localhost\n127.0.0.1       DGRAM\n::1  STREAM\nnonsense\n";
        assert_eq!(parse(output), ["127.0.0.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
    }

    #[test]
    fn an_option_is_no_host_name() {
        assert!(is_hostname("nas-1.local"));
        assert!(is_multicast("NAS.Local.") && !is_multicast("local") && !is_multicast("local.lan"));
        assert!(!is_hostname("--version"));
        assert!(!is_hostname("a b"));
    }

    #[tokio::test]
    async fn the_hosts_getent_answers_and_an_unknown_name_is_an_error() {
        use_own_resolver();
        assert!(!getent("localhost").await.is_empty(), "this test needs getent (libc-bin)");
        assert!(!addresses("localhost").await.unwrap().is_empty());
        let error = addresses("no-such-name.invalid").await.unwrap_err();
        assert_eq!(error.to_string(), "the name no-such-name.invalid cannot be resolved");
    }
}
