//! The stack's containers: state, limits, mounts, networks, what the health probes said, what they use now.
//!
//! Of `inspect` only what is named here enters: labels and variables of an operator's own may hold anything.

use super::engine;
use super::ground::Ground;
use super::text;
use super::tray::Tray;
use crate::docker::{Container, Docker};
use crate::redact::is_secret_key;
use crate::stack::env;
use anyhow::Result;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

const STATE: &[&str] = &[
    "Status",
    "Running",
    "Paused",
    "Restarting",
    "OOMKilled",
    "Dead",
    "Pid",
    "ExitCode",
    "Error",
    "StartedAt",
    "FinishedAt",
];
const HOST: &[&str] = &[
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "NanoCpus",
    "CpuShares",
    "CpuQuota",
    "CpusetCpus",
    "PidsLimit",
    "ShmSize",
    "OomKillDisable",
    "RestartPolicy",
    "LogConfig",
    "NetworkMode",
    "PortBindings",
    "Privileged",
    "ReadonlyRootfs",
    "CapAdd",
    "CapDrop",
    "SecurityOpt",
    "Devices",
    "DeviceRequests",
    "Ulimits",
    "ExtraHosts",
    "Dns",
    "Tmpfs",
    "Runtime",
    "UsernsMode",
    "CgroupParent",
    "IpcMode",
    "PidMode",
    "Init",
];
/// Labels that say something about the stack and nothing about its operator.
const LABELS: &[&str] = &["com.docker.compose.", "io.tars.", "org.opencontainers.image."];
/// Variables whose values may be seen; those of the settings' table come on top.
const VARIABLES: &[&str] = &[
    "PATH",
    "LANG",
    "TZ",
    "PGDATA",
    "PG_MAJOR",
    "PG_VERSION",
    "POSTGRES_DB",
    "POSTGRES_USER",
    "POSTGRES_INITDB_ARGS",
    "REDIS_VERSION",
    "REDIS_MAXMEMORY",
    "RUST_LOG",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "TARS_POSTGRES_HOST",
    "TARS_POSTGRES_PORT",
    "TARS_REDIS_HOST",
    "TARS_REDIS_PORT",
    "TARS_CHROMA_URL",
];
const PREFIXES: &[&str] = &["OLLAMA_", "CHROMA_", "CUDA_"];

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let docker = ground.engine()?;
    let looked = ground.containers.iter().map(|container| look(docker, container, tray));
    let failed: Vec<_> = join_all(looked).await.into_iter().filter_map(Result::err).collect();
    for error in failed {
        tray.note("containers", &format!("{error:#}"));
    }
    Ok(())
}

async fn look(docker: &Docker, container: &Container, tray: &Tray) -> Result<()> {
    let path = format!("/containers/{}", container.id);
    let (whole, stats_path) = (format!("{path}/json"), format!("{path}/stats?stream=false&one-shot=true"));
    let (inspected, stats) = tokio::join!(engine::ask(docker, &whole), engine::ask(docker, &stats_path));
    let inspected = inspected?;
    let mut seen = told(&inspected);
    match stats {
        Ok(stats) => seen["stats"] = used(&stats),
        Err(error) => tray.note(&format!("containers/{}", container.name), &format!("no figures: {error:#}")),
    }
    happened(tray, container, &inspected);
    tray.json(&format!("containers/{}.json", container.name), &seen);
    Ok(())
}

/// What is passed on of `inspect`.
fn told(inspected: &Value) -> Value {
    let (config, host) = (&inspected["Config"], &inspected["HostConfig"]);
    json!({
        "name": inspected["Name"], "id": inspected["Id"], "created": inspected["Created"],
        "image": config["Image"], "image_id": inspected["Image"],
        "state": only(&inspected["State"], STATE), "restarts": inspected["RestartCount"],
        "health": health(&inspected["State"]["Health"]),
        "command": line(&config["Cmd"]), "entrypoint": line(&config["Entrypoint"]), "user": config["User"],
        "healthcheck": line(&config["Healthcheck"]["Test"]), "stop_signal": config["StopSignal"],
        "variables": variables(&config["Env"]), "labels": labels(&config["Labels"]),
        "limits": only(host, HOST), "mounts": inspected["Mounts"],
        "networks": inspected["NetworkSettings"]["Networks"], "ports": inspected["NetworkSettings"]["Ports"],
        "log_path": inspected["LogPath"],
    })
}

fn only(value: &Value, keys: &[&str]) -> Value {
    let kept = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(*key)?.clone())));
    Value::Object(kept.filter(|(_, value)| !value.is_null()).collect())
}

/// A command as one line: what stands behind a flag is then seen as its value.
fn line(words: &Value) -> Value {
    let words = words.as_array().map(|words| words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    words.map_or(Value::Null, Value::String)
}

fn variables(lines: &Value) -> Value {
    let lines = lines.as_array().into_iter().flatten().filter_map(Value::as_str);
    let shown = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        let known = VARIABLES.contains(&key)
            || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
            || env::key(key).is_some_and(|row| row.kind != env::Kind::Secret);
        let value = if known && !is_secret_key(key) { value } else { "[not shown]" };
        (key.to_owned(), Value::String(value.to_owned()))
    };
    Value::Object(lines.map(shown).collect::<Map<_, _>>())
}

/// Whether a label is compose's, an image's or the stack's own; all others are the operator's.
pub(super) fn is_own_label(key: &str) -> bool {
    LABELS.iter().any(|prefix| key.starts_with(prefix))
}

/// A document in which no object called `labels` holds an operator's own.
pub(super) fn without_others_labels(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_others_labels(item.take())),
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                *field = without_others_labels(field.take());
                if let (true, Some(labels)) = (key.eq_ignore_ascii_case("labels"), field.as_object_mut()) {
                    labels.retain(|key, _| is_own_label(key));
                }
            }
        }
        _ => {}
    }
    value
}

fn labels(labels: &Value) -> Value {
    let all = labels.as_object().into_iter().flatten();
    let (ours, others): (Vec<_>, Vec<_>) = all.partition(|(key, _)| is_own_label(key));
    let mut shown: Map<_, _> = ours.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    if !others.is_empty() {
        shown.insert("others".to_owned(), json!(others.len()));
    }
    Value::Object(shown)
}

fn health(health: &Value) -> Value {
    let probes = health["Log"].as_array().into_iter().flatten().map(|probe| {
        let said: String = probe["Output"].as_str().unwrap_or_default().chars().take(400).collect();
        let said = text::of_log("", &said);
        json!({ "start": probe["Start"], "exit": probe["ExitCode"], "said": said.trim() })
    });
    match health {
        Value::Null => Value::Null,
        _ => {
            json!({ "status": health["Status"], "failing": health["FailingStreak"], "probes": probes.collect::<Vec<_>>() })
        }
    }
}

fn used(stats: &Value) -> Value {
    json!({
        "memory_bytes": stats["memory_stats"]["usage"], "memory_limit_bytes": stats["memory_stats"]["limit"],
        "memory_anon_bytes": stats["memory_stats"]["stats"].get("anon").or_else(|| stats["memory_stats"]["stats"].get("rss")),
        "cpu_ns": stats["cpu_stats"]["cpu_usage"]["total_usage"], "throttled": stats["cpu_stats"]["throttling_data"],
        "pids": stats["pids_stats"]["current"], "io": stats["blkio_stats"]["io_service_bytes_recursive"],
        "networks": stats["networks"],
    })
}

fn happened(tray: &Tray, container: &Container, inspected: &Value) {
    let state = &inspected["State"];
    let at = |key: &str| state[key].as_str().filter(|at| !at.starts_with("0001")).map(str::to_owned);
    if let Some(at) = at("StartedAt") {
        tray.happened(&at, &format!("container {} was started", container.name));
    }
    if let Some(at) = at("FinishedAt").filter(|_| !container.runs()) {
        let oom = if container.oom_killed { ", killed for want of memory" } else { "" };
        tray.happened(&at, &format!("container {} ended with status {}{oom}", container.name, container.exit_code));
    }
    if let Some(at) = inspected["Created"].as_str() {
        tray.happened(at, &format!("container {} was made from {}", container.name, container.image));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_an_operators_own_leave_a_document() {
        let facts =
            json!({"containers": {"known": [{"name": "x", "labels": {"io.tars.stack": "1", "note": "MARKER"}}]}});
        let clean = without_others_labels(facts);
        assert_eq!(clean, json!({"containers": {"known": [{"name": "x", "labels": {"io.tars.stack": "1"}}]}}));
    }

    #[test]
    fn only_what_is_named_passes() {
        let inspected = json!({
            "Name": "/x", "Config": {
                "Env": ["TARS_LLM=none", "TARS_JWT_SECRET=MARKER", "MY_OWN=MARKER", "OLLAMA_KEEP_ALIVE=5m"],
                "Labels": {"io.tars.stack": "1", "note": "MARKER"}, "Cmd": ["serve", "--x"], "Hostname": "MARKER",
            },
            "HostConfig": {"Memory": 7, "Binds": ["MARKER"]},
            "State": {"Status": "running", "Health": {"Status": "healthy", "Log": [{"ExitCode": 0, "Output": "{\"prompt\":\"MARKER\"}"}]}},
        });
        let told = told(&inspected);
        assert!(!told.to_string().contains("MARKER"), "{told:#}");
        assert_eq!((&told["variables"]["TARS_LLM"], &told["limits"]["Memory"]), (&json!("none"), &json!(7)));
        assert_eq!((&told["labels"]["others"], &told["command"]), (&json!(1), &json!("serve --x")));
        assert_eq!(told["health"]["status"], "healthy");
    }
}
