//! Whether the images' registry can be reached from here.

use crate::client::registry::{Reach, reach};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where the pinned images come from.
pub const DOCKER_HUB: &str = "https://registry-1.docker.io";

/// What came of asking the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registry {
    /// It was not asked: the doctor stays offline.
    NotAsked,
    /// It answers with this HTTP status.
    Answers(u16),
    /// It has had too many questions from here; seconds to wait, where it says so.
    TooMany(Option<u64>),
    /// No answer.
    Unreachable {
        /// One sentence.
        why: String,
        /// Time ran out: a second try may work.
        timed_out: bool,
    },
}

/// Asks for at most `deadline`, which is part of the answer and no failure to look.
pub(super) async fn look(url: Option<&str>, deadline: Duration) -> Registry {
    let Some(url) = url else { return Registry::NotAsked };
    match reach(url, deadline).await {
        Reach::Answers { status } => Registry::Answers(status),
        Reach::TooMany { retry_after } => Registry::TooMany(retry_after.map(|wait| wait.as_secs())),
        Reach::Unreachable { why, timed_out } => Registry::Unreachable { why, timed_out },
    }
}
