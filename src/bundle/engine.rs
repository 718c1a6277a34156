//! The engine: what it says of itself, its settings, what happened in it, what it keeps on the disk.

use super::containers::without_others_labels;
use super::ground::Ground;
use super::sheet::Sheet;
use super::tray::Tray;
use crate::client::tunnel::Tunnel;
use crate::docker::Docker;
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;

/// Shorter than a collector's deadline, so that the question that hangs is named.
const WITHIN: Duration = Duration::from_millis(3_500);
const EVENTS_MAX: usize = 400;

/// Asks the engine's own API; the answer is passed on as it is, whatever its version.
pub(super) async fn ask(docker: &Docker, path: &str) -> Result<Value> {
    Tunnel::open(docker.raw().await?, WITHIN).await?.get(path).await
}

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let mut host = Sheet::default();
    host.files(&["/etc/docker/daemon.json"]);
    host.tools(&[
        ("docker", &["--version"]),
        ("docker", &["compose", "version"]),
        ("containerd", &["--version"]),
        ("runc", &["--version"]),
    ])
    .await;
    host.tools(&[(
        "journalctl",
        &["-u", "docker", "-u", "containerd", "-n", "200", "--no-pager", "-q", "-o", "short-iso"],
    )])
    .await;
    tray.text("engine/host.txt", host.text());
    let docker = ground.engine()?;
    let (info, version, events) = tokio::join!(ask(docker, "/info"), ask(docker, "/version"), events(docker));
    keep(tray, "engine/info.json", info);
    keep(tray, "engine/version.json", version);
    match events {
        Ok(events) => {
            tell(tray, &events);
            let lines: Vec<_> = events.iter().map(line).collect();
            tray.system_log("engine/events.log", &lines.join("\n"));
        }
        Err(error) => tray.note("engine/events.log", &format!("{error:#}")),
    }
    Ok(())
}

fn keep(tray: &Tray, path: &str, answer: Result<Value>) {
    match answer {
        Ok(value) => tray.json(path, &without_others_labels(value)),
        Err(error) => tray.note(path, &format!("{error:#}")),
    }
}

/// What lies on the disk, by volume. It is counted file by file, which may take longer than there is.
pub(super) async fn disk_use(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let docker = ground.engine()?;
    let listed = ground.engine()?.volumes().await?;
    // Engines before 23 know no `type` and count everything.
    let answer = ask(docker, "/system/df?type=volume").await;
    let size = |name: &str| {
        let all = answer.as_ref().ok()?.get("Volumes")?.as_array()?;
        all.iter().find(|volume| volume["Name"] == name)?["UsageData"]["Size"].as_i64()
    };
    let volumes: Vec<_> = listed
        .iter()
        .map(|volume| json!({ "name": volume.name, "bytes": size(&volume.name), "mountpoint": volume.mountpoint }))
        .collect();
    tray.json("engine/volumes.json", &Value::Array(volumes));
    answer.map(drop).map_err(|error| error.context("sizes of volumes are missing"))
}

/// The last day, as far as the engine remembers: some hundred events, without those of the health probes.
async fn events(docker: &Docker) -> Result<Vec<Value>> {
    let now = jiff::Timestamp::now().as_second();
    let kinds = [
        "create",
        "start",
        "die",
        "oom",
        "kill",
        "stop",
        "restart",
        "destroy",
        "rename",
        "pause",
        "unpause",
        "pull",
        "delete",
        "mount",
        "reload",
        "connect",
        "disconnect",
    ];
    let filters = json!({ "event": kinds }).to_string();
    let filters = percent_encoding::utf8_percent_encode(&filters, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/events?since={}&until={now}&filters={filters}", now - 86_400);
    let text = Tunnel::open(docker.raw().await?, WITHIN).await?.text(&path).await?;
    let mut events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    anyhow::ensure!(!events.is_empty() || text.trim().is_empty(), "the engine's events cannot be read");
    events.drain(..events.len().saturating_sub(EVENTS_MAX));
    Ok(events)
}

fn time(event: &Value) -> String {
    let seconds = event["time"].as_i64().unwrap_or_default();
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}

fn line(event: &Value) -> String {
    let about = &event["Actor"]["Attributes"];
    let name = about["name"].as_str().or_else(|| event["Actor"]["ID"].as_str()).unwrap_or_default();
    let code = about["exitCode"].as_str().map_or_else(String::new, |code| format!(" exit={code}"));
    let signal = about["signal"].as_str().map_or_else(String::new, |signal| format!(" signal={signal}"));
    let word = |key: &str| event[key].as_str().unwrap_or_default();
    format!("{} {} {} {name}{code}{signal}", time(event), word("Type"), word("Action"))
}

fn tell(tray: &Tray, events: &[Value]) {
    let telling = ["die", "oom", "start", "destroy", "pull", "reload"];
    let told = events.iter().filter(|event| {
        event["Action"].as_str().is_some_and(|action| telling.contains(&action)) && event["Type"] != "network"
    });
    for event in told {
        tray.happened(&time(event), line(event).split_once(' ').map_or("", |(_, rest)| rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = json!({"time": 1_795_000_000, "Type": "container", "Action": "die",
            "Actor": {"ID": "abc", "Attributes": {"name": "tars-home-redis", "exitCode": "137", "my.label": "x"}}});
        assert_eq!(line(&event), "2026-11-18T11:06:40Z container die tars-home-redis exit=137");
    }
}
