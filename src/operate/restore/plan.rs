//! What a restore will bring and what stays, and why; decided before anything is made. Pure.

use super::source::Source;
use crate::error::Failure;
use crate::exit::Exit;
use crate::stack::Stack;
use crate::stack::component::Component;
use anyhow::Result;
use std::collections::BTreeSet;

/// What becomes of each component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What the archive brings.
    pub restored: BTreeSet<Component>,
    /// What stays as it is, and why.
    pub kept: Vec<(Component, String)>,
}

/// Decides. `asked` are the components that the operator named; none for all that the archive has.
///
/// # Errors
/// When a named component is not in the archive, nothing would be restored, or Postgres and Chroma, whose ids belong
/// together, would come from two times and `force` is not given.
pub fn decide(source: &Source, stack: &Stack, asked: &[Component], force: bool) -> Result<Plan> {
    let mut plan = Plan::default();
    for component in Component::ALL {
        if !asked.is_empty() && !asked.contains(&component) {
            plan.kept.push((component, "not asked for".to_owned()));
            continue;
        }
        match obstacle(source, stack, component) {
            None => {
                plan.restored.insert(component);
            }
            Some(why) if asked.contains(&component) => {
                return Err(Failure::new(Exit::Unavailable, format!("{component} cannot be restored: {why}"))
                    .hint("choose another archive: tars restore lists them")
                    .into());
            }
            Some(why) => plan.kept.push((component, why)),
        }
    }
    if plan.restored.is_empty() {
        return Err(Failure::new(Exit::Unavailable, format!("{} holds nothing to restore", source.name()))
            .hint("choose another archive: tars restore lists them")
            .into());
    }
    refuse_halves(&plan, force)?;
    Ok(plan)
}

fn obstacle(source: &Source, stack: &Stack, component: Component) -> Option<String> {
    let elsewhere = component == Component::Models && stack.setting("TARS_LLM") != "container";
    source
        .lacks(component)
        .or_else(|| elsewhere.then(|| "the models are not in a container of this stack (TARS_LLM)".to_owned()))
}

/// A conversation in Postgres names vectors in Chroma.
fn refuse_halves(plan: &Plan, force: bool) -> Result<()> {
    let has = |component| plan.restored.contains(&component);
    let (brought, stays) = match (has(Component::Postgres), has(Component::Chromadb)) {
        (true, false) => (Component::Postgres, Component::Chromadb),
        (false, true) => (Component::Chromadb, Component::Postgres),
        _ => return Ok(()),
    };
    if force {
        return Ok(());
    }
    let why = plan.kept.iter().find(|(component, _)| *component == stays).map_or("", |(_, why)| why);
    Err(Failure::new(
        Exit::Usage,
        format!("{brought} would be older than {stays} ({why}), and the ids of the two belong together"),
    )
    .hint("restore both; or say that this is wanted: --force")
    .into())
}

impl Plan {
    /// The components whose volumes are made anew.
    #[must_use]
    pub fn volumes(&self) -> BTreeSet<Component> {
        self.restored.iter().copied().filter(|component| component.volume().generations).collect()
    }
}
