//! Redis: cache and queues. Facts: `redis-cli` exits 0 on `NOAUTH` and `LOADING`, so the answer itself is read;
//! 7.2 is the last release under the BSD licence.

use super::{Probe, Service, State, Volume};

pub(super) const SERVICE: Service = Service {
    name: "redis",
    image_setting: "TARS_IMAGE_REDIS",
    image: "redis:7.2-alpine",
    recipe: Some(&crate::stack::images::REDIS),
    port: 6379,
    port_setting: "TARS_PORT_REDIS",
    probe: Probe { command: &["sh", "-c", "redis-cli -e ping | grep -qx PONG"], asks: "answers PING" },
    volumes: &[Volume { key: "redis_data", setting: "TARS_VOLUME_REDIS", path: "/data", generations: true }],
    state: Some(State::Snapshot),
};
