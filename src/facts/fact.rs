//! One thing looked at: known, or why not. Also the two ways of looking under a deadline.

use crate::error::causes_of;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::time::Duration;

/// A value that was read, or the sentence that says why it could not be. Never a guess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// What was seen.
    Known(T),
    /// Why nothing was seen.
    Unknown(String),
}

/// The error of a fact that is not known; a check that meets it answers "unknown".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotKnown(pub String);

impl<T> Fact<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    /// When it is not known.
    pub fn known(&self) -> Result<&T, NotKnown> {
        match self {
            Fact::Known(value) => Ok(value),
            Fact::Unknown(why) => Err(NotKnown(why.clone())),
        }
    }

    /// A fact drawn from this one; what is not known stays so, for the same reason.
    pub fn map<U>(&self, draw: impl FnOnce(&T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(draw(value)),
            Fact::Unknown(why) => Fact::Unknown(why.clone()),
        }
    }
}

/// Facts of another version of `tars` may lack what this one asks for.
impl<T> Default for Fact<T> {
    fn default() -> Self {
        Fact::Unknown("it was not looked at".to_owned())
    }
}

impl<T> From<Result<T>> for Fact<T> {
    fn from(looked: Result<T>) -> Self {
        match looked {
            Ok(value) => Fact::Known(value),
            Err(error) => Fact::Unknown(causes_of(&error).join(": ")),
        }
    }
}

/// Looks for at most `deadline`; `what` names the thing in the sentence that says it took too long.
pub(super) async fn within<T>(deadline: Duration, what: &str, look: impl Future<Output = Result<T>>) -> Fact<T> {
    match tokio::time::timeout(deadline, look).await {
        Ok(looked) => looked.into(),
        Err(_) => Fact::Unknown(format!("{what} did not show itself within {} s", deadline.as_secs_f32())),
    }
}

/// Looks on a thread of its own: a file on a dead NAS may block for ever, and tokio's own blocking threads would
/// keep the program from ending.
///
/// # Errors
/// Those of looking itself, and when it panics.
pub async fn on_thread<T: Send + 'static>(look: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("facts".to_owned())
        .spawn(move || tell.send(look()))
        .context("could not start a thread to look")?;
    told.await.context("looking broke off")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_hangs_or_fails_is_not_known_and_says_why() {
        let hangs = on_thread(|| {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        });
        let fact = within(Duration::from_millis(20), "the disk", hangs).await;
        assert_eq!(fact, Fact::Unknown("the disk did not show itself within 0.02 s".into()));
        let fails = on_thread(|| Err::<(), _>(anyhow::anyhow!("no such file").context("could not read x")));
        assert_eq!(
            within(Duration::from_secs(5), "x", fails).await,
            Fact::Unknown("could not read x: no such file".into())
        );
        let panics = on_thread(|| -> Result<()> { panic!("on purpose") });
        assert!(
            matches!(within(Duration::from_secs(5), "x", panics).await, Fact::Unknown(why) if why.starts_with("looking broke off"))
        );
    }

    #[test]
    fn a_fact_survives_json() {
        let both = [Fact::Known(7), Fact::Unknown("no".into())];
        let json = serde_json::to_string(&both).unwrap();
        assert_eq!(json, r#"[{"known":7},{"unknown":"no"}]"#);
        assert_eq!(serde_json::from_str::<[Fact<u8>; 2]>(&json).unwrap(), both);
    }
}
