//! The settings: every key of the table, what differs from the default, what the file holds beside that.

use super::ground::Ground;
use super::tray::Tray;
use crate::stack::env::{KEYS, Kind};
use crate::stack::envfile::EnvFile;
use std::fmt::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

pub(super) fn collect(ground: &Ground<'_>, tray: &Tray) {
    let path = ground.stack.home.env_file();
    if let Ok(meta) = std::fs::metadata(&path) {
        let at = jiff::Timestamp::from_second(meta.mtime()).unwrap_or_default();
        tray.happened(&at.to_string(), "the settings (tars-home.env) were written");
        let mode = meta.permissions().mode() & 0o7777;
        tray.text(
            "stack/settings.meta.txt",
            &format!("{} mode {mode:o} owner {} bytes {}", path.display(), meta.uid(), meta.len()),
        );
    }
    if let Some(env) = &ground.stack.env {
        tray.text("stack/settings.txt", &listed(env));
    } else {
        let why = match &ground.stack.env_problem {
            Some(error) => format!("{error:#}"),
            None => format!("{} does not exist", path.display()),
        };
        tray.note("stack/settings.txt", &why);
    }
}

/// A line for each key; `*` marks what differs from its default. Of secrets only whether there is one.
fn listed(env: &EnvFile) -> String {
    let mut text = String::from("* = differs from the default\n");
    for key in KEYS {
        let value = env.get(key.name);
        let shown = match (key.kind, value) {
            (_, None) => "(not in the file)".to_owned(),
            (_, Some("")) => "(empty)".to_owned(),
            (Kind::Secret, Some(_)) => "(set)".to_owned(),
            (_, Some(value)) => value.to_owned(),
        };
        let differs = key.kind != Kind::Secret && value.is_some_and(|value| value != key.default);
        let default = if differs {
            format!("   (default: {})", if key.default.is_empty() { "empty" } else { key.default })
        } else {
            String::new()
        };
        // A colon, for `KEY=` would have the whole line judged by the key's name.
        let _ = writeln!(text, "{} {}: {shown}{default}", if differs { '*' } else { ' ' }, key.name);
    }
    for entry in env.entries().filter(|entry| KEYS.iter().all(|key| key.name != entry.key)) {
        let _ = writeln!(text, "? {}: [not shown]   (no setting of this version)", entry.key);
    }
    for problem in env.problems() {
        let _ = writeln!(text, "! line {}: {}", problem.line, problem.what);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked_and_no_secret_is_told() {
        let text = listed(&EnvFile::parse(
            "TARS_PORT_API=9000\nTARS_JWT_SECRET=MARKER\nMINE=MARKER\nLOG_LEVEL=info\nbroken MARKER\n",
        ));
        assert!(
            text.contains("* TARS_PORT_API: 9000   (default: 8000)") && text.contains("  LOG_LEVEL: info\n"),
            "{text}"
        );
        assert!(
            text.contains("TARS_JWT_SECRET: (set)")
                && text.contains("? MINE: [not shown]")
                && text.contains("! line 5"),
            "{text}"
        );
        assert!(!text.contains("MARKER"), "{text}");
    }
}
