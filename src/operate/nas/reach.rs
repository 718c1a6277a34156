//! Whether a server is there: its name, then its port.

use crate::client::resolve;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a server in the same house may take.
const WITHIN: Duration = Duration::from_secs(3);

/// How a server shows itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Something listens there.
    Answers,
    /// Nobody knows the name.
    NoName,
    /// The machine is there and does not offer this.
    Refused,
    /// Nothing comes back, in these words.
    Silent(String),
}

/// Knocks.
pub async fn reach(host: &str, port: u16) -> Reach {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => match timeout(WITHIN, resolve::addresses(host)).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(_)) | Err(_) => return Reach::NoName,
        },
    };
    let mut last = Reach::NoName;
    for address in addresses {
        last = match timeout(WITHIN, TcpStream::connect(SocketAddr::new(address, port))).await {
            Ok(Ok(_)) => return Reach::Answers,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Reach::Refused,
            Ok(Err(error)) => Reach::Silent(error.to_string()),
            Err(_) => Reach::Silent(format!("no answer within {} s", WITHIN.as_secs())),
        };
    }
    last
}

impl Reach {
    /// What is wrong with a server, and what to do about it; `None` when it answers.
    #[must_use]
    pub fn trouble(&self, host: &str, kind: super::Kind) -> Option<(String, String)> {
        let (port, name) = (kind.port(), kind.name().to_uppercase());
        Some(match self {
            Self::Answers => return None,
            Self::NoName => (
                format!("the name {host} of the NAS is not known here"),
                format!("check the spelling, or use its address: --host 192.168.…  (try: getent hosts {host})"),
            ),
            Self::Refused => (
                format!("{host} is there and offers no {name}: nothing listens on port {port}"),
                format!("switch {name} on in the NAS' settings, or see whether --type is right"),
            ),
            Self::Silent(why) => (
                format!("the NAS {host} cannot be reached on port {port}: {why}"),
                "see that it is on and in this network, and that no firewall is between".to_owned(),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[tokio::test]
    async fn each_kind_of_absence_is_told_apart() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(reach("127.0.0.1", port).await, Reach::Answers);
        drop(listener);
        assert_eq!(reach("127.0.0.1", port).await, Reach::Refused);
        assert_eq!(reach("no-such-nas.invalid", 445).await, Reach::NoName);
        assert!(Reach::Refused.trouble("nas", Kind::Cifs).unwrap().0.contains("port 445"));
    }
}
