//! Where a request comes from. `X-Forwarded-For` is believed only as far as trusted proxies have written it: read from
//! the right, the first address that is no trusted proxy is the client's.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use axum::extract::Request;
use axum::http::HeaderMap;

use super::frame::Peer;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared = |one: u128, other: u128, width: u32| {
            let rest = width - u32::from(self.bits).min(width);
            rest >= width || one.checked_shr(rest) == other.checked_shr(rest)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => shared(own.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => shared(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| ())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.trim().parse().map_err(|_| ()))?;
        if bits > width { Err(()) } else { Ok(Self { address, bits }) }
    }
}

/// The client's address.
pub(super) fn of(request: &Request, trusted: &[Network]) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip());
    through(peer.to_canonical(), request.headers(), trusted)
}

fn through(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut client = peer;
    for word in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_proxy(client) {
            break;
        }
        let Ok(before) = word.trim().parse::<IpAddr>() else { break };
        client = before.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let name = axum::http::HeaderName::from_static(FORWARDED_FOR);
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(name.clone(), line.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        through(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(seen("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(seen("9.9.9.9", &["1.1.1.1"], &["10.0.0.0/8"]), "9.9.9.9");
        // Behind the proxy, only what the proxy itself has written counts.
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 2.2.2.2"], &["10.0.0.0/8"]), "2.2.2.2");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "2.2.2.2, 10.9.9.9"], &["10.0.0.0/8"]), "2.2.2.2");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn networks_are_read_and_asked() {
        let network = |text: &str| text.parse::<Network>().unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(network("172.16.0.0/12").contains(address("172.31.255.255")));
        assert!(!network("172.16.0.0/12").contains(address("172.32.0.1")));
        assert!(network("0.0.0.0/0").contains(address("1.2.3.4")) && !network("0.0.0.0/0").contains(address("::1")));
        assert!(network("192.168.1.7").contains(address("::ffff:192.168.1.7")));
        assert!(network("fd00::/8").contains(address("fd12::1")) && network("::/0").contains(address("::1")));
        for odd in ["", "x", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/x"] {
            assert!(odd.parse::<Network>().is_err(), "{odd}");
        }
    }
}
