//! `tars redact` as an operator meets it: bad input and bad days, through the public interface.

#![expect(clippy::unwrap_used, reason = "a test's helpers end the test")]

use std::io::{Read, Write};
use std::process::{Command, Stdio};
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

/// Feeds the real program from a thread; gives what `look` makes of its output, and its peak of memory in KiB.
fn filter<T>(
    args: &[&str],
    feed: impl FnOnce(&mut dyn Write) + Send + 'static,
    look: impl FnOnce(&mut dyn Read) -> T,
) -> (T, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tars"))
        .arg("redact")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // The pipe stays open until the peak is read.
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let feeder = std::thread::spawn(move || {
        feed(&mut input);
        input.flush().unwrap();
        end.recv().ok();
    });
    let mut output = child.stdout.take().unwrap();
    let out = look(&mut output);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(ended);
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    feeder.join().unwrap();
    assert!(child.wait().unwrap().success());
    (out, peak)
}

#[test]
fn one_line_of_a_hundred_megabytes_needs_no_more_memory_than_a_short_one() {
    const PIECES: usize = 100_000_000 / 50;
    let secret = format!("aB3{}", "xY7kQ2".repeat(3));
    let (planted, expected) = (secret, PIECES / 1000);
    let feed = move |input: &mut dyn Write| {
        let words = b"some words of one line that does not come to an end ".repeat(1000);
        for _ in 0..PIECES / 1000 {
            input.write_all(&words).unwrap();
            input.write_all(format!("password={planted} ").as_bytes()).unwrap();
        }
        // What the filter still holds back comes once these have passed as well.
        input.write_all(b"\nTHE-END\n").unwrap();
        input.write_all(&b"filling\n".repeat(300_000)).unwrap();
    };
    let look = |output: &mut dyn Read| {
        let (mut markers, mut leaks, mut held, mut buffer) = (0, 0, Vec::new(), vec![0; 1 << 20]);
        while memchr::memmem::find(&held, b"THE-END").is_none() {
            let count = output.read(&mut buffer).unwrap();
            held.extend_from_slice(&buffer[..count]);
            // A word that is cut in two is counted when it is whole.
            let whole = memchr::memrchr(b' ', &held).unwrap_or(0);
            markers += memchr::memmem::find_iter(&held[..whole], b"[REDACTED").count();
            leaks += memchr::memmem::find_iter(&held[..whole], b"xY7kQ2").count();
            held.drain(..whole);
        }
        (markers, leaks)
    };
    let ((markers, leaks), peak) = filter(&[], feed, look);
    assert_eq!((markers, leaks), (expected, 0));
    assert!(peak < 32 << 10, "{peak} KiB");
}

#[test]
fn a_million_lines_without_a_secret_pass_unchanged() {
    let line = "2026-06-10 08:15:27 INFO backend.rag: query answered in 812 ms, 5 passages, 300 tokens\n";
    let text = line.repeat(1_000_000);
    let mut clean = Redactor::default().clean(text.as_bytes());
    let mut buffer = vec![0; line.len() * 1000];
    for _ in 0..1000 {
        clean.read_exact(&mut buffer).unwrap();
        assert!(buffer.chunks(line.len()).all(|got| got == line.as_bytes()));
    }
    assert_eq!(clean.read(&mut buffer).unwrap(), 0);
}

#[test]
fn a_log_cut_inside_a_key_block_shows_nothing_of_the_key() {
    let body = "MIIEowIBAAKCAQEAx9Zk3vQ7f2LmT8sWq1bN5cYd0eRgHjUi4oPaSzXv6BnMKlJh\n";
    let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----\n", "-----END RSA PRIVATE KEY-----\n");
    for text in [
        format!("before\n{begin}{}", body.repeat(5)),
        format!("{}{end}after\n", body.repeat(5)),
        format!("before\n{begin}{}", &body.repeat(3)[..150]),
        format!("{}{end}after\n", &body.repeat(3)[40..]),
    ] {
        let (out, _) = redact(text.as_bytes(), &[]);
        assert!(!out.contains("MIIEow") && !out.contains("XYd0eRgHjUi4oPaSzXv6BnMKlJh"), "{out}");
        assert!(out.contains("before") || out.contains("after"), "{out}");
    }
}

#[test]
fn two_secrets_on_a_line_have_two_numbers_and_an_empty_one_changes_nothing() {
    let env = [("A_PASSWORD", "firstSecret77"), ("B_PASSWORD", ""), ("C_TOKEN", "otherToken88x")];
    let (out, counts) = redact(b"A firstSecret77 and otherToken88x in the same line of this log\n", &env);
    assert_eq!(out, "A [REDACTED:password#1] and [REDACTED:token#2] in the same line of this log\n");
    assert_eq!(counts.total, 2);
}

#[test]
fn an_env_file_with_broken_lines_hides_what_they_show() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.env");
    std::fs::write(&path, "GOOD_PASSWORD=firstSecret77\nBAD_PASSWORD=\"open quoteSecret88\nnot a line otherSecret99\n")
        .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tars"))
        .args(["redact", "--json", "--env-file", path.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"words firstSecret77 open quoteSecret88 stay\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(!out.contains("firstSecret77") && !out.contains("quoteSecret88"), "{out}");
    let counts: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(counts["by_rule"]["known-value"], counts["total"], "{counts}");
}

#[test]
fn known_values_are_seen_in_kept_files_in_any_encoding_and_across_every_boundary() {
    use base64::Engine as _;
    let secret = "pq7-w0rd/with&marks\"x";
    let redactor = Redactor::builder().value("TARS_DB_PASSWORD", secret).value("OTHER_TOKEN", "tok-9X8y7Z6w5V").build();
    let known = redactor.known_values();
    let percent = percent_encoding::percent_encode(secret.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
    let forms = [
        secret.to_owned(),
        percent,
        serde_json::to_string(secret).unwrap(),
        base64::engine::general_purpose::STANDARD.encode(format!("x{secret}")),
    ];
    for (index, form) in forms.iter().enumerate() {
        for at in [0, (16 << 10) - 5, (1 << 20) - 3, (1 << 20) + (16 << 10) - 7, (2 << 20) - 1] {
            let mut file = vec![0xfe; at];
            file.push(b' ');
            file.extend_from_slice(form.as_bytes());
            file.extend_from_slice(&[0; 5000]);
            let seen = known.seen_in(&file[..]).unwrap();
            assert_eq!(seen.len(), 1, "form {index} at {at}");
            assert_eq!((seen[0].name.as_str(), seen[0].kind), ("TARS_DB_PASSWORD", "password"));
        }
    }
    assert!(known.seen_in(&b"nothing of the kind, not even TARS_DB_PASSWORD"[..]).unwrap().is_empty());
    assert!(!format!("{known:?} {redactor:?}").contains("pq7"));
}

#[test]
fn a_name_is_hidden_alike_in_every_member_of_a_bundle() {
    let redactor = Redactor::builder().obfuscate(true).host("Synology-NAS").build();
    let read = |text: &str| {
        let mut out = String::new();
        redactor.clean(text.as_bytes()).read_to_string(&mut out).unwrap();
        out
    };
    let first = read("mount of //Synology-NAS/docs failed on 192.168.1.20, host=synology-nas said alice@home.arpa\n");
    let second = read("ALICE@home.arpa asked the server Synology-NAS again and waited for a long time\n");
    let host = first.split("[REDACTED:host").nth(1).unwrap().split(']').next().unwrap();
    let mail = first.split("[REDACTED:email").nth(1).unwrap().split(']').next().unwrap();
    assert!(first.contains("192.168.1.20") && first.matches(&format!("[REDACTED:host{host}]")).count() == 2, "{first}");
    assert!(second.contains(&format!("[REDACTED:host{host}]")), "{second}");
    assert!(second.contains(&format!("[REDACTED:email{mail}]")), "{second}");
    assert!(redactor.counts().by_rule.contains_key("e-mail"));
}
