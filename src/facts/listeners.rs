//! Who listens on this machine's TCP ports, from `/proc/net/tcp{,6}`; the process behind one, from `/proc/PID/fd`.

use anyhow::{Context, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// One socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    inode: u64,
}

impl Listener {
    /// Whether it keeps others from listening on `address`. `[::]` mostly takes IPv4 as well.
    pub(super) fn blocks(&self, address: IpAddr) -> bool {
        let everything = self.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let same_family = self.address.is_ipv4() == address.is_ipv4();
        let meets = self.address == address || self.address.is_unspecified() || address.is_unspecified();
        everything || (same_family && meets) || (address == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && self.address.is_ipv4())
    }
}

/// Every listening socket of this network namespace.
pub(super) fn all(root: &Path) -> Result<Vec<Listener>> {
    let four = root.join("proc/net/tcp");
    let text = std::fs::read_to_string(&four).with_context(|| format!("could not read {}", four.display()))?;
    // A kernel without IPv6 has no second file.
    let six = std::fs::read_to_string(root.join("proc/net/tcp6")).unwrap_or_default();
    Ok(text.lines().chain(six.lines()).filter_map(listener).collect())
}

/// `sl local_address rem_address st …`: state 0A is LISTEN, the tenth word is the inode.
fn listener(line: &str) -> Option<Listener> {
    let words: Vec<_> = line.split_whitespace().collect();
    let (local, &"0A", inode) = (words.get(1)?, words.get(3)?, words.get(9)?) else { return None };
    let (address, port) = local.split_once(':')?;
    Some(Listener {
        address: self::address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: inode.parse().ok()?,
    })
}

/// The kernel prints each 32-bit word in the machine's own byte order.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    if hex.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let words = [word(0)?, word(8)?, word(16)?, word(24)?];
    let bytes: [u8; 16] = words.concat().try_into().ok()?;
    Some(Ipv6Addr::from(bytes).to_canonical())
}

/// The process that holds a socket: id and name. `None` when this user may not see it.
pub(super) fn process(root: &Path, listener: &Listener) -> Option<(u32, String)> {
    let link = format!("socket:[{}]", listener.inode);
    let processes = root.join("proc").read_dir().ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find_map(|pid: u32| {
        let dir = root.join(format!("proc/{pid}"));
        let holds =
            |fd: std::fs::DirEntry| std::fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == link.as_str());
        dir.join("fd").read_dir().ok()?.flatten().any(holds).then(|| {
            let name = std::fs::read_to_string(dir.join("comm")).unwrap_or_default();
            (pid, name.trim().to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Listener {
        Listener { address: address.parse().unwrap(), port: 1, inode: 1 }
    }

    #[test]
    fn a_live_listener_is_found_with_its_process() {
        for local in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = std::net::TcpListener::bind(local) else { continue };
            let local = socket.local_addr().unwrap();
            let found: Vec<_> = all(Path::new("/")).unwrap().into_iter().filter(|it| it.port == local.port()).collect();
            assert_eq!(found[0].address, local.ip());
            assert_eq!(process(Path::new("/"), &found[0]).unwrap().0, std::process::id());
        }
    }

    #[test]
    fn addresses_meet_as_the_kernel_has_it() {
        let (any, loopback, lan) = ([0, 0, 0, 0].into(), [127, 0, 0, 1].into(), [192, 168, 1, 2].into());
        assert!(at("0.0.0.0").blocks(loopback) && at("::").blocks(loopback) && at("127.0.0.1").blocks(any));
        assert!(!at("127.0.0.1").blocks(lan) && !at("::1").blocks(any));
        assert!(at("127.0.0.1").blocks("::".parse().unwrap()));
    }
}
