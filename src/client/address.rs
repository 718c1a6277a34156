//! Where a service is: a base URL that was read once and is right from then on.
//!
//! Accepts what people type (`host:11434`, a trailing slash) and refuses what cannot work with a sentence.
//! User information in a URL is used for the request and never shown.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::error::Failure;
use crate::exit::Exit;

/// Endings by which a name stays inside the machine or the home network.
const LOCAL_ENDINGS: [&str; 5] = [".local", ".lan", ".internal", ".home.arpa", ".localhost"];

/// A base address: scheme, host, port and perhaps a path prefix.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads an address as people type it; `default_port` is meant where there is neither scheme nor port.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Usage`] and a hint when it is no usable http or https address.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, Failure> {
        let typed = text.trim();
        let bare = !typed.contains("://");
        let full = if bare { format!("http://{typed}") } else { typed.to_owned() };
        let mut url = Url::parse(&full).map_err(|error| refusal(&error.to_string()))?;
        check(&url)?;
        if bare && !names_port(typed) {
            let _ = url.set_port(Some(default_port));
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&prefix);
        Ok(Self(url))
    }

    /// The URL of `path` (which begins with a slash and may end in `?query`) below this address.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    /// `host:port`, for sentences.
    #[must_use]
    pub fn place(&self) -> String {
        let port = self.0.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.0.host_str().unwrap_or_default())
    }

    /// The host name or address, as written.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether TLS, and so CA certificates, are needed.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it lies on this machine, in the compose network or in the home network, where a proxy has no business.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.host().trim_matches(['[', ']']);
        match host.parse::<IpAddr>() {
            Ok(ip) => is_private(ip),
            Err(_) => !host.contains('.') || LOCAL_ENDINGS.iter().any(|ending| host.ends_with(ending)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.0.scheme())?;
        f.write_str(self.host())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

fn check(url: &Url) -> Result<(), Failure> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refusal(&format!("it begins with {}://", url.scheme())));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refusal("a base address has no ? and no #"));
    }
    if let Some(end) = ["/api", "/v1"].into_iter().find(|end| url.path().trim_end_matches('/').ends_with(end)) {
        return Err(refusal(&format!("leave {end} away: it is added where it is needed")));
    }
    Ok(())
}

// The text is not repeated: it may hold a password.
fn refusal(why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("this is no address of an HTTP service: {why}"))
        .hint("write http://HOST:PORT, for example http://192.168.1.20:11434")
}

// `Url` drops a port that equals the scheme's own, so "host:80" must be seen in the text.
fn names_port(typed: &str) -> bool {
    let authority = typed.split('/').next().unwrap_or_default();
    let after_brackets = authority.rsplit(']').next().unwrap_or_default();
    after_brackets.rsplit('@').next().unwrap_or_default().contains(':')
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Address::parse(text, 11434).map_or_else(|failure| failure.message, |address| address.to_string())
    }

    #[test]
    fn what_people_type_becomes_a_base_address() {
        assert_eq!(shown("ollama"), "http://ollama:11434");
        assert_eq!(shown("host:11434/"), "http://host:11434");
        assert_eq!(shown(" http://host:11434// "), "http://host:11434");
        assert_eq!(shown("[::1]"), "http://[::1]:11434");
        assert_eq!(shown("[::1]:80"), "http://[::1]");
        assert_eq!(shown("https://models.example/ollama/"), "https://models.example/ollama");
        assert_eq!(shown("http://host"), "http://host");
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        for bad in ["ftp://host", "http://host:99999", "", "http://host/api", "http://host?x=1", "ho st"] {
            let failure = Address::parse(bad, 11434).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{bad}");
            assert!(failure.hint.is_some());
        }
    }

    #[test]
    fn a_path_is_added_below_the_prefix_and_user_information_is_not_shown() {
        let address = Address::parse("http://user:geheim@host:1/pre/", 1).unwrap();
        assert_eq!(address.join("/api/tags").as_str(), "http://user:geheim@host:1/pre/api/tags");
        assert_eq!(address.join("/x?limit=2").as_str(), "http://user:geheim@host:1/pre/x?limit=2");
        assert_eq!(
            format!("{address} {address:?} {}", address.place()),
            "http://host:1/pre Address(http://host:1/pre) host:1"
        );
    }

    #[test]
    fn compose_names_and_private_addresses_are_local() {
        for local in ["chromadb", "127.0.0.1", "192.168.1.4", "[::1]", "nas.local", "host.docker.internal", "localhost"]
        {
            assert!(Address::parse(local, 1).unwrap().is_local(), "{local}");
        }
        for remote in ["registry-1.docker.io", "1.1.1.1", "[2606:4700::1]"] {
            assert!(!Address::parse(remote, 1).unwrap().is_local(), "{remote}");
        }
    }
}
