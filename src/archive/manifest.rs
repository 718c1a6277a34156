//! `manifest.json`, the first member: what the archive is, and what was meant to be in it.
//!
//! It is written before anything is read from the stack; what came of it stands in [`super::Outcome`].

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of the format that this program writes.
pub const FORMAT: u32 = 2;

/// What the archive is. Fields that a newer `tars` added survive reading and writing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// [`FORMAT`]; 1 stands for the archives of the bash scripts.
    pub format: u32,
    /// The version of `tars` that wrote it.
    pub version: String,
    /// The archive's own name without endings, which is its root directory too; filled in by the writer.
    pub archive: String,
    /// When it was begun, RFC 3339.
    pub created: String,
    /// The run that wrote it.
    pub run: String,
    /// The compose project.
    pub project: String,
    /// Whether the whole archive is encrypted; filled in by the writer.
    pub encrypted: bool,
    /// The components that were asked for.
    pub asked: Vec<String>,
    /// The images that the services ran, by service.
    pub images: BTreeMap<String, ImageRecord>,
    /// The servers' versions: `postgres`, `redis`, `chroma`.
    pub servers: BTreeMap<String, String>,
    /// Every mount of every container, and what becomes of it.
    pub mounts: Vec<MountRecord>,
    /// A short keyed fingerprint of the key that the data needs.
    pub key_id: Option<String>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// An image as the engine names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageRecord {
    /// The name in the settings.
    pub name: String,
    /// The image's id, `sha256:…`.
    pub id: String,
    /// Digests in registries, if it came from one.
    pub digests: Vec<String>,
}

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRecord {
    /// The container's name.
    pub container: String,
    /// The path inside it.
    pub destination: String,
    /// The volume's name, or the path on the host.
    pub source: String,
    /// What kind it is.
    pub kind: MountKind,
    /// Whether the container may write there.
    pub writable: bool,
    /// What becomes of its content.
    pub fate: MountFate,
}

/// The kinds of mounts that hold data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// A named volume.
    Volume,
    /// A path of the host.
    Bind,
    /// A volume without a name of its own.
    Anonymous,
}

/// Whether a mount's content is in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountFate {
    /// It is, as a component.
    Saved,
    /// It is left out for this reason.
    Excluded(String),
    /// Nobody saves it, and nobody said why.
    Uncovered,
}
