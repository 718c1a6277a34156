//! Postgres: users, conversations, documents' records. Facts: over the socket `pg_isready` is green while the
//! first start still initialises; over TCP it is not.

use super::{Probe, Service, State, Volume};

pub(super) const SERVICE: Service = Service {
    name: "postgres",
    image_setting: "TARS_IMAGE_POSTGRES",
    image: "postgres:15-alpine",
    recipe: Some(&crate::stack::images::POSTGRES),
    port: 5432,
    port_setting: "TARS_PORT_POSTGRES",
    probe: Probe {
        command: &[
            "sh",
            "-c",
            "PGPASSWORD=\"$POSTGRES_PASSWORD\" psql -h 127.0.0.1 -U \"$POSTGRES_USER\" -d \"$POSTGRES_DB\" -XAtqc 'select 1' | grep -qx 1",
        ],
        asks: "logs in over TCP and answers `select 1`",
    },
    volumes: &[Volume {
        key: "postgres_data",
        setting: "TARS_VOLUME_POSTGRES",
        path: "/var/lib/postgresql/data",
        generations: true,
    }],
    state: Some(State::Dump),
};
