//! What every check has to show, and one broken fact for each.

mod broken;
mod ills;
mod live;
mod nas;
mod shape;

use super::{ALL, Answer, Fix, run};
use crate::facts::Facts;

/// The answer of one check.
fn ask(id: &str, facts: &Facts) -> Answer {
    let check = ALL.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no check {id}"));
    run([check], facts).remove(0).answer
}

/// The answer after one change of healthy facts: a JSON pointer below the facts and its new value.
fn with(id: &str, pointer: &str, value: serde_json::Value) -> Answer {
    ask(id, &changed(&[(pointer, value)]))
}

/// Healthy facts with these places changed.
fn changed(changes: &[(&str, serde_json::Value)]) -> Facts {
    let mut facts = serde_json::to_value(Facts::healthy()).unwrap();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = facts.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}"));
        match parent {
            serde_json::Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
            object => object[key] = value.clone(),
        }
    }
    serde_json::from_value(facts).unwrap()
}

/// The problem and hint of the only finding.
fn only(answer: &Answer) -> (&str, &str) {
    let [finding] = answer.findings() else { panic!("{answer:?}") };
    (&finding.problem, &finding.hint)
}

fn fix(answer: &Answer) -> Option<&Fix> {
    answer.findings().first().and_then(|finding| finding.fix.as_ref())
}
