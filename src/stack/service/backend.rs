//! The backend: this very binary, run as `tars serve` in an image that `tars` imports from itself.

use super::{Probe, Service, State, Volume};

pub(super) const SERVICE: Service = Service {
    name: "backend",
    image_setting: "TARS_IMAGE_BACKEND",
    image: "",
    recipe: None,
    port: 8000,
    port_setting: "TARS_PORT_API",
    probe: Probe { command: &["/tars", "serve", "--probe"], asks: "answers /health" },
    volumes: &[
        Volume {
            key: "documents",
            setting: "TARS_VOLUME_DOCUMENTS",
            path: "/var/lib/tars/documents",
            generations: true,
        },
        Volume { key: "backend_logs", setting: "TARS_VOLUME_LOGS", path: "/var/log/tars", generations: false },
    ],
    state: Some(State::Directory),
};
