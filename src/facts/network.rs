//! The addresses of this machine that the whole Internet could reach: published ports on them bypass the firewall's
//! usual rules.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Addresses that are no private ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Public addresses of this machine's own interfaces.
    pub public: Vec<IpAddr>,
}

/// Reads the kernel's own lists.
pub(super) fn look(root: &Path) -> Result<Network> {
    let trie = root.join("proc/net/fib_trie");
    let four = std::fs::read_to_string(&trie).with_context(|| format!("could not read {}", trie.display()))?;
    // A kernel without IPv6 has no such file.
    let six = std::fs::read_to_string(root.join("proc/net/if_inet6")).unwrap_or_default();
    let four = local_v4(&four).filter(|address| is_public_v4(*address)).map(IpAddr::V4);
    let six = six.lines().filter_map(v6).filter(|address| is_public_v6(*address)).map(IpAddr::V6);
    let mut public: Vec<_> = four.chain(six).collect();
    public.sort();
    public.dedup();
    Ok(Network { public })
}

/// `|-- 192.168.1.7` followed by `/32 host LOCAL`: an address of this machine's own.
fn local_v4(text: &str) -> impl Iterator<Item = Ipv4Addr> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let found: Vec<_> = lines
        .windows(2)
        .filter(|pair| pair[1] == "/32 host LOCAL")
        .filter_map(|pair| pair[0].trim_start_matches("|-- ").parse().ok())
        .collect();
    found.into_iter()
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // 100.64.0.0/10 is a carrier's own network.
    let [a, b, ..] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_documentation()
        || address.is_broadcast()
        || a == 100 && (64..128).contains(&b)
        || a >= 224)
}

/// `2a00…0001 02 40 00 80 eth0`: 32 digits, index, prefix, scope (00 is global), flags, name.
fn v6(line: &str) -> Option<Ipv6Addr> {
    let digits = line.split_whitespace().next()?;
    u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)
}

/// 2000::/3 without the documentation's prefix.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    (0x2000..0x4000).contains(&first) && !(first == 0x2001 && second == 0x0db8)
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;

    #[test]
    fn only_what_the_internet_can_reach_counts() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.168.1.7\n        /32 host LOCAL\n     |-- 8.8.4.4\n        /32 host LOCAL\n\
                    |-- 8.8.4.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        let six = "00000000000000000000000000000001 01 80 10 80       lo\nfe80000000000000021122fffe334455 02 40 20 80     eth0\n\
                   fd000000000000000000000000000005 02 40 00 80     eth0\n2a01023456780000000000000000abcd 02 40 00 80     eth0\n";
        let root = root(&[("proc/net/fib_trie", trie), ("proc/net/if_inet6", six)]);
        let public: Vec<_> = look(root.path()).unwrap().public.iter().map(ToString::to_string).collect();
        assert_eq!(public, ["8.8.4.4", "2a01:234:5678::abcd"]);
        look(Path::new("/")).unwrap();
    }
}
