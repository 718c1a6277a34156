//! What must hold however the text comes: window ends, endless lines, bytes that are no text.

use super::example::{Dice, fill};
use super::{clean, has, planted};
use crate::Redactor;

#[test]
fn a_known_value_is_gone_at_every_offset_and_across_every_window() {
    let secrets = [
        "Zq7-plainValue9",
        "p@ss w0rd/with&marks\"x",
        "it's$HOME%20x",
        "Zq7-plainValue9-longer",
        "two\nlines of Secret7",
    ];
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
        // Around the ends of windows: blocks of 1 MiB and what they see ahead.
        let edge = *dice.pick(&[0, 8 << 10, 16 << 10, 1 << 20, (1 << 20) + (16 << 10), 2 << 20]);
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
        let text = format!(
            "some words before and after make room {} for the replacement",
            planted(secret, form, &mut Dice(3))
        );
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
