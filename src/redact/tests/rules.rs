//! Every rule against its own examples, and its line in the documentation.

use super::example::{Dice, fill};
use crate::{Redactor, rules};

#[test]
fn every_rule_finds_its_examples_and_spares_the_others() {
    let mut wrong = Vec::new();
    for rule in rules::all() {
        for (index, yes) in rule.yes.iter().enumerate() {
            let mut dice = Dice(index as u64 + 41);
            let (text, _) = fill(&yes.replace('¦', ""), &mut dice);
            let (_, secrets) = fill(yes, &mut Dice(index as u64 + 41));
            let out = Redactor::default().text(&format!("{text}\n")).into_owned();
            let hard = secrets.iter().filter(|secret| secret.len() > 5);
            if out == format!("{text}\n")
                || hard
                    .clone()
                    .any(|secret| out.contains(secret.as_str()) && !yes.contains(&format!("{{d{}", secret.len())))
            {
                wrong.push(format!("{}: {yes} gave {out}", rule.id));
            }
        }
        for no in rule.no {
            let out = Redactor::default().text(no).into_owned();
            if out != **no {
                wrong.push(format!("{}: {no} became {out}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rule_ids_are_unique() {
    let mut ids: Vec<_> = rules::all().iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

/// `TARS_BLESS=1 cargo test` writes the table; without it the test says that it is stale.
#[test]
fn the_documentation_lists_every_rule() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/SUPPORT_BUNDLE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (open, close) =
        ("<!-- rules: written by `TARS_BLESS=1 cargo test documentation` -->\n", "<!-- end of rules -->");
    let (before, rest) = text.split_once(open).unwrap();
    let (_, after) = rest.split_once(close).unwrap();
    let fresh = format!("{before}{open}{}{close}{after}", rules::table());
    if std::env::var_os("TARS_BLESS").is_some() {
        std::fs::write(path, &fresh).unwrap();
    } else {
        assert!(text == fresh, "docs/SUPPORT_BUNDLE.md is stale: TARS_BLESS=1 cargo test documentation");
    }
}
