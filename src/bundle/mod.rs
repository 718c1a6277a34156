//! The support bundle: what a support engineer needs of this machine and this stack, and not one secret.
//!
//! ```text
//! collectors, side by side ─▶ Tray: names, texts, Clean ─▶ members ─▶ fit ─▶ written ─▶ proven ─▶ its name
//! ```
//! One file per family of collectors; each runs under a deadline, and one that fails leaves a note. A [`Tray`] takes
//! nothing but what has been through the redactor. Nothing here prints, asks, or changes the stack. What a finding means
//! is [`crate::check`]'s business.

mod compose;
mod containers;
mod documents;
mod engine;
mod fit;
mod gpu;
mod ground;
mod logs;
mod machine;
mod names;
mod nas;
mod network;
mod page;
mod postgres;
mod proof;
mod settings;
mod sheet;
mod state;
mod stores;
mod system;
#[cfg(test)]
mod tests;
mod text;
mod tool;
mod tray;
mod verdicts;
mod write;

pub use documents::names_of;
pub use ground::{Ground, Options, secrets};
pub use names::Names;
pub use proof::Leak;
pub use tray::{Happening, Kind, Member, Note, Tray};
pub use write::{File, Made, NAME_PREFIX, Plan, facts_of, plan, write};

use anyhow::Result;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// How long a collector may take. What it has put into the tray by then stays.
pub const DEADLINE: Duration = Duration::from_secs(4);

/// One thing that is looked at.
struct Collector {
    /// The folder that its members stand in, and the name in the notes.
    name: &'static str,
    /// Whether there is nothing to look at without an engine.
    engine: bool,
    run: for<'a> fn(&'a Ground<'a>, &'a Tray) -> BoxFuture<'a, Result<()>>,
}

const ALL: &[Collector] = &[
    Collector { name: "verdicts", engine: false, run: |ground, tray| verdicts::collect(ground, tray).boxed() },
    Collector { name: "system", engine: false, run: |_, tray| system::collect(tray).boxed() },
    Collector { name: "system/machine", engine: false, run: |_, tray| machine::collect(tray).boxed() },
    Collector { name: "engine", engine: false, run: |ground, tray| engine::collect(ground, tray).boxed() },
    Collector { name: "engine/disk-use", engine: true, run: |ground, tray| engine::disk_use(ground, tray).boxed() },
    Collector { name: "containers", engine: true, run: |ground, tray| containers::collect(ground, tray).boxed() },
    Collector { name: "logs", engine: true, run: |ground, tray| logs::collect(ground, tray).boxed() },
    Collector {
        name: "stack/settings",
        engine: false,
        run: |ground, tray| {
            async move {
                settings::collect(ground, tray);
                Ok(())
            }
            .boxed()
        },
    },
    Collector { name: "stack/compose", engine: false, run: |ground, tray| compose::collect(ground, tray).boxed() },
    Collector {
        name: "stack/state",
        engine: false,
        run: |ground, tray| {
            async move {
                state::collect(ground, tray);
                Ok(())
            }
            .boxed()
        },
    },
    Collector { name: "stores/postgres", engine: true, run: |ground, tray| postgres::collect(ground, tray).boxed() },
    Collector { name: "stores/redis", engine: true, run: |ground, tray| stores::redis(ground, tray).boxed() },
    Collector { name: "stores/chroma", engine: true, run: |ground, tray| stores::chroma(ground, tray).boxed() },
    Collector { name: "stores/ollama", engine: true, run: |ground, tray| stores::ollama(ground, tray).boxed() },
    Collector { name: "stores/backend", engine: false, run: |ground, tray| stores::backend(ground, tray).boxed() },
    Collector { name: "gpu", engine: false, run: |_, tray| gpu::collect(tray).boxed() },
    Collector { name: "nas", engine: false, run: |ground, tray| nas::collect(ground, tray).boxed() },
    Collector { name: "network", engine: false, run: |ground, tray| network::collect(ground, tray).boxed() },
];

/// Looks at everything, side by side. Never fails: what could not be seen is a note in the tray.
pub async fn collect(ground: &Ground<'_>, tray: &Tray) {
    join_all(ALL.iter().map(|collector| look(collector, ground, tray))).await;
}

async fn look(collector: &Collector, ground: &Ground<'_>, tray: &Tray) {
    if let (true, Err(error)) = (collector.engine, &ground.docker) {
        return tray.note(collector.name, &format!("not looked at: {error:#}"));
    }
    // A collector that breaks is one thing not seen; the others go on.
    let looking = AssertUnwindSafe((collector.run)(ground, tray)).catch_unwind();
    match tokio::time::timeout(DEADLINE, looking).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tray.note(collector.name, &format!("{error:#}")),
        Ok(Err(_)) => tray.note(collector.name, "the collector itself broke; please report it"),
        Err(_) => tray
            .note(collector.name, &format!("took longer than {} s; what had come by then is here", DEADLINE.as_secs())),
    }
}
