//! What holds for every check alike.

use super::super::space::TYPICAL;
use super::*;
use crate::stack::service;
use std::collections::HashSet;

#[test]
fn ids_are_unique_and_family_dot_name() {
    let mut seen = HashSet::new();
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    for check in ALL {
        assert!(seen.insert(check.id), "{} stands twice", check.id);
        assert!(check.id.split_once('.').is_some_and(|(family, name)| word(family) && word(name)), "{}", check.id);
    }
}

#[test]
fn every_family_has_a_file_of_its_name() {
    let families = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/check")).unwrap();
    let files: HashSet<_> =
        families.map(|file| file.unwrap().file_name().to_string_lossy().replace(".rs", "")).collect();
    for check in ALL {
        let family = check.id.split('.').next().unwrap();
        assert!(files.contains(family), "{} has no file", check.id);
    }
    // The other way round: a file with a check in it that the list forgot.
    let machinery = ["mod", "finding", "fix", "cause", "run", "space", "tests"];
    for file in files.iter().filter(|file| !machinery.contains(&file.as_str())) {
        let source = std::fs::read_to_string(format!("{}/src/check/{file}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let listed = ALL.iter().filter(|check| check.id.starts_with(&format!("{file}."))).count();
        assert_eq!(source.matches(": Check =").count(), listed, "{file}.rs has checks that ALL does not list");
    }
}

#[test]
fn titles_are_sentences_that_are_true_when_healthy() {
    for check in ALL {
        let words = check.title.split_whitespace().count();
        assert!((4..=12).contains(&words) && !check.title.ends_with('.'), "{}: {}", check.id, check.title);
        assert!(!check.title.starts_with(char::is_uppercase), "{}: like every message here", check.id);
    }
}

#[test]
fn a_healthy_machine_has_no_finding() {
    for outcome in run(ALL, &Facts::healthy()) {
        // With every image there nobody asks a registry.
        let well = outcome.answer == Answer::Well || outcome.id == "registry.reachable";
        assert!(well, "{}: {:?}", outcome.id, outcome.answer);
    }
}

#[test]
fn facts_that_are_not_known_are_no_finding_and_not_well() {
    for outcome in run(ALL, &Facts::default()) {
        assert!(matches!(outcome.answer, Answer::Unknown(_)), "{}: {:?}", outcome.id, outcome.answer);
    }
}

/// Each fact alone made unknown: no check may turn that into a finding.
#[test]
fn one_unknown_fact_is_never_a_finding() {
    let facts = serde_json::to_value(Facts::healthy()).unwrap();
    for key in facts.as_object().unwrap().keys().filter(|key| facts[*key].get("known").is_some()) {
        let changed = changed(&[(&format!("/{key}"), serde_json::json!({"unknown": "no reason"}))]);
        for outcome in run(ALL, &changed) {
            assert!(outcome.answer.findings().is_empty(), "{key} unknown: {outcome:?}");
        }
    }
}

#[test]
fn every_service_has_a_typical_size() {
    let rows: HashSet<_> = TYPICAL.iter().map(|(name, ..)| *name).collect();
    assert_eq!(rows, service::ALL.iter().map(|service| service.name).collect());
}

#[test]
fn the_healthy_facts_survive_a_round_trip() {
    let healthy = serde_json::to_value(Facts::healthy()).unwrap();
    let again: Facts = serde_json::from_value(healthy.clone()).unwrap();
    assert_eq!(serde_json::to_value(again).unwrap(), healthy);
}
