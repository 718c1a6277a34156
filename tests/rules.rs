//! The project's own rules: which layer may know which, and that what is written twice says the same thing twice.
//!
//! Reads files only; needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test's helpers end the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tars::exit::Exit;
use tars::stack::service::{self, Service};
use tars::stack::{compose, env};

/// Each part of `src/` and what it may use of the others. The order is that of the layers, lowest first.
const LAYERS: [(&str, &[&str]); 16] = [
    ("base", &["error", "exit"]),
    ("stack", &["error", "exit"]),
    ("docker", &["stack", "error", "exit"]),
    ("archive", &["stack", "error", "exit"]),
    ("redact", &["stack", "error", "exit"]),
    ("client", &["stack", "error", "exit"]),
    ("ui", &["stack", "error", "exit"]),
    ("context", &["docker", "archive", "redact", "client", "ui", "stack", "error", "exit"]),
    ("operate", &["context", "docker", "archive", "redact", "client", "ui", "stack", "error", "exit"]),
    ("facts", &["operate", "context", "docker", "archive", "redact", "client", "ui", "stack", "error", "exit"]),
    (
        "check",
        &["facts", "operate", "context", "docker", "archive", "redact", "client", "ui", "stack", "error", "exit"],
    ),
    ("bundle", &["check", "facts", "operate", "docker", "archive", "redact", "client", "stack", "error", "exit"]),
    (
        "validate",
        &[
            "check", "facts", "operate", "context", "docker", "archive", "redact", "client", "ui", "stack", "error",
            "exit",
        ],
    ),
    (
        "command",
        &[
            "bundle", "validate", "check", "facts", "operate", "context", "docker", "archive", "redact", "client",
            "ui", "stack", "error", "exit",
        ],
    ),
    ("serve", &["redact", "client", "ui", "stack", "error", "exit"]),
    ("cli", &["command", "serve", "ui", "stack", "error", "exit"]),
];

/// Crates and macros that only some places may name.
const FENCES: [(&str, &[&str]); 14] = [
    ("aho_corasick::", &["bundle/"]),
    ("bollard::", &["docker/"]),
    ("tar::", &["archive/"]),
    ("flate2::", &["archive/"]),
    ("libdeflater::", &["archive/"]),
    ("age::", &["archive/"]),
    ("sha2::", &["archive/"]),
    ("regex::", &["redact/"]),
    ("indicatif::", &["ui/"]),
    ("axum::", &["serve/"]),
    ("reqwest::", &["client/"]),
    ("clap::", &["cli.rs", "lib.rs", "command/", "serve/args.rs"]),
    ("io::stdout", &["ui/", "lib.rs", "serve/"]),
    ("io::stderr", &["ui/", "lib.rs", "serve/"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// Every source file: its path below `src/`, and its text without comments.
fn sources() -> Vec<(String, String)> {
    let (src, mut paths) = (root().join("src"), Vec::new());
    files_below(&src, &mut paths);
    let of = |path: &PathBuf| {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(path).unwrap_or_default();
        (name, text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n"))
    };
    paths.iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")).map(of).collect()
}

/// The word that begins at `at`, when no word goes on into it from the left.
fn word_after<'a>(text: &'a str, start: &str) -> impl Iterator<Item = &'a str> {
    let inside_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    text.match_indices(start).filter(move |(at, _)| !text[..*at].ends_with(inside_word)).map(move |(at, found)| {
        let rest = &text[at + found.len()..];
        &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
    })
}

/// `use crate::{a::…, b}` names a and b.
fn grouped(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, found) in text.match_indices("crate::{") {
        let (mut depth, mut name) = (1, String::new());
        for c in text[at + found.len()..].chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => break,
                '}' => depth -= 1,
                ',' if depth == 1 => names.push(std::mem::take(&mut name)),
                _ => {}
            }
            if depth == 1 && c != ',' {
                name.push(c);
            }
        }
        names.push(name);
    }
    let first = |name: &String| name.trim().split("::").next().unwrap_or_default().trim().to_owned();
    names.iter().map(first).filter(|name| !name.is_empty()).collect()
}

fn part_of(file: &str) -> &str {
    let first = file.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn imports_go_downwards_only() {
    let parts: BTreeSet<_> = LAYERS.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let part = part_of(&file);
        if matches!(part, "main" | "lib") {
            continue;
        }
        let Some((_, may)) = LAYERS.iter().find(|(name, _)| *name == part) else {
            panic!("src/{file} belongs to no layer: say in tests/rules.rs what it may know");
        };
        let mut used: BTreeSet<String> = word_after(&text, "crate::").map(str::to_owned).collect();
        used.extend(grouped(&text));
        for name in used.iter().filter(|name| parts.contains(name.as_str()) && *name != part) {
            if !may.contains(&name.as_str()) {
                wrong.push(format!("src/{file} uses {name}, which {part} must not know"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn verbs_do_not_call_each_other() {
    let verbs: Vec<String> = std::fs::read_dir(root().join("src/command"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .filter(|name| !matches!(name.as_str(), "mod" | "running"))
        .collect();
    for (file, text) in sources().iter().filter(|(file, _)| file.starts_with("command/")) {
        let own = file.trim_start_matches("command/").split('/').next().unwrap().trim_end_matches(".rs");
        let called: Vec<_> = verbs
            .iter()
            .filter(|verb| *verb != own)
            .filter(|verb| {
                // A layer below may bear a verb's name.
                let below = text.contains(&format!("use crate::{verb};"));
                text.contains(&format!("{verb}::run(")) && !below
                    || text.contains(&format!("crate::command::{verb}::run"))
            })
            .collect();
        assert!(called.is_empty(), "src/{file} calls another verb: {called:?}");
    }
}

#[test]
fn crates_stay_behind_their_fences() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (name, places) in FENCES {
            let root_name = name.trim_end_matches("::");
            let named = name.ends_with("::") && word_after(&text, name).next().is_some()
                || text.contains(&format!("use {root_name};"))
                || !name.ends_with("::") && text.contains(name);
            if named && !places.iter().any(|place| file.starts_with(place)) {
                wrong.push(format!("src/{file} names {root_name}, which only {} may", places.join(", ")));
            }
        }
        for printing in ["println!", "eprintln!", "print!(", "eprint!(", "dbg!("] {
            if word_after(&text, printing).next().is_some() && !file.starts_with("ui/") {
                wrong.push(format!("src/{file} prints by {printing}: reports go through ui"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_fences_are_real() {
    // The reader of the sources sees what it is meant to see.
    assert_eq!(word_after("use crate::docker::X; mycrate::ui", "crate::").collect::<Vec<_>>(), ["docker"]);
    assert_eq!(grouped("use crate::{error::{A, B}, ui, stack::env};"), ["error", "ui", "stack"]);
    let all = sources();
    for (name, places) in FENCES.iter().filter(|(name, _)| !matches!(*name, "flate2::" | "regex::")) {
        let there = all.iter().any(|(file, text)| file.starts_with(places[0]) && text.contains(name));
        assert!(there, "nobody names {name} any more: its fence can go");
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    let mut paths = Vec::new();
    files_below(&root().join("src"), &mut paths);
    // A file of tests belongs to the module beside it.
    let is_module = |path: &&PathBuf| path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs");
    for path in paths.iter().filter(is_module).filter(|path| !path.to_str().unwrap().ends_with("_tests.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("//!"), "{} opens without saying what it is for", path.display());
    }
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = read("VERSION").trim().to_owned();
    assert_eq!(version, env!("CARGO_PKG_VERSION"), "VERSION and Cargo.toml");
    let log = read("CHANGELOG.md");
    let newest = log.lines().find_map(|line| line.strip_prefix("## [")).expect("CHANGELOG.md has no version");
    let newest = newest.split(']').next().unwrap();
    assert_eq!(version, newest, "VERSION and the newest heading of CHANGELOG.md");
}

#[test]
fn the_readme_is_short_and_lists_every_exit_code() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 150, "README.md has {} lines", readme.lines().count());
    assert!(readme.contains("tests/run"), "README.md does not name tests/run");
    let rows: Vec<_> = readme
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
            let code: u8 = cells.next()?.trim_matches('`').parse().ok()?;
            Some((code, cells.next()?.to_owned()))
        })
        .collect();
    let all: Vec<_> = Exit::ALL.iter().map(|(exit, meaning)| (exit.code(), (*meaning).to_owned())).collect();
    assert_eq!(rows, all, "README.md's exit codes");
}

#[test]
fn every_key_of_the_env_file_is_documented() {
    let docs = read("docs/INSTALL_HOME.md");
    let missing: Vec<_> =
        env::KEYS.iter().map(|key| key.name).filter(|name| !docs.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/INSTALL_HOME.md does not explain {missing:?}");
    // And nothing is documented that does not exist (variables of tars itself apart).
    let known = |name: &str| env::key(name).is_some() || docs_only(name);
    let named = docs.split('`').filter(|word| {
        (word.starts_with("TARS_") || word.starts_with("NAS_") || word.starts_with("COMPOSE_"))
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    let unknown: BTreeSet<_> = named.filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "docs/INSTALL_HOME.md names settings that do not exist: {unknown:?}");
}

/// Variables that `tars` reads from its surroundings, not from the env file.
fn docs_only(name: &str) -> bool {
    matches!(name, "TARS_HOME" | "TARS_MIRROR" | "TARS_SECURITY_MIRROR" | "TARS_KEYRING" | "TARS_WORK")
        || name.ends_with('_')
}

#[test]
fn every_key_of_the_template_has_a_comment() {
    let mut commented = false;
    for line in env::TEMPLATE.lines() {
        match line.split_once('=') {
            Some((key, _)) if !line.starts_with('#') => {
                // Keys of one kind may stand together under one comment.
                assert!(commented, "{key} has no comment in deploy/tars-home.env.template");
            }
            _ => commented = line.starts_with('#') && !line.starts_with("# ---"),
        }
    }
}

// --- the service rows and the compose file -----------------------------------------------------------------------

/// The lines of one block of a YAML file as this project writes it: a key at `indent`, and what is deeper.
fn block<'a>(text: &'a str, indent: usize, key: &str) -> Option<Vec<&'a str>> {
    let head = format!("{}{key}:", " ".repeat(indent));
    let mut lines = text.lines().skip_while(|line| *line != head && !line.starts_with(&format!("{head} ")));
    let first = lines.next()?;
    let deeper = |line: &&str| line.is_empty() || line.starts_with(&" ".repeat(indent + 1));
    Some(std::iter::once(first).chain(lines.take_while(deeper)).collect())
}

/// A list of strings: `[…]` in one line, or `- ` lines, of which one may be folded (`>-`) or kept (`|`).
fn list(lines: &[&str], key: &str) -> Vec<String> {
    let at = lines.iter().position(|line| line.trim_start().starts_with(&format!("{key}:"))).unwrap();
    let first = lines[at].trim_start().strip_prefix(&format!("{key}:")).unwrap().trim();
    if !first.is_empty() {
        return serde_json::from_str(first).unwrap_or_else(|error| panic!("{key}: {first}: {error}"));
    }
    let mut items: Vec<(String, char)> = Vec::new();
    let indent = lines[at + 1].len() - lines[at + 1].trim_start().len();
    for line in &lines[at + 1..] {
        let depth = line.len() - line.trim_start().len();
        match line.trim_start().strip_prefix("- ") {
            Some(">-") if depth == indent => items.push((String::new(), ' ')),
            Some("|") if depth == indent => items.push((String::new(), '\n')),
            Some(item) if depth == indent => items.push((item.to_owned(), '-')),
            _ if depth > indent => {
                let (text, join) = items.last_mut().unwrap();
                if !text.is_empty() {
                    text.push(*join);
                }
                text.push_str(line.trim());
            }
            _ => break,
        }
    }
    items.into_iter().map(|(text, _)| text).collect()
}

fn compose_block(service: &Service) -> Vec<&'static str> {
    let main = compose::FILES.iter().find(|(name, _)| *name == compose::MAIN).unwrap().1;
    let services = main.split("\nservices:\n").nth(1).unwrap().split("\nnetworks:\n").next().unwrap();
    block(services, 2, service.name).unwrap_or_else(|| panic!("{} is not in the compose file", service.name))
}

#[test]
fn the_compose_file_is_the_service_rows() {
    let main = read("deploy/docker-compose.home.yml");
    let services = main.split("\nservices:\n").nth(1).unwrap().split("\nnetworks:\n").next().unwrap();
    let in_file: BTreeSet<_> = services
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with([' ', '#']))
        .collect();
    let in_rows: BTreeSet<_> = service::ALL.iter().map(|service| service.name).collect();
    assert_eq!(in_file, in_rows, "services");
    for service in service::ALL {
        let lines = compose_block(service);
        let has = |text: &str| lines.iter().any(|line| line.trim_start().starts_with(text));
        assert!(has(&format!("image: ${{{}:?", service.image_setting)), "{}'s image", service.name);
        let container = lines.iter().find(|line| line.contains("container_name:")).unwrap();
        assert!(container.ends_with(&format!("}}-{}", service.name)), "{}'s container: {container}", service.name);
        assert!(has("stop_grace_period:"), "{} has no stop_grace_period", service.name);
        for volume in service.volumes {
            assert!(has(&format!("- {}:{}", volume.key, volume.path)), "{}'s volume {}", service.name, volume.key);
        }
    }
}

#[test]
fn every_probe_is_the_compose_files_own() {
    for service in service::ALL {
        let lines = compose_block(service);
        let test = list(&lines, "test");
        let test: Vec<_> = test.iter().map(|word| word.replace("$$", "$")).collect();
        let probe: Vec<_> = std::iter::once("CMD").chain(service.probe.command.iter().copied()).collect();
        assert_eq!(test, probe, "{}'s health probe", service.name);
    }
}

#[test]
fn every_volume_has_its_name_from_the_settings() {
    let main = read("deploy/docker-compose.home.yml");
    let section = main.split("\nvolumes:\n").nth(1).unwrap();
    let keys: BTreeSet<_> = section.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).collect();
    let rows: BTreeSet<_> = service::volumes().map(|(_, volume)| volume.key).collect();
    assert_eq!(keys, rows, "volumes");
    for (_, volume) in service::volumes() {
        let lines = block(section, 2, volume.key).unwrap();
        // No default: a wrong name would be an empty volume.
        assert!(lines[1].trim().starts_with(&format!("name: ${{{}:?", volume.setting)), "{}: {}", volume.key, lines[1]);
    }
}

#[test]
fn every_compose_file_is_embedded() {
    let on_disk: BTreeSet<_> = std::fs::read_dir(root().join("deploy"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "yml" || kind == "yaml"))
        .collect();
    let embedded: BTreeSet<_> = compose::FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(on_disk, embedded);
    for (name, text) in compose::FILES {
        assert_eq!(text, read(&format!("deploy/{name}")), "{name}");
        for setting in text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap()) {
            assert!(env::key(setting).is_some(), "{name} asks for {setting}, which no setting is called");
        }
    }
}

#[test]
fn only_the_api_is_published_and_secrets_are_in_no_command() {
    for (name, text) in compose::FILES {
        let published =
            text.lines().map(str::trim).filter(|line| line.starts_with("- \"") && line.contains(":${TARS_PORT"));
        for line in published {
            let outside =
                line.starts_with("- \"${TARS_BIND:-0.0.0.0}:${TARS_PORT_API") || line.contains("TARS_PORT_WEB");
            assert!(outside || line.starts_with("- \"127.0.0.1:"), "{name} publishes {line}");
        }
    }
    for service in service::ALL {
        let lines = compose_block(service).join("\n");
        let command = block(&lines, 4, "command").unwrap_or_default().join("\n");
        for secret in env::secrets() {
            assert!(!command.contains(&format!("${{{secret}")), "{}'s command holds {secret}", service.name);
        }
    }
}

// --- the tree -----------------------------------------------------------------------------------------------------

#[test]
fn no_file_names_a_machine_of_ours() {
    let listed =
        std::process::Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root()).output();
    let listed = String::from_utf8(listed.expect("git is needed").stdout).unwrap();
    let here = root().display().to_string();
    for name in listed.lines() {
        let Ok(text) = std::fs::read_to_string(root().join(name)) else { continue };
        let found = text.lines().position(|line| line.contains(&here));
        assert!(found.is_none(), "{name}, line {}: {here}", found.unwrap_or_default() + 1);
    }
}

#[test]
fn scripts_are_executable_or_sourced() {
    use std::os::unix::fs::PermissionsExt;
    let mut paths = vec![root().join(".ci/run"), root().join("tests/run")];
    files_below(&root().join("tests"), &mut paths);
    for path in paths.iter().filter(|path| path.extension().is_none_or(|kind| kind == "sh")) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        let executable = std::fs::metadata(path).unwrap().permissions().mode() & 0o111 != 0;
        assert_eq!(
            text.starts_with("#!"),
            executable,
            "{}: a first line #! and the mode belong together",
            path.display()
        );
    }
}
