//! Log lines: one JSON object each, on stdout, where Docker collects them.

use tracing::Level;
use tracing_subscriber::EnvFilter;

/// Starts logging at `level`; libraries are heard from warnings on. Without effect when somebody logs already.
pub(super) fn init(level: Level) {
    let least = level.min(Level::WARN);
    let filter = EnvFilter::new(format!("{least},tars={level}"));
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .try_init();
}
