//! Labelled cases from files: what leaks and what is damaged, as a share.

use super::example::{Dice, fill};
use crate::Redactor;

const FIRST: &str = include_str!("../../../tests/redact/holdout.txt");
const FOURTH: &str = include_str!("../../../tests/redact/holdout4.txt");
const SIXTH: &str = include_str!("../../../tests/redact/holdout6.txt");
const FIFTH: &str = include_str!("../../../tests/redact/holdout5.txt");
const THIRD: &str = include_str!("../../../tests/redact/holdout3.txt");
const SECOND: &str = include_str!("../../../tests/redact/holdout2.txt");

/// Leaks and damages of a file of cases, as `(cases, words)`.
fn judge(file: &str, seed: u64) -> (usize, Vec<String>) {
    let (mut cases, mut wrong) = (0, Vec::new());
    for (index, line) in file.lines().enumerate() {
        let Some((sign, template)) = line.split_at_checked(2) else { continue };
        let template = template.replace("\\n", "\n").replace("\\x1b", "\u{1b}");
        let mut dice = Dice(seed + index as u64);
        if sign == "- " {
            cases += 1;
            let out = Redactor::default().text(&template).into_owned();
            if out != template {
                wrong.push(format!("damaged {template:?} to {out:?}"));
            }
        } else if sign == "+ " {
            cases += 1;
            let (text, secrets) = fill(&template.replace(['⟦', '⟧'], ""), &mut dice);
            let out = Redactor::default().text(&text).into_owned();
            let leaked = secrets.iter().any(|secret| secret.len() > 3 && out.contains(secret.as_str()));
            let kept =
                template.split('⟦').skip(1).all(|part| part.split('⟧').next().is_some_and(|kept| out.contains(kept)));
            if leaked || !kept {
                wrong.push(format!("{} {text:?} gave {out:?}", if leaked { "leaked" } else { "cut into" }));
            }
        }
    }
    (cases, wrong)
}

#[test]
fn of_the_hold_outs_hardly_one_in_a_hundred_goes_wrong() {
    for seed in [1, 2000, 40_000] {
        let (mut cases, mut wrong) = (0, Vec::new());
        for (file, least) in [(FIRST, 340), (SECOND, 230), (THIRD, 120), (FOURTH, 480), (FIFTH, 240), (SIXTH, 200)] {
            let (count, more) = judge(file, seed);
            assert!(count > least, "{count} cases");
            cases += count;
            wrong.extend(more);
        }
        assert!(wrong.len() * 100 <= cases, "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn a_bracket_is_no_shelter() {
    let redactor = Redactor::builder().value("password", "correct-horse-7").build();
    for text in ["x [REDACTED correct-horse-7] y", "[REDACTEDcorrect-horse-7]", "[REDACTED: correct-horse-7]"] {
        let out = redactor.text(text).into_owned();
        assert!(!out.contains("correct-horse"), "{out}");
    }
    let out = redactor.text("{\"password\": \"[REDACTED? correct-horse-9]\"}").into_owned();
    assert!(!out.contains("horse"), "{out}");
    for whole in ["password: [REDACTED]", "password: [REDACTED:password]", "password: [REDACTED:api-key#12]"] {
        assert_eq!(redactor.text(whole), whole);
    }
}

#[test]
fn a_registrys_login_is_read_even_where_its_letters_look_like_a_word() {
    for auth in ["dXNlcjpwbGFpbndvcmQ=", "YW5uYTpzdW5zaGluZQ=="] {
        let text = format!("{{\"auths\": {{\"registry.example.org\": {{\"auth\": \"{auth}\"}}}}}}");
        let out = Redactor::default().text(&text).into_owned();
        assert!(!out.contains(auth), "{out}");
    }
}

#[test]
fn each_of_several_old_keys_is_known() {
    let list = "blue-monday-one,green-tuesday-two";
    let redactor = Redactor::builder().env([("TARS_ENCRYPTION_KEYS_OLD", list)]).build();
    let out = redactor.text("opened with sha256=green-tuesday-two").into_owned();
    assert!(!out.contains("tuesday"), "{out}");
}

#[test]
fn obfuscation_hides_people_and_machines_and_keeps_private_ranges() {
    let redactor = Redactor::builder().obfuscate(true).host("synology-nas").user("alice").build();
    let text = "alice@home.arpa logged in from 203.0.114.9 and 2a02:8109:9a40:1::5 to nas.home.arpa (192.168.1.20, 127.0.0.1, 10.8.0.2, fe80::1) \
                user=bob host=synology-nas http://backend.example.net:8000/x http://postgres:5432 /home/carol/x at 20:15:01 v1.2.3.4 nas.home.arpa\n";
    let out = redactor.text(text).into_owned();
    for gone in ["alice", "203.0.114.9", "2a02:", "nas.home", "bob", "synology", "example.net", "carol"] {
        assert!(!out.contains(gone), "{gone} in {out}");
    }
    for kept in
        ["192.168.1.20, 127.0.0.1, 10.8.0.2, fe80::1", "http://postgres:5432", "20:15:01", "v1.2.3.4", ":8000/x"]
    {
        assert!(out.contains(kept), "{kept} not in {out}");
    }
    let host = out.split("to [REDACTED:").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    assert_eq!(out.matches(&format!("[REDACTED:{host}]")).count(), 2, "{out}");
    assert_eq!(Redactor::default().text(text), text);
}
