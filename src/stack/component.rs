//! The parts of a stack that an archive can hold, by the names that people type and reports show.

use super::service::{self, Volume};
use serde::{Deserialize, Serialize};

/// One part of the stack's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Users, conversations, the documents' records.
    Postgres,
    /// The vectors.
    Chromadb,
    /// Cache and queues: what can be made again.
    Redis,
    /// Originals of uploads.
    Documents,
    /// Ollama's models: content-addressed, no generations.
    Models,
}

impl Component {
    /// Every component, in the order that reports show.
    pub const ALL: [Component; 5] = [Self::Postgres, Self::Chromadb, Self::Redis, Self::Documents, Self::Models];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Chromadb => "chromadb",
            Self::Redis => "redis",
            Self::Documents => "documents",
            Self::Models => "models",
        }
    }

    /// The volume that holds it.
    ///
    /// # Panics
    /// Never: a test holds that every component has its row.
    #[must_use]
    pub fn volume(self) -> &'static Volume {
        let key = match self {
            Self::Postgres => "postgres_data",
            Self::Chromadb => "chroma_data",
            Self::Redis => "redis_data",
            Self::Documents => "documents",
            Self::Models => "ollama_data",
        };
        let found = service::volumes().map(|(_, volume)| volume).find(|volume| volume.key == key);
        found.expect("every component has a volume's row")
    }
}

impl std::fmt::Display for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Component {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text {
            "chroma" => "chromadb",
            "ollama" => "models",
            other => other,
        };
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|component| component.name() == name).ok_or_else(|| format!("one of {}", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_has_a_volume_and_only_models_have_no_generations() {
        for component in Component::ALL {
            assert_eq!(component.volume().generations, component != Component::Models, "{component}");
            assert_eq!(component.name().parse(), Ok(component));
        }
        let rows = service::volumes().filter(|(_, volume)| volume.generations).count();
        assert_eq!(rows, Component::ALL.len() - 1, "a volume with generations that no archive holds");
    }
}
