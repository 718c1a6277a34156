//! The rules against their own examples; the engine against chance.

use std::io::Read;

use super::example::{Dice, fill};
use super::{Redactor, rules};

fn clean(redactor: &Redactor, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    redactor.clean(text).read_to_end(&mut out).unwrap();
    out
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

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
            if out == format!("{text}\n") || hard.clone().any(|secret| out.contains(secret.as_str()) && !yes.contains(&format!("{{d{}", secret.len()))) {
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

/// Everything the rules react to, to be thrown together at random.
const SCRAPS: &[&str] = &[
    "password", "PASSWORD=", "pass: ", "\"token\":\"", "'", "\"", "\\\"", "\\n", "\n", "\r\n", "  ", "\t", "=", ": ", ",", ";", "&", "{", "}", "[", "]",
    "(", ")", "|", "│", "://", "@", "u:p@h:1/", "eyJ", "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----",
    "%40", "%25", "&quot;", "&#39;", "\\u0026", "$", "${", "}", "redis-cli -a ", "curl -u ", "mysql -p", "Authorization: ", "Bearer ", "Basic ",
    "Cookie: a=", "Set-Cookie: ", "api_key", "key", "secret: |\n  ", "- ", "--password ", "-p ", "name=\"password\" value=\"", "<password>", "</password>",
    "echo ", " | sudo -S", "identified by '", "INSERT INTO t (a, password) VALUES ('x', '", "\x1b[31m", "\x1b[0m", "\0", "é", "“", "[REDACTED]",
    "[REDACTED:password#1]", "***", "*:*:*:a:", " on >", "$2b$12$", "{SSHA}", "ghp_", "sk-", "a0b1C2d3E4f5G6h7", "deadbeefdeadbeef", "is ", "for x: ", "#",
    "otp code ", "123456", "hunter2", "\\", "/", "//", "SWMTKN-1-", "H4sI", "AAAA", "VGhlIHF1aWNr", "form-data; name=\"password\"\n\n", "\"input\":\"",
];

fn soup(dice: &mut Dice) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..dice.below(40) {
        if dice.below(5) == 0 {
            let count = dice.below(50);
            text.extend((0..count).map(|_| *dice.pick(b"abcXYZ0123456789+/=_-.")));
        } else if dice.below(40) == 0 {
            text.push(u8::try_from(dice.below(256)).unwrap());
        } else {
            text.extend_from_slice(dice.pick(SCRAPS).as_bytes());
        }
    }
    text
}

#[test]
fn any_soup_stays_small_keeps_its_lines_and_is_clean_at_once() {
    let rounds = std::env::var("TARS_FUZZ").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20_000);
    let redactor = Redactor::builder().value("password", "hunter2-Long").build();
    let mut bad = Vec::new();
    for seed in 0..rounds {
        let text = soup(&mut Dice(seed));
        let once = clean(&redactor, &text);
        let shown = String::from_utf8_lossy(&text);
        assert!(once.len() <= 2 * text.len(), "seed {seed} grew from {} to {}: {shown:?}", text.len(), once.len());
        let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines(&once), lines(&text), "seed {seed} lost a line: {shown:?}");
        let twice = clean(&redactor, &once);
        if twice != once {
            let at = twice.iter().zip(&once).take_while(|(a, b)| a == b).count().saturating_sub(50);
            let near = |text: &[u8]| String::from_utf8_lossy(&text[at..text.len().min(at + 160)]).into_owned();
            bad.push(format!("seed {seed}:\n {:?}\n {:?}\n of {shown:?}", near(&once), near(&twice)));
        }
    }
    assert!(bad.is_empty(), "{} of {rounds} changed again:\n{}", bad.len(), bad[..bad.len().min(12)].join("\n"));
}

/// The forms in which a known value is planted.
fn planted(secret: &str, form: usize, dice: &mut Dice) -> String {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let percent = || percent_encoding::percent_encode(secret.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
    let pad = &"xyz"[..dice.below(4)];
    match form {
        0 => secret.to_owned(),
        1 => percent(),
        2 => percent().replace('%', "%25"),
        3 => base64(&format!("{pad}{secret}{pad}")),
        4 => base64(&base64(&format!("{pad}:{secret}"))),
        5 => serde_json::to_string(secret).unwrap(),
        6 => serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap(),
        7 => format!("'{}'", secret.replace('\'', "'\\''")),
        8 => secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        9 => secret.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;"),
        10 => base64(&percent()),
        _ => format!("postgresql://tars:{}@postgres:5432/x", percent()),
    }
}

#[test]
fn a_known_value_is_gone_at_every_offset_and_across_every_window() {
    let secrets = ["Zq7-plainValue9", "p@ss w0rd/with&marks\"x", "it's$HOME%20x", "Zq7-plainValue9-longer", "two\nlines of Secret7"];
    let mut builder = Redactor::builder();
    for secret in secrets {
        builder = builder.value("password", secret);
    }
    let redactor = builder.build();
    for round in 0..400 {
        let mut dice = Dice(round);
        let secret = *dice.pick(&secrets);
        let form = dice.below(12);
        let plant = planted(secret, form, &mut dice);
        // Around the ends of windows: blocks of 256 KiB and what they see ahead.
        let edge = *dice.pick(&[0, 8 << 10, 16 << 10, 256 << 10, 272 << 10, 512 << 10]);
        let at = (edge + 60_usize).saturating_sub(dice.below(120));
        let filler: &[u8] = if dice.below(2) == 0 { b"word " } else { b"a line of text\n" };
        let mut text: Vec<u8> = filler.iter().copied().cycle().take(at).collect();
        text.extend_from_slice(b" ");
        text.extend_from_slice(plant.as_bytes());
        text.extend_from_slice(b" ");
        text.extend(filler.iter().copied().cycle().take(dice.below(40_000)));
        let out = clean(&redactor, &text);
        let inner = plant.trim_matches(['"', '\'']);
        for line in inner.split("\\n").chain(inner.lines()) {
            assert!(!has(&out, line.as_bytes()), "round {round}: form {form} of {secret:?} survived at {at}");
        }
        assert!(!has(&out, secret.as_bytes()), "round {round}: form {form} of {secret:?} survived at {at}");
    }
}

#[test]
fn one_line_without_an_end_is_survived() {
    let mut dice = Dice(5);
    let (token, secrets) = fill("password={a30} ", &mut dice);
    let mut text = Vec::new();
    while text.len() < 3 << 20 {
        text.extend_from_slice(b"some words in one endless line, ");
        if text.len() % 100_000 < 40 {
            text.extend_from_slice(token.as_bytes());
        }
    }
    let out = clean(&Redactor::default(), &text);
    assert!(!has(&out, secrets[0].as_bytes()) && has(&out, b"endless line"));
    // One value that never ends.
    let mut text = b"ok PASSWORD=\"".to_vec();
    text.extend((0..2 << 20).map(|_| *dice.pick(b"abcdefgh0123456789XYZ!+ ")));
    text.extend_from_slice(b"\"\nnext=line\n");
    let out = clean(&Redactor::default(), &text);
    assert!(out.len() < 1000, "{} bytes of a secret were left", out.len());
    assert!(out.ends_with(b"\nnext=line\n"), "{:?}", String::from_utf8_lossy(&out[out.len().saturating_sub(80)..]));
}

#[test]
fn a_key_block_longer_than_a_window_is_gone() {
    let mut dice = Dice(9);
    let body: String = (0..20_000).map(|_| fill("{b64}\n", &mut dice).0).collect();
    let text = format!("start\n-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\nend\n");
    let out = clean(&Redactor::default(), text.as_bytes());
    let left: Vec<u8> = out.iter().copied().filter(|byte| *byte != b'\n').collect();
    assert!(left.len() < 200, "{}", left.len());
    assert!(has(&out, b"\nend\n"));
}

#[test]
fn bytes_that_are_no_text_pass_unchanged() {
    let text: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
    assert!(clean(&Redactor::default(), &text) == text);
    let latin = b"Gr\xfc\xdfe\0\x1b[1mbold\x1b[0m\r\nlast line without an end \xff\xfe";
    assert_eq!(clean(&Redactor::default(), latin), latin);
}

#[test]
fn the_same_secret_has_the_same_number_in_every_encoding() {
    let secret = "s3cr3t Value&7";
    let redactor = Redactor::builder().value("DB_PASSWORD", secret).build();
    let mut numbers = Vec::new();
    for form in 0..12 {
        let text = format!("some words before and after make room {} for the replacement", planted(secret, form, &mut Dice(3)));
        let out = redactor.text(&text).into_owned();
        let start = out.find("[REDACTED:password#").unwrap_or_else(|| panic!("form {form}: {out}"));
        numbers.push(out[start..].split(']').next().unwrap().to_owned());
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
}

#[test]
fn common_and_short_values_do_not_shred_the_text() {
    let mut builder = Redactor::builder();
    for value in ["admin", "true", "5432", "redis", "", "a", "postgres", "tars", "ab"] {
        builder = builder.value("password", value);
    }
    let text = "administrator of redis on 5432 is true: postgres tars a ab";
    assert_eq!(builder.build().text(text), text);
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
    for kept in ["192.168.1.20, 127.0.0.1, 10.8.0.2, fe80::1", "http://postgres:5432", "20:15:01", "v1.2.3.4", ":8000/x"] {
        assert!(out.contains(kept), "{kept} not in {out}");
    }
    let host = out.split("to [REDACTED:").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    assert_eq!(out.matches(&format!("[REDACTED:{host}]")).count(), 2, "{out}");
    assert_eq!(Redactor::default().text(text), text);
}
