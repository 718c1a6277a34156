//! The command line as people and scripts see it: help, version, completions, the manual page, exit codes.
//!
//! `TARS_BLESS=1 cargo test --test cli` writes the snapshots anew; read their difference before committing it.
//! Needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test's helpers end the test")]

use clap::{Command as Clap, CommandFactory};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tars::cli::Cli;

fn tars(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tars"));
    command.args(args).env("COLUMNS", "100").env("NO_COLOR", "1").env_remove("TARS_HOME").stdin(Stdio::null());
    // No engine: nothing here may depend on one.
    command.env("DOCKER_HOST", "unix:///nonexistent.sock").output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = tars(args);
    assert!(output.status.success(), "tars {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every path through the tree of commands: `[]`, `["install"]`, ….
fn paths(command: &Clap, before: &[String], found: &mut Vec<Vec<String>>) {
    found.push(before.to_vec());
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let mut path = before.to_vec();
        path.push(sub.get_name().to_owned());
        paths(sub, &path, found);
    }
}

#[test]
fn help_is_as_agreed() {
    let (dir, mut all) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"), Vec::new());
    paths(&Cli::command(), &[], &mut all);
    let bless = std::env::var_os("TARS_BLESS").is_some();
    std::fs::create_dir_all(&dir).unwrap();
    let mut expected = BTreeSet::new();
    for path in &all {
        let mut args: Vec<_> = path.iter().map(String::as_str).collect();
        args.push("--help");
        // A home of this machine is no part of the agreement; nor are blanks at line ends.
        let help = stdout(&args).lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
        let name = format!("help{}.txt", path.iter().flat_map(|word| ["-", word]).collect::<String>());
        let file = dir.join(&name);
        if bless {
            std::fs::write(&file, &help).unwrap();
        }
        let agreed = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(help, agreed, "tars {} is not as in tests/snapshots/{name}", args.join(" "));
        expected.insert(name);
    }
    let there: BTreeSet<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("help"))
        .collect();
    assert_eq!(there, expected, "snapshots of commands that do not exist");
}

/// The flags of the design's table that exist now; a new one belongs here and there.
const TABLE: [(&str, &[&str]); 19] = [
    (
        "install",
        &[
            "--skip-nas",
            "--cpu-only",
            "--with-frontend",
            "--images",
            "--ollama-url",
            "--model",
            "--embed-model",
            "--dry-run",
        ],
    ),
    ("start", &["--cpu-only", "--recover"]),
    ("stop", &[]),
    ("restart", &[]),
    ("status", &[]),
    ("doctor", &["--fix", "--deep", "--only", "--list", "--facts"]),
    ("clean", &["--dry-run"]),
    (
        "backup",
        &[
            "--output-dir",
            "--include-models",
            "--skip-postgres",
            "--skip-chromadb",
            "--skip-redis",
            "--encrypt-to",
            "--passphrase-file",
            "--export-vectors",
            "--keep",
            "--keep-daily",
            "--keep-weekly",
            "--keep-monthly",
            "--dry-run",
        ],
    ),
    (
        "restore",
        &[
            "--backup-file",
            "--component",
            "--dry-run",
            "--force",
            "--skip-validation",
            "--restore-config",
            "--drill",
            "--keep",
            "--identity",
            "--passphrase-file",
            "--undo",
        ],
    ),
    ("validate", &["--disruptive"]),
    ("nas", &[]),
    ("user", &[]),
    ("model", &[]),
    ("reindex", &["--model", "--no-wait"]),
    ("logs", &["--tail", "--since", "--follow", "--raw"]),
    ("uninstall", &["--delete-data"]),
    (
        "support-bundle",
        &[
            "--output-dir",
            "--include-all-logs",
            "--since",
            "--max-size",
            "--note",
            "--obfuscate",
            "--with-names",
            "--dry-run",
        ],
    ),
    ("redact", &["--env-file"]),
    ("completions", &[]),
    ("man", &[]),
    ("serve", &["--probe"]),
];
const GLOBAL: [&str; 7] = ["--home", "--yes", "--quiet", "--json", "--color", "--verbose", "--version"];

#[test]
fn the_tree_is_the_designs_table() {
    let mut tree = Cli::command();
    tree.build();
    let names: BTreeSet<_> = tree.get_subcommands().map(Clap::get_name).filter(|name| *name != "help").collect();
    let table: BTreeSet<_> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, table, "commands");
    let flags = |command: &Clap, all: bool| -> BTreeSet<String> {
        let own = command.get_arguments().filter(|arg| all || !arg.is_global_set());
        let long = own.filter(|arg| !arg.is_hide_set()).filter_map(|arg| arg.get_long());
        long.filter(|long| !matches!(*long, "help")).map(|long| format!("--{long}")).collect()
    };
    for (name, expected) in TABLE.iter().filter(|(name, _)| *name != "serve") {
        let expected: BTreeSet<_> = expected.iter().map(|flag| (*flag).to_owned()).collect();
        assert_eq!(flags(tree.find_subcommand(name).unwrap(), false), expected, "flags of {name}");
    }
    let global: BTreeSet<_> = GLOBAL.iter().map(|flag| (*flag).to_owned()).collect();
    assert_eq!(flags(&tree, true), global, "global flags");
}

#[test]
fn every_command_and_flag_says_what_it_does() {
    fn walk(command: &Clap) {
        assert!(command.get_about().is_some(), "{} has no help", command.get_name());
        let about = command.get_about().unwrap().to_string();
        assert!(
            !about.ends_with('.') || command.get_name() == "tars",
            "{}: \"{about}\" ends with a full stop",
            command.get_name()
        );
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{} of {} has no help", arg.get_id(), command.get_name());
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&Cli::command());
    Cli::command().debug_assert();
}

#[test]
fn the_version_is_printed() {
    let version = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("VERSION")).unwrap();
    assert_eq!(stdout(&["--version"]), format!("tars {version}"));
}

#[test]
fn the_version_comes_at_once() {
    // The figure itself is tests/bench/install.sh's; here only a start that waits for something is found.
    let fastest = (0..5)
        .map(|_| {
            let begun = std::time::Instant::now();
            stdout(&["--version"]);
            begun.elapsed()
        })
        .min()
        .unwrap();
    assert!(fastest.as_millis() <= 250, "{fastest:?}");
}

#[test]
fn wrong_usage_is_64_and_names_the_mistake() {
    for (args, word) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["install", "--no-such-flag"], "--no-such-flag"),
        (&["nonsense"], "nonsense"),
        (&["install", "--images"], "--images"),
        (&["logs", "--tail", "many"], "many"),
        (&["logs", "--since", "yesterday"], "yesterday"),
        (&["start", "--cpu-only", "--recover"], "--recover"),
        (&["--color", "blue", "status"], "blue"),
        (&["completions", "tcsh"], "tcsh"),
        (&[], "Usage"),
    ] {
        let output = tars(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "tars {}: {said}", args.join(" "));
        assert!(said.contains(word), "tars {} does not say {word}: {said}", args.join(" "));
        assert!(output.stdout.is_empty(), "tars {} speaks on stdout", args.join(" "));
    }
}

#[test]
fn with_json_every_failure_is_one_document() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    for (verb, code) in [("start", 69), ("stop", 69), ("restart", 69), ("logs", 69), ("uninstall", 69), ("status", 1)] {
        let output = tars(&["--home", home, "--json", "--yes", verb]);
        assert_eq!(output.status.code(), Some(code), "{verb}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{verb}: {error}: {}", String::from_utf8_lossy(&output.stdout)));
        assert_eq!(document["schema"], 1, "{verb}");
        assert_eq!(document["command"], verb);
        assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!((&document["ok"], &document["exit"]), (&false.into(), &code.into()), "{verb}");
        let keys: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["schema", "command", "version", "ok", "exit", "data", "warnings", "errors"], "{verb}");
        if verb == "status" {
            assert!(!document["data"]["problems"].as_array().unwrap().is_empty(), "status names no problem");
        } else {
            assert!(document["errors"][0]["hint"].is_string(), "{verb} says no way out");
        }
    }
    let entries: Vec<_> = std::fs::read_dir(home).unwrap().collect();
    assert!(entries.is_empty(), "a verb that could do nothing left {entries:?}");
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = stdout(&["completions", shell]);
        for word in ["install", "skip-nas", "uninstall", "delete-data"] {
            assert!(text.contains(word), "{shell}'s completions lack {word}");
        }
    }
    // The other shells' own parsers are asked by tests/scenarios/shells.sh, where they are installed.
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), stdout(&["completions", "bash"]).as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_manual_page_names_every_command() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH tars 1"), "no title: {}", page.lines().take(5).collect::<String>());
    for (name, _) in TABLE {
        // roff would take a bare hyphen for a dash.
        let shown = name.replace('-', "\\-");
        assert!(page.contains(&format!("tars\\-{shown}")), "the page does not name {name}");
    }
}
