//! `tars redact` as an operator meets it: bad input and bad days, through the public interface.

#![expect(clippy::unwrap_used, reason = "a test's helpers end the test")]

use tars::command::redact::{Options, run};
use tars::redact::{Counts, Redactor};

fn redact(text: &[u8], env: &[(&str, &str)]) -> (String, Counts) {
    let env: Vec<_> = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut out = Vec::new();
    let counts = run(text, &mut out, Options { env: &env, obfuscate: false }).unwrap();
    (String::from_utf8_lossy(&out).into_owned(), counts)
}

#[test]
fn what_the_env_file_calls_secret_is_gone_and_the_rest_of_it_stays() {
    let env = [
        ("TARS_REDIS_PASSWORD", "q8Xw2Lm5Rt7Z"),
        ("LOG_LEVEL", "INFO"),
        ("NAS_IP", "192.168.1.20"),
        ("OLLAMA_MODEL", "mistral:7b"),
    ];
    let (out, counts) = redact(b"INFO mistral:7b on 192.168.1.20 says q8Xw2Lm5Rt7Z twice: q8Xw2Lm5Rt7Z\n", &env);
    assert_eq!(out, "INFO mistral:7b on 192.168.1.20 says [REDACTED:password#1] twice: [REDACTED:password#1]\n");
    assert_eq!((counts.total, counts.by_rule["known-value"]), (2, 2));
}

#[test]
fn the_password_of_a_url_in_the_env_file_is_a_known_value_too() {
    let env = [("DATABASE_URL", "postgresql://app:s3cr3tPw77@db:5432/x")];
    let (out, _) = redact(b"driver said: s3cr3tPw77 is wrong, host db stays as it is here\n", &env);
    assert!(!out.contains("s3cr3tPw77") && out.contains("host db stays"), "{out}");
}

#[test]
fn a_secret_inside_another_and_one_with_quotes_and_line_ends_are_gone() {
    let env = [
        ("A_TOKEN", "longSecret-9X"),
        ("B_TOKEN", "longSecret-9X-and-more"),
        ("C_SECRET", "it's \"two\"\nlines-of-it 5"),
    ];
    let (out, _) =
        redact(b"longSecret-9X-and-more, longSecret-9X; it's \"two\"\nlines-of-it 5 end of the text\n", &env);
    assert!(!out.contains("longSecret") && !out.contains("and-more") && !out.contains("lines-of-it"), "{out}");
    assert!(out.ends_with("end of the text\n") && out.matches('\n').count() == 2, "{out}");
}

#[test]
fn a_secret_next_to_a_digest_goes_and_the_digest_stays() {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let text = format!("\x1b[31msha256:{digest} password=Abc123xyz9\x1b[0m\0token={digest}\r\n");
    let (out, _) = redact(text.as_bytes(), &[]);
    assert!(out.contains(&format!("sha256:{digest} password=[REDACTED")), "{out:?}");
    assert!(out.ends_with("\r\n") && out.contains("\x1b[0m\0token=[REDACTED") && !out.contains("Abc123"), "{out:?}");
}

#[test]
fn a_run_that_learns_more_keeps_its_numbers() {
    let first = Redactor::builder().value("password", "firstSecret77").build();
    let words = "these words make room for the replacement:";
    assert_eq!(first.text(&format!("{words} firstSecret77")), format!("{words} [REDACTED:password#1]"));
    let second = first.continued().value("password", "otherSecret88").value("password", "firstSecret77").build();
    assert_eq!(second.text(&format!("{words} otherSecret88")), format!("{words} [REDACTED:password#2]"));
    assert_eq!(second.text(&format!("{words} firstSecret77")), format!("{words} [REDACTED:password#1]"));
    assert_eq!(second.counts().total, 3);
}

#[test]
fn a_followed_log_comes_line_by_line() {
    let mut stream = Redactor::default().stream();
    let mut out = stream.push(b"first line of the log\nDB_PASSWORD=abcDEF123456 half a ");
    out.extend(stream.flush());
    assert_eq!(String::from_utf8_lossy(&out), "first line of the log\n");
    out.extend(stream.push(b"line\n"));
    out.extend(stream.flush());
    out.extend(stream.finish());
    assert!(
        String::from_utf8_lossy(&out).ends_with("DB_PASSWORD=[REDACTED:password#1] half a line\n"),
        "{:?}",
        String::from_utf8_lossy(&out)
    );
}
