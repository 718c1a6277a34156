//! What the engine says, in our own words; the facts serialise these.

use crate::stack::{HOME_LABEL, PROJECT_LABEL, SERVICE_LABEL};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The engine itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Engine {
    /// Its version, as `28.2.2`.
    pub version: String,
    /// Where it keeps images and volumes.
    pub root: String,
    /// The distribution it runs on.
    pub os: String,
    /// Whether it runs without root.
    pub rootless: bool,
    /// The runtimes it can start (`runc`, `nvidia`).
    pub runtimes: Vec<String>,
    /// The devices it found through CDI (`nvidia.com/gpu=all`).
    pub devices: Vec<String>,
}

impl From<bollard::models::SystemInfo> for Engine {
    fn from(info: bollard::models::SystemInfo) -> Self {
        let security = info.security_options.unwrap_or_default();
        let mut runtimes: Vec<_> = info.runtimes.unwrap_or_default().into_keys().collect();
        runtimes.sort();
        Self {
            version: info.server_version.unwrap_or_default(),
            root: info.docker_root_dir.unwrap_or_default(),
            os: info.operating_system.unwrap_or_default(),
            rootless: security.iter().any(|option| option.contains("rootless")),
            runtimes,
            devices: info.discovered_devices.unwrap_or_default().into_iter().filter_map(|device| device.id).collect(),
        }
    }
}

/// A container's state as the engine names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Ended and about to be started again.
    Restarting,
    /// Ended.
    Exited,
    /// Going away, or beyond repair.
    Dead,
}

/// What the image's or compose's own health probe last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// What the last probe printed.
    pub last_output: String,
    /// How many probes in a row have failed.
    #[serde(default)]
    pub failing: i64,
}

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The volume's name; empty for a bind mount.
    pub volume: String,
    /// The directory on the host.
    pub source: String,
    /// The directory in the container.
    pub destination: String,
    /// Whether the container may write to it.
    pub writable: bool,
}

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port {
    /// The address it is bound to on the host.
    pub address: String,
    /// The host's port.
    pub host: u16,
    /// The container's port.
    pub container: u16,
}

/// One container, as inspected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name without the leading slash.
    pub name: String,
    /// The image's name it was made from.
    pub image: String,
    /// The image's id it was made from.
    pub image_id: String,
    /// What it does.
    pub status: Status,
    /// What its health probe says, if it has one.
    pub health: Option<Health>,
    /// The exit code of its last run.
    pub exit_code: i64,
    /// How often the engine has started it again.
    pub restarts: i64,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// Process id of its first process; 0 when it does not run.
    pub pid: i64,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// Its published ports.
    pub ports: Vec<Port>,
    /// Its health probe as it was made with (`CMD`, `sh`, …); empty when it has none.
    #[serde(default)]
    pub probe: Vec<String>,
    /// What writes its log: `json-file`, `local`, `journald`, …
    #[serde(default)]
    pub log_driver: String,
    /// The size at which its log begins anew; empty when it grows without bound.
    #[serde(default)]
    pub log_max: String,
    /// Where on the host its own layer lies, with what it has written beside its volumes; empty where the engine's
    /// storage does not say.
    #[serde(default)]
    pub layer: String,
    /// Whether it was made with GPUs.
    #[serde(default)]
    pub gpus: bool,
    /// Its environment, secrets included: for the redactor to learn, never serialised.
    #[serde(skip)]
    pub env: Environment,
}

/// Variables of a container. Shows nothing of them.
#[derive(Clone, Default)]
pub struct Environment(pub Vec<(String, String)>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} variables", self.0.len())
    }
}

impl Container {
    /// The compose service it belongs to.
    #[must_use]
    pub fn service(&self) -> &str {
        self.label(SERVICE_LABEL)
    }

    /// The compose project it belongs to.
    #[must_use]
    pub fn project(&self) -> &str {
        self.label(PROJECT_LABEL)
    }

    /// The home of the stack it belongs to: the directory that compose ran in; empty when compose did not make it.
    #[must_use]
    pub fn home(&self) -> &str {
        self.label(HOME_LABEL)
    }

    /// A label's value; empty when it has none.
    #[must_use]
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// Whether it runs (paused or restarting is not running).
    #[must_use]
    pub fn runs(&self) -> bool {
        self.status == Status::Running
    }
}

/// One image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its names.
    pub tags: Vec<String>,
    /// The digests the registry knows it under.
    pub digests: Vec<String>,
    /// Bytes on disk.
    pub bytes: u64,
    /// When it was made, in seconds since the epoch; 0 when it does not say.
    #[serde(default)]
    pub created_s: i64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// One named volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Where its files are on the host.
    pub mountpoint: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// One network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// How far a pull is, over all layers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulling {
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all, as far as announced.
    pub total: u64,
}

/// A throw-away container for a run's own work.
#[derive(Clone, Debug, Default)]
pub struct HelperSpec {
    /// Its image.
    pub image: String,
    /// Its name; the engine makes one up when empty.
    pub name: String,
    /// What it runs, in place of the image's entrypoint; with `own_entrypoint` what that is given.
    pub command: Vec<String>,
    /// Whether the image's own entrypoint stays.
    pub own_entrypoint: bool,
    /// `NAME=value`. Secrets go here, never into `command`.
    pub env: Vec<String>,
    /// The user it runs as; the image's own when empty.
    pub user: String,
    /// Names that others of its network reach it by, beside its own.
    pub aliases: Vec<String>,
    /// Bytes of shared memory; the engine's default when 0.
    pub shm_bytes: i64,
    /// Ports published on loopback: the container's → the host's (0: the engine chooses).
    pub loopback_ports: Vec<(u16, u16)>,
    /// `bridge`, `host`, `none`, or a network's name; the engine's default when empty.
    pub network: String,
    /// Extra `name:address` lines for its hosts file.
    pub hosts: Vec<String>,
    /// `volume:path[:ro]`.
    pub binds: Vec<String>,
    /// Whether it asks for every GPU.
    pub gpu: bool,
    /// The signal that stops it, where it is not SIGTERM.
    pub stop_signal: Option<String>,
    /// It stays after its run, for a look: no sweep takes it.
    pub kept: bool,
    /// The run it belongs to; recovery sweeps by it.
    pub run: String,
    /// The home of the stack it belongs to; other stacks' runs leave it alone.
    pub home: String,
}
