//! The compose files of the home: as shipped, of another version, edited or gone; and what compose itself says of them.
//!
//! Compose is asked only where something differs from what is shipped (or every time with `deep`): the shipped files
//! with every setting there are valid by the tests of this program, and the old compose takes most of a second.

use crate::operate::compose::Compose;
use crate::operate::settings::{self, Shape};
use crate::stack::Stack;
use crate::stack::home::Home;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Each shipped file, by its name.
    pub shapes: BTreeMap<String, Shape>,
    /// The files that `COMPOSE_FILE` names and that are not there.
    pub absent: Vec<String>,
    /// What compose says of them; `None` when it was not asked.
    pub refusal: Option<Verdict>,
}

/// What compose said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing against them.
    Accepted,
    /// Its last words.
    Refused(String),
}

impl Files {
    /// The files in use that the operator edited, with how many lines differ.
    pub fn edited(&self) -> impl Iterator<Item = (&str, usize)> {
        self.shapes.iter().filter_map(|(name, shape)| match shape {
            Shape::Edited(lines) => Some((name.as_str(), *lines)),
            _ => None,
        })
    }
}

/// Reads the files.
pub(super) fn look(home: &Home, listed: &str) -> Result<Files> {
    let shapes = settings::shapes(home)?;
    let there = |name: &&str| home.path().join(name).exists();
    let absent = listed.split(':').filter(|name| !name.is_empty() && !there(name)).map(str::to_owned).collect();
    Ok(Files { shapes, absent, refusal: None })
}

/// Whether compose has to be asked: somebody else than this program wrote what it will read.
pub(super) fn needs_compose(files: &Files, listed: &str) -> bool {
    let shipped = |name: &str| files.shapes.get(name) == Some(&Shape::Shipped);
    files.absent.is_empty() && listed.split(':').any(|name| !name.is_empty() && !shipped(name))
}

/// Asks compose.
pub(super) async fn ask(stack: &Stack) -> Result<Verdict> {
    let refusal = Compose::find().await?.refusal(stack).await?;
    Ok(refusal.map_or(Verdict::Accepted, Verdict::Refused))
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;
    use crate::stack::compose::MAIN;

    #[test]
    fn edited_files_are_told_from_old_and_shipped_ones() {
        let shipped = crate::stack::compose::FILES[0].1;
        let home = root(&[(MAIN, &shipped.replace("10m", "1g")), ("state/x", "")]);
        let files = look(&Home::at(home.path()), &format!("{MAIN}:mine.yml")).unwrap();
        assert_eq!(files.edited().collect::<Vec<_>>(), [(MAIN, 2)]);
        assert_eq!(files.absent, ["mine.yml"]);
        assert!(!needs_compose(&files, MAIN), "what is not there is said first");
        let files = Files { absent: Vec::new(), ..files };
        assert!(needs_compose(&files, MAIN));
        std::fs::write(home.path().join(MAIN), shipped).unwrap();
        let files = look(&Home::at(home.path()), MAIN).unwrap();
        assert!(!needs_compose(&files, MAIN) && needs_compose(&files, &format!("{MAIN}:mine.yml")));
    }
}
