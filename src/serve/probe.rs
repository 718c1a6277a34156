//! The container's health check: the same binary asks its own `/health`, since an image FROM scratch has no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, anyhow};

use crate::client::api::Api;

/// Asks the backend that listens on `listen`; well only when it answers 200 and says it is healthy.
///
/// # Errors
/// With one sentence on what is wrong.
pub async fn probe(listen: SocketAddr) -> Result<()> {
    let health = Api::new(&format!("http://{}", reachable(listen)))?.health().await?;
    if health.status == "healthy" {
        return Ok(());
    }
    Err(anyhow!("the backend says it is {}", health.status))
}

// "All interfaces" is no address to connect to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_interfaces_are_asked_on_loopback() {
        let asked = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(asked("[::]:8000"), "[::1]:8000");
        assert_eq!(asked("10.0.0.5:9"), "10.0.0.5:9");
    }
}
