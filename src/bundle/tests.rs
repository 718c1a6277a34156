//! The tray, the file and the proof, without an engine.

use super::*;
use crate::archive::unpack_each;
use crate::exit::Exit;
use crate::redact::Redactor;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SECRET: &str = "Kq7vX2mZ9tRw4LpN8sYb";

fn tray() -> Tray {
    let redactor = Redactor::builder().value("TARS_REDIS_PASSWORD", SECRET).build();
    let tray = Tray::new(redactor, Names::hiding(["Secret plan.pdf".to_owned()], &["/documents"]));
    tray.text("stack/settings.txt", &format!("TARS_REDIS_PASSWORD={SECRET}\nread Secret plan.pdf\n"));
    tray.log("logs/x-backend.log", "backend", "2026-11-21T10:00:00Z {\"query\":\"MARKER\"}\n");
    tray.note("stores/redis", &format!("refused {SECRET}"));
    tray.happened("2026-11-21T10:00:00Z", &format!("somebody wrote {SECRET} of Secret plan.pdf"));
    tray
}

type Run = for<'a> fn(&'a Ground<'a>, &'a Tray) -> BoxFuture<'a, Result<()>>;

fn make(name: &'static str, engine: bool, run: Run) -> Collector {
    Collector { name, engine, run }
}

fn options() -> Options {
    let note = format!("it broke after Secret plan.pdf, password {SECRET}");
    Options { all_logs: false, since: 0, most: 25 << 20, note, obfuscate: false, with_names: false }
}

fn read(path: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    unpack_each(path, &mut |path, content| {
        let mut text = String::new();
        content.read_to_string(&mut text)?;
        files.push((path.to_owned(), text));
        Ok(())
    })
    .unwrap();
    files
}

#[test]
fn no_secret_name_or_text_is_in_a_bundle() {
    let dir = tempfile::tempdir().unwrap();
    let made = write(&tray(), &options(), dir.path()).unwrap();
    assert!(made.dropped.is_empty(), "{:?}", made.dropped);
    let files = read(&made.published.archive);
    for (path, text) in &files {
        for hidden in [SECRET, "Secret plan", "MARKER"] {
            assert!(!text.contains(hidden), "{hidden} is in {path}: {text}");
        }
    }
    let of = |name: &str| &files.iter().find(|(path, _)| path.ends_with(name)).unwrap_or_else(|| panic!("{name}")).1;
    assert!(of("/note.txt").contains("doc#1.pdf") && of("/summary.html").contains("The operator's note"));
    assert!(of("/redactions.json").contains("known-value"));
    let manifest: serde_json::Value = serde_json::from_str(of("/manifest.json")).unwrap();
    assert_eq!(manifest["notes"][0]["about"], "stores/redis");
    assert!(manifest["files"].as_array().unwrap().len() >= 5);
    assert_eq!(std::fs::metadata(&made.published.archive).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files[0].0.split('/').nth(1), Some("manifest.json"));
}

#[test]
fn a_member_of_a_broken_collector_is_dropped_and_named() {
    let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    let block = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n";
    let base64 = "x S3E3dlgybVo5dFJ3NExwTjhzWWI= y";
    for text in [format!("user {SECRET}"), format!("token {jwt}"), block.to_owned(), base64.to_owned()] {
        let (dir, tray) = (tempfile::tempdir().unwrap(), tray());
        tray.smuggle("engine/broken.txt", &text);
        let made = write(&tray, &options(), dir.path()).unwrap();
        let named: Vec<_> = made.dropped.iter().map(|leak| leak.member.as_str()).collect();
        assert!(named.contains(&"engine/broken.txt"), "{text}: {named:?}");
        let files = read(&made.published.archive);
        assert!(files.iter().all(|(path, _)| !path.ends_with("engine/broken.txt")));
        let manifest = &files.iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap().1;
        assert!(manifest.contains("left_out_by_the_proof") && manifest.contains("engine/broken.txt"));
        assert!(files.iter().all(|(_, text)| !text.contains(SECRET)));
    }
}

#[test]
fn what_cannot_be_had_without_a_secret_is_deleted() {
    // The member's own name holds the secret: leaving the member out leaves its name in the manifest of what was.
    let (dir, tray) = (tempfile::tempdir().unwrap(), tray());
    tray.smuggle(&format!("engine/{SECRET}.txt"), "harmless");
    match write(&tray, &options(), dir.path()) {
        Ok(made) => assert!(
            read(&made.published.archive).iter().all(|(path, text)| !path.contains(SECRET) && !text.contains(SECRET))
        ),
        Err(error) => {
            assert_eq!(crate::error::exit_of(&error), Exit::Failed);
            assert_eq!(dir.path().read_dir().unwrap().count(), 0, "nothing may be left behind");
        }
    }
}

#[test]
fn a_rehearsal_writes_nothing_and_a_second_bundle_gets_a_name_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(&tray(), &options()).unwrap();
    assert!(plan.bytes > 1000 && plan.files.iter().any(|file| file.path == "stack/settings.txt" && file.replaced == 2));
    let one = write(&tray(), &options(), dir.path()).unwrap();
    let two = write(&tray(), &options(), dir.path()).unwrap();
    assert_ne!(one.published.archive, two.published.archive);
    assert_eq!(dir.path().read_dir().unwrap().count(), 4);
}

#[test]
fn the_facts_come_back_out_of_a_bundle() {
    let (dir, tray) = (tempfile::tempdir().unwrap(), tray());
    let facts = crate::facts::Facts { tars_version: "1.2.3".into(), ..Default::default() };
    tray.json("facts.json", &serde_json::to_value(&facts).unwrap());
    let made = write(&tray, &options(), dir.path()).unwrap();
    assert_eq!(facts_of(&made.published.archive).unwrap().tars_version, "1.2.3");
    assert!(facts_of(&made.published.sidecar).is_err());
}

#[test]
fn json_stays_json_when_its_secrets_go() {
    let tray = tray();
    let value = serde_json::json!({ "password": "hunter2-long-enough", "set": true, "list": [SECRET, "x"], "n": 7 });
    tray.json("a.json", &value);
    let member = tray.members().into_iter().find(|member| member.path == "a.json").unwrap();
    let clean: serde_json::Value = serde_json::from_slice(&member.text).unwrap();
    assert_eq!((&clean["n"], &clean["set"], &clean["list"][1]), (&7.into(), &true.into(), &"x".into()));
    assert!(!member.words().contains(SECRET) && !member.words().contains("hunter2"), "{}", member.words());
}

#[tokio::test]
async fn a_collector_that_fails_breaks_or_hangs_leaves_a_note_and_what_it_had() {
    let stack = crate::stack::Stack::read(crate::stack::home::Home::at(Path::new("/nonexistent")));
    let (failure, options, tray) = (anyhow::anyhow!("no engine here"), options(), tray());
    let ground = Ground { stack: &stack, docker: Err(&failure), containers: &[], options: &options };
    let all = [
        make("t/fails", false, |_, _| async { anyhow::bail!("on purpose") }.boxed()),
        make("t/breaks", false, |_, _| async { panic!("on purpose") }.boxed()),
        make("t/engine", true, |_, _| async { panic!("must not be asked") }.boxed()),
        make("t/hangs", false, |_, tray| {
            async {
                tray.text("t/first.txt", "it had this");
                std::future::pending().await
            }
            .boxed()
        }),
    ];
    let begun = std::time::Instant::now();
    join_all(all.iter().map(|collector| look(collector, &ground, &tray))).await;
    assert!(begun.elapsed() < DEADLINE + Duration::from_secs(20));
    let notes = tray.notes();
    let why =
        |about: &str| notes.iter().find(|note| note.about == about).unwrap_or_else(|| panic!("{about}")).why.clone();
    assert!(why("t/fails").contains("on purpose") && why("t/breaks").contains("broke"));
    assert!(why("t/engine").contains("no engine here") && why("t/hangs").contains("longer than"));
    assert!(tray.members().iter().any(|member| member.path == "t/first.txt"));
}

#[tokio::test]
async fn a_machine_without_engine_and_stack_gives_a_bundle() {
    let (dir, home) = (tempfile::tempdir().unwrap(), Path::new("/nonexistent"));
    let stack = crate::stack::Stack::read(crate::stack::home::Home::at(home));
    let (failure, options) = (anyhow::anyhow!("no engine here"), options());
    let ground = Ground { stack: &stack, docker: Err(&failure), containers: &[], options: &options };
    let tray = Tray::new(Redactor::default(), Names::hiding([], &["/documents"]));
    collect(&ground, &tray).await;
    let made = write(&tray, &options, dir.path()).unwrap();
    let files = read(&made.published.archive);
    for name in
        ["system/os.txt", "system/memory.txt", "network/host.txt", "facts.json", "verdicts/doctor.txt", "summary.html"]
    {
        assert!(files.iter().any(|(path, text)| path.ends_with(name) && !text.is_empty()), "{name} is missing");
    }
    assert!(facts_of(&made.published.archive).is_ok());
}
