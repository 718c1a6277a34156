//! Ollama: the chat and embedding models. Facts: image 0.32.15 has no curl; `ollama list` asks its API.

use super::{Probe, Service, State, Volume};

pub(super) const SERVICE: Service = Service {
    name: "ollama",
    image_setting: "TARS_IMAGE_OLLAMA",
    image: "ollama/ollama:0.32.15",
    recipe: None,
    port: 11434,
    port_setting: "TARS_PORT_OLLAMA",
    probe: Probe { command: &["ollama", "list"], asks: "lists its models" },
    volumes: &[Volume { key: "ollama_data", setting: "TARS_VOLUME_OLLAMA", path: "/root/.ollama", generations: false }],
    state: Some(State::Models),
};
