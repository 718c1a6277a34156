//! Ollama's models, blob by blob: each blob's name is its sum, and every blob that a manifest names must be there.
//!
//! Of the volume only `models/` is taken. Beside it lies the private key of that Ollama, which belongs to nobody else;
//! unfinished downloads are worth nothing.

use crate::archive::{Fate, Kind, Member, ModelsRecord, Sum, Visit};
use anyhow::{Result, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The largest manifest that is read; real ones have a few kilobytes.
const MANIFEST_BYTES: u64 = 1 << 20;

/// Chooses and checks the files.
#[derive(Debug, Default)]
pub struct Models {
    blobs: BTreeMap<String, u64>,
    manifests: Vec<(String, Shared)>,
    damaged: Vec<String>,
}

/// What flows into the archive, kept in memory as well.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

#[derive(Deserialize)]
struct Manifest {
    config: Layer,
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
}

impl Models {
    /// What was saved.
    ///
    /// # Errors
    /// When a blob is not what its name says, or a manifest names one that is not there.
    pub fn record(&self) -> Result<ModelsRecord> {
        ensure!(self.damaged.is_empty(), "these blobs are not what their names say: {}", self.damaged.join(", "));
        let mut missing = BTreeSet::new();
        for (name, content) in &self.manifests {
            let content = content.0.lock().unwrap_or_else(PoisonError::into_inner);
            let manifest = serde_json::from_slice::<Manifest>(&content);
            ensure!(manifest.is_ok(), "the manifest {name} cannot be read");
            let layers = manifest.into_iter().flat_map(|manifest| manifest.layers.into_iter().chain([manifest.config]));
            missing.extend(
                layers.map(|layer| layer.digest.replace(':', "-")).filter(|blob| !self.blobs.contains_key(blob)),
            );
        }
        ensure!(missing.is_empty(), "blobs are missing: {}", missing.into_iter().collect::<Vec<_>>().join(", "));
        Ok(ModelsRecord {
            manifests: self.manifests.len() as u64,
            blobs: self.blobs.len() as u64,
            bytes: self.blobs.values().sum(),
        })
    }
}

impl Visit for Models {
    fn see(&mut self, entry: &Member) -> Result<Fate> {
        let path = entry.path.as_str();
        let below = |dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        Ok(match entry.kind {
            Kind::Directory if path.is_empty() || path == "models" || path == "models/blobs" => Fate::Keep,
            Kind::Directory if below("models/manifests") => Fate::Keep,
            Kind::File if blob(path).is_some() => Fate::Keep,
            Kind::File if below("models/manifests") && entry.size <= MANIFEST_BYTES => {
                let content = Shared::default();
                self.manifests.push((path.to_owned(), content.clone()));
                Fate::Tee(Box::new(content))
            }
            _ => Fate::Skip,
        })
    }

    fn saved(&mut self, entry: &Member, sum: Sum) -> Result<()> {
        if let Some(digits) = blob(&entry.path) {
            if Sum::parse(digits) == Some(sum) {
                self.blobs.insert(format!("sha256-{digits}"), entry.size);
            } else {
                self.damaged.push(format!("sha256-{digits}"));
            }
        }
        Ok(())
    }
}

/// The 64 digits of a whole blob's name; `…-partial` has more.
fn blob(path: &str) -> Option<&str> {
    path.strip_prefix("models/blobs/sha256-").filter(|digits| Sum::parse(digits).is_some())
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visited(files: &[(&str, &[u8])]) -> (Models, Vec<String>) {
        let (mut models, mut kept) = (Models::default(), Vec::new());
        for (path, content) in files {
            let size = content.len() as u64;
            let entry = Member {
                path: (*path).to_owned(),
                kind: Kind::File,
                size,
                mode: 0,
                uid: 0,
                gid: 0,
                mtime: 0,
                link: None,
            };
            match models.see(&entry).unwrap() {
                Fate::Skip => continue,
                Fate::Keep => {}
                Fate::Tee(mut to) => to.write_all(content).unwrap(),
            }
            models.saved(&entry, Sum::of(content)).unwrap();
            kept.push((*path).to_owned());
        }
        (models, kept)
    }

    fn name(content: &[u8]) -> String {
        format!("models/blobs/sha256-{}", Sum::of(content))
    }

    #[test]
    fn the_key_beside_the_models_and_unfinished_blobs_are_never_taken() {
        let (blob, partial) = (name(b"weights"), format!("{}-partial", name(b"half")));
        let (models, kept) =
            visited(&[("id_ed25519", b"key"), ("models/x", b""), (&blob, b"weights"), (&partial, b"ha")]);
        assert_eq!(kept, [blob]);
        assert_eq!(models.record().unwrap(), ModelsRecord { manifests: 0, blobs: 1, bytes: 7 });
    }

    #[test]
    fn a_damaged_and_a_missing_blob_are_found() {
        let damaged = visited(&[(&name(b"weights"), b"weightz")]).0.record().unwrap_err();
        assert!(damaged.to_string().contains("not what their names say"), "{damaged}");
        let manifest = format!("{{\"config\":{{\"digest\":\"sha256:{}\"}}}}", Sum::of(b"weights"));
        let path = "models/manifests/registry.ollama.ai/library/m/latest";
        let missing = visited(&[(path, manifest.as_bytes())]).0.record().unwrap_err();
        assert!(missing.to_string().contains("missing"), "{missing}");
        let whole = visited(&[(&name(b"weights"), b"weights"), (path, manifest.as_bytes())]).0;
        assert_eq!(whole.record().unwrap().manifests, 1);
    }
}
