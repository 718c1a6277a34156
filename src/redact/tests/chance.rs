//! Scraps of everything the rules react to, thrown together: no panic, no growth, no lost line, no second change.

use super::clean;
use super::example::Dice;
use crate::Redactor;

/// Everything the rules react to, to be thrown together at random.
const SCRAPS: &[&str] = &[
    "password",
    "PASSWORD=",
    "pass: ",
    "\"token\":\"",
    "'",
    "\"",
    "\\\"",
    "\\n",
    "\n",
    "\r\n",
    "  ",
    "\t",
    "=",
    ": ",
    ",",
    ";",
    "&",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "|",
    "│",
    "://",
    "@",
    "u:p@h:1/",
    "eyJ",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "%40",
    "%25",
    "&quot;",
    "&#39;",
    "\\u0026",
    "$",
    "${",
    "}",
    "redis-cli -a ",
    "curl -u ",
    "mysql -p",
    "Authorization: ",
    "Bearer ",
    "Basic ",
    "Cookie: a=",
    "Set-Cookie: ",
    "api_key",
    "key",
    "secret: |\n  ",
    "- ",
    "--password ",
    "-p ",
    "name=\"password\" value=\"",
    "<password>",
    "</password>",
    "echo ",
    " | sudo -S",
    "identified by '",
    "INSERT INTO t (a, password) VALUES ('x', '",
    "\x1b[31m",
    "\x1b[0m",
    "\0",
    "é",
    "“",
    "[REDACTED]",
    "[REDACTED:password#1]",
    "***",
    "*:*:*:a:",
    " on >",
    "$2b$12$",
    "{SSHA}",
    "ghp_",
    "sk-",
    "a0b1C2d3E4f5G6h7",
    "deadbeefdeadbeef",
    "is ",
    "for x: ",
    "#",
    "otp code ",
    "123456",
    "hunter2",
    "\\",
    "/",
    "//",
    "SWMTKN-1-",
    "H4sI",
    "AAAA",
    "VGhlIHF1aWNr",
    "form-data; name=\"password\"\n\n",
    "MONITOR u@h 1 ",
    "[h]:587 ",
    " * ",
    "chpasswd:\n  list: |\n    ",
    "# /etc/x.secrets\n",
    "# host:login:password\n",
    "UGFzc3dvcmQ6\n",
    "a1 LOGIN ",
    "<key>",
    "</key><string>",
    "NAME  TOKEN  LAST SEEN\n",
    "add_user ",
    " -> ",
    "]{+",
    "client_send = ^",
    "?u=a&t=",
    "\n$1 = 0x5 \"",
    "=\\\n",
    "code:\n",
    "\"]=>\n string(3) ",
    "\"input\":\"",
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

/// Soups that once changed again.
const STUBBORN: [u64; 4] = [22_095, 52_221, 294_622, 373_778];

#[test]
fn any_soup_stays_small_keeps_its_lines_and_is_clean_at_once() {
    // More of them on demand: TARS_FUZZ=400000 TARS_FUZZ_FROM=1000000 cargo test soup
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (rounds, first) = (number("TARS_FUZZ").unwrap_or(20_000), number("TARS_FUZZ_FROM").unwrap_or(0));
    let redactor = Redactor::builder().value("password", "hunter2-Long").build();
    let mut bad = Vec::new();
    for seed in (first..first + rounds).chain(STUBBORN) {
        let text = soup(&mut Dice(seed));
        let once = clean(&redactor, &text);
        let shown = String::from_utf8_lossy(&text);
        assert!(once.len() <= 2 * text.len(), "seed {seed} grew from {} to {}: {shown:?}", text.len(), once.len());
        let lines = |text: &[u8]| memchr::memchr_iter(b'\n', text).count();
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
