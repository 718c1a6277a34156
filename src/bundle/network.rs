//! The network: addresses, routes, what containers resolve, subnets that overlap, the firewall, who listens.

use super::engine;
use super::ground::Ground;
use super::sheet::Sheet;
use super::tray::Tray;
use anyhow::Result;
use serde_json::Value;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// What is asked in a container: its resolver, and whether it finds its neighbours.
const RESOLVE: &str = "cat /etc/resolv.conf; for name in postgres redis chromadb ollama backend host.docker.internal; do printf '%s ' \"$name\"; timeout 1 getent hosts \"$name\" || echo '(not found)'; done";

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let mut sheet = Sheet::default();
    sheet.files(&["/etc/resolv.conf", "/etc/hosts"]);
    sheet
        .tools(&[
            ("ip", &["-brief", "address"]),
            ("ip", &["route"]),
            ("ip", &["-6", "route"]),
            ("ip", &["-s", "-brief", "link"]),
            ("ss", &["-Hltnp"]),
            ("ss", &["-s"]),
            ("resolvectl", &["status", "--no-pager"]),
        ])
        .await;
    tray.text("network/host.txt", sheet.text());
    let mut wall = Sheet::default();
    wall.tools(&[
        ("ufw", &["status", "verbose"]),
        ("firewall-cmd", &["--list-all"]),
        ("iptables", &["-S"]),
        ("nft", &["list", "ruleset"]),
    ])
    .await;
    tray.text("network/firewall.txt", wall.text());
    let docker = ground.engine()?;
    let asked = ["postgres", "redis", "chromadb"].iter().find_map(|service| ground.running(service).ok());
    let (networks, resolved) = tokio::join!(engine::ask(docker, "/networks"), async {
        match asked {
            Some(container) => {
                docker.exec(&container.id, &["sh", "-c", RESOLVE]).await.map(|said| said.stdout + &said.stderr)
            }
            None => anyhow::bail!("no container that could be asked runs"),
        }
    });
    let mut inside = Sheet::default();
    inside.result("names as a container sees them", resolved);
    tray.text("network/containers.txt", inside.text());
    let networks = networks?;
    let routes = super::tool::ask("ip", &["route"]).await.unwrap_or_default();
    tray.text("network/subnets.txt", &subnets(&networks, &routes));
    Ok(())
}

/// The engine's subnets, and which of them the machine reaches in another way as well.
fn subnets(networks: &Value, routes: &str) -> String {
    let all = networks.as_array().into_iter().flatten();
    let mut text = String::new();
    let mut ours = Vec::new();
    for network in all {
        let name = network["Name"].as_str().unwrap_or_default();
        for config in network["IPAM"]["Config"].as_array().into_iter().flatten() {
            let subnet = config["Subnet"].as_str().unwrap_or_default();
            let _ = writeln!(text, "{name} {subnet} {}", network["Driver"].as_str().unwrap_or_default());
            ours.extend(Subnet::parse(subnet).map(|subnet| (name.to_owned(), subnet)));
        }
    }
    text.push_str("\n# overlaps\n");
    let before = text.len();
    for route in routes.lines().filter(|route| !bridge(route)) {
        let Some(other) = route.split_whitespace().next().and_then(Subnet::parse) else { continue };
        for (name, _) in ours.iter().filter(|(_, subnet)| subnet.overlaps(&other)) {
            let _ = writeln!(text, "{name} overlaps the route: {route}");
        }
    }
    if text.len() == before {
        text.push_str("(none)\n");
    }
    text
}

/// The engine's own routes.
fn bridge(route: &str) -> bool {
    ["dev docker", "dev br-", "dev veth"].iter().any(|device| route.contains(device)) || route.starts_with("default")
}

struct Subnet {
    first: u32,
    mask: u32,
}

impl Subnet {
    /// `172.18.0.0/16`, or an address alone.
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        Some(Self { first: u32::from(address) & mask, mask })
    }

    fn overlaps(&self, other: &Self) -> bool {
        let mask = self.mask & other.mask;
        self.first & mask == other.first & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_route_into_a_subnet_of_the_engine_is_told() {
        let networks = json!([{"Name": "tars-home_default", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}]);
        let routes = "default via 10.0.0.1 dev eth0\n172.18.0.0/16 dev br-1 proto kernel\n172.18.4.0/24 via 10.0.0.9 dev eth0\n10.0.0.0/24 dev eth0";
        let text = subnets(&networks, routes);
        assert!(text.contains("tars-home_default overlaps the route: 172.18.4.0/24 via"), "{text}");
        assert_eq!(text.matches("overlaps the route").count(), 1, "{text}");
        assert!(subnets(&networks, "10.0.0.0/24 dev eth0").contains("(none)"));
    }
}
