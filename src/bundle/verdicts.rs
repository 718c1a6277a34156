//! The facts, what the checks say of them, and the last recorded validation with its age.
//!
//! The facts enter as they are, so that another machine's `tars doctor --facts` comes to the same findings; that they
//! still do once their secrets are gone is looked at here.

use super::containers::without_others_labels;
use super::ground::Ground;
use super::tray::Tray;
use crate::check::{self, Answer, Outcome, Severity};
use crate::facts::{Depth, Facts, Sources, gather};
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// How long each fact may take: the others are told even when one hangs.
const FACT_WITHIN: Duration = Duration::from_millis(3_300);
/// Where the facts stand in the bundle.
pub(super) const FACTS: &str = "facts.json";
/// Where the findings stand.
pub(super) const DOCTOR: &str = "verdicts/doctor.json";

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let sources =
        Sources { deadline: FACT_WITHIN, depth: Depth::Services, ..Sources::new(ground.stack, ground.docker) };
    let facts = gather(&sources).await;
    let outcomes = check::run(check::doctor(), &facts);
    tray.json(FACTS, &without_others_labels(serde_json::to_value(&facts)?));
    tray.json(DOCTOR, &serde_json::to_value(&outcomes)?);
    tray.text("verdicts/doctor.txt", &words(&outcomes));
    same_findings(tray, &outcomes);
    validation(ground, tray);
    Ok(())
}

/// Whether the facts without their secrets still lead to the same findings.
fn same_findings(tray: &Tray, before: &[Outcome]) {
    let kept = tray.member(FACTS);
    let facts = kept.and_then(|member| serde_json::from_slice::<Facts>(&member.text).ok());
    let Some(facts) = facts else {
        return tray.note(FACTS, "cannot be read as facts any more: the redactor damaged them; please report it");
    };
    let after = check::run(check::doctor(), &facts);
    for (before, after) in before.iter().zip(&after).filter(|(before, after)| kind(before) != kind(after)) {
        tray.note(
            FACTS,
            &format!("without its secrets {} comes to another answer: {:?} here", before.id, before.answer),
        );
        debug_assert_eq!(before.id, after.id);
    }
}

fn kind(outcome: &Outcome) -> (u8, usize) {
    match &outcome.answer {
        Answer::Well => (0, 0),
        Answer::Skipped(_) => (1, 0),
        Answer::Unknown(_) => (2, 0),
        Answer::Found(found) => (3, found.len()),
    }
}

/// As the doctor says it: what is wrong first.
fn words(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        for finding in outcome.answer.findings() {
            let mark = if finding.severity == Severity::Fail { "FAIL" } else { "warn" };
            let _ =
                writeln!(text, "{mark} {}: {}: {}\n     {}", outcome.id, finding.about, finding.problem, finding.hint);
        }
    }
    for outcome in outcomes {
        let _ = match &outcome.answer {
            Answer::Well => writeln!(text, "ok   {}: {}", outcome.id, outcome.title),
            Answer::Skipped(why) => writeln!(text, "skip {}: {why}", outcome.id),
            Answer::Unknown(why) => writeln!(text, "???? {}: {why}", outcome.id),
            Answer::Found(_) => Ok(()),
        };
    }
    text
}

fn validation(ground: &Ground<'_>, tray: &Tray) {
    let path = ground.stack.home.state_file("last_validation.json");
    let Ok(meta) = std::fs::metadata(&path) else {
        return tray.text("verdicts/validation.txt", "no validation of this stack is on record\n");
    };
    let age = meta.modified().ok().and_then(|at| at.elapsed().ok()).map(|age| age.as_secs() / 3600);
    let read = std::fs::read(&path).map_err(anyhow::Error::from);
    let kept = read.and_then(|bytes| Ok(serde_json::from_slice::<Value>(&bytes)?));
    match kept {
        Ok(value) => {
            let verdict = value["verdict"].as_str().unwrap_or("unknown").to_owned();
            let hours = age.map_or_else(|| "an unknown number of".to_owned(), |hours| hours.to_string());
            tray.text("verdicts/validation.txt", &format!("the last validation was {hours} hours ago: {verdict}\n"));
            tray.json("verdicts/validation.json", &json!({ "age_hours": age, "recorded": value }));
        }
        Err(error) => tray.note("verdicts/validation.json", &format!("could not be read: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Finding;

    #[test]
    fn what_is_wrong_comes_first() {
        let finding = Finding {
            severity: Severity::Fail,
            about: "port 8000".into(),
            problem: "is taken".into(),
            hint: "free it".into(),
            fix: None,
            services: Vec::new(),
        };
        let one = |id, answer| Outcome { id, title: "t", answer };
        let text = words(&[one("a.b", Answer::Well), one("c.d", Answer::Found(vec![finding]))]);
        assert_eq!(text, "FAIL c.d: port 8000: is taken\n     free it\nok   a.b: t\n");
    }
}
