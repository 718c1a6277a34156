//! ChromaDB: the vectors. Facts: 1.x writes to `/data`, has no curl and no authentication, and its files may
//! only be copied while it is stopped.

use super::{Probe, Service, State, Volume};

pub(super) const SERVICE: Service = Service {
    name: "chromadb",
    image_setting: "TARS_IMAGE_CHROMA",
    image: "chromadb/chroma:1.5.9",
    recipe: Some(&crate::stack::images::CHROMA),
    port: 8000,
    port_setting: "TARS_PORT_CHROMA",
    probe: Probe {
        command: &[
            "/bin/bash",
            "-c",
            "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /api/v2/heartbeat HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && grep -q 'nanosecond heartbeat' <&3",
        ],
        asks: "answers its v2 heartbeat",
    },
    volumes: &[Volume { key: "chroma_data", setting: "TARS_VOLUME_CHROMA", path: "/data", generations: true }],
    state: Some(State::Directory),
};
