//! Compose: the files as compose itself resolves them, and how the home's files differ from those of this version.
//!
//! Values under `environment:` and `labels:` that are not the stack's own are left out: they may be anything.

use super::containers::is_own_label;
use super::ground::Ground;
use super::tray::Tray;
use crate::operate::compose::Compose;
use crate::stack::{compose, env};
use anyhow::Result;
use similar::TextDiff;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;

const HIDDEN: &str = "[not shown]";

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    differences(ground, tray);
    if ground.stack.env.is_none() {
        tray.note("stack/compose.yml", "there are no settings to resolve it with");
        return Ok(());
    }
    let resolved = Compose::find().await?.resolved(ground.stack).await?;
    tray.text("stack/compose.yml", &masked(&resolved));
    Ok(())
}

/// Every compose file of the home against the one of its name that this version brings.
fn differences(ground: &Ground<'_>, tray: &Tray) {
    let mut text = String::new();
    let entries = ground.stack.home.path().read_dir().into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "yml" || kind == "yaml"))
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let here = match std::fs::read_to_string(&path) {
            Ok(here) => here,
            Err(error) => {
                tray.note("stack/compose.diff", &format!("{}: {error}", path.display()));
                continue;
            }
        };
        let ours = compose::FILES.iter().find(|(file, _)| *file == name).map_or("", |(_, text)| text);
        if here == ours {
            let _ = writeln!(text, "{name}: as this version brings it");
            continue;
        }
        if let Ok(at) =
            std::fs::metadata(&path).map(|meta| jiff::Timestamp::from_second(meta.mtime()).unwrap_or_default())
        {
            tray.happened(&at.to_string(), &format!("{name} was written; it is not as this version brings it"));
        }
        let (here, ours) = (masked(&here), masked(ours));
        let diff = TextDiff::from_lines(ours.as_str(), here.as_str());
        text.push_str(
            &diff.unified_diff().header(&format!("{name} (this version)"), &format!("{name} (here)")).to_string(),
        );
    }
    tray.text("stack/compose.diff", &text);
}

/// YAML without values that are an operator's own.
fn masked(yaml: &str) -> String {
    let mut out = String::with_capacity(yaml.len());
    // The indent of the block that is looked at, whose kind it is, and the indent of a value that is left out.
    let (mut block, mut skip): (Option<(usize, bool)>, Option<usize>) = (None, None);
    for line in yaml.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if skip.is_some_and(|skip| indent > skip && !bare.is_empty()) {
            continue;
        }
        skip = None;
        // A list may stand at its key's own indent.
        if block.is_some_and(|(at, _)| !bare.is_empty() && (indent < at || indent == at && !bare.starts_with("- "))) {
            block = None;
        }
        let head = bare.trim_end();
        if matches!(head, "environment:" | "labels:") {
            block = Some((indent, head == "labels:"));
        } else if let Some((_, labels)) = block
            && let Some(shown) = mask(bare, labels)
        {
            out.push_str(&line[..indent]);
            out.push_str(&shown);
            out.push('\n');
            skip = Some(indent);
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// `KEY: value` or `- KEY=value` whose key is not the stack's own, without the value.
fn mask(line: &str, labels: bool) -> Option<String> {
    let item = line.strip_prefix("- ");
    let text = item.unwrap_or(line).trim_start_matches(['"', '\'']);
    let end = text.find(if item.is_some() { ['=', ':'] } else { [':', ':'] })?;
    let key = text[..end].trim_matches(['"', '\'']);
    let known = if labels { is_own_label(key) } else { is_ours(key) };
    (!known && !key.starts_with('#')).then(|| format!("{}{key}: {HIDDEN}", if item.is_some() { "- " } else { "" }))
}

/// Keys of the settings, and those that our own compose files pass on.
fn is_ours(key: &str) -> bool {
    env::key(key).is_some() || compose::FILES.iter().any(|(_, text)| text.contains(&format!("      {key}: ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_own_values_are_left_out() {
        let yaml = "services:\n  backend:\n    environment:\n      LOG_LEVEL: info\n      MINE: |\n        MARKER\n        MARKER\n      OTHER: MARKER\n    labels:\n      io.tars.stack: \"1\"\n      note: MARKER\n    image: kept\n  x:\n    environment:\n    - TARS_LLM=none\n    - ODD=MARKER\n    ports:\n    - 8000:8000\n";
        let masked = masked(yaml);
        assert!(!masked.contains("MARKER"), "{masked}");
        for kept in [
            "LOG_LEVEL: info",
            "io.tars.stack: \"1\"",
            "image: kept",
            "- TARS_LLM=none",
            "- 8000:8000",
            "- ODD: [not shown]",
            "OTHER: [not shown]",
        ] {
            assert!(masked.contains(kept), "{kept} is gone:\n{masked}");
        }
    }

    #[test]
    fn our_own_files_stay_as_they_are() {
        for (name, text) in compose::FILES {
            assert_eq!(masked(text), text, "{name}");
        }
    }
}
