//! The line in `/etc/fstab` that mounts a share again after a reboot; before each change a dated copy is kept.

use super::Share;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::engine;
use crate::stack::state;
use anyhow::{Context, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The table.
pub const FILE: &str = "/etc/fstab";

/// Writes the line of a share; `None` takes it out. Returns the copy that was kept, or `None` where nothing changed.
///
/// # Errors
/// When the table cannot be read or written, or the mount point has a line of somebody else's.
pub fn write(table: &Path, project: &str, share: &Share, line: Option<&str>) -> Result<Option<PathBuf>> {
    let before = match std::fs::read_to_string(table) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("could not read {}", table.display()))?,
    };
    let mark = mark(project, &share.name);
    if line.is_some() {
        refuse_foreign(&before, &mark, share, table)?;
    }
    let after = with_line(&before, &mark, line);
    if after == before {
        return Ok(None);
    }
    let copy = table.with_file_name(format!("fstab.tars-{}", jiff::Zoned::now().strftime("%Y%m%d_%H%M%S")));
    let mode = std::fs::metadata(table).map_or(0o644, |meta| meta.permissions().mode() & 0o7777);
    state::write(&copy, mode, before.as_bytes())?;
    state::write(table, mode, after.as_bytes())?;
    Ok(Some(copy))
}

/// Whether the table has our line of a share.
#[must_use]
pub fn has(table: &Path, project: &str, name: &str) -> bool {
    std::fs::read_to_string(table).is_ok_and(|text| text.lines().any(|line| line == mark(project, name)))
}

/// The line itself. `nofail`: a NAS that is off must not keep the machine from starting.
#[must_use]
pub fn line(share: &Share, credentials: &Path) -> String {
    let automount = if engine::has_systemd() { ",x-systemd.automount,x-systemd.mount-timeout=30" } else { "" };
    format!(
        "{} {} {} {},_netdev,nofail{automount} 0 0",
        escaped(&share.source()),
        escaped(&share.mount_point.to_string_lossy()),
        share.kind.name(),
        escaped(&share.options(credentials))
    )
}

fn mark(project: &str, name: &str) -> String {
    format!("# tars {project} {name}: written by tars nas, taken out by tars nas unmount")
}

/// Blanks and tabs end a word there.
fn escaped(word: &str) -> String {
    word.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('#', "\\043")
}

/// The text with our line behind its mark, in the place where it stood.
fn with_line(text: &str, mark: &str, line: Option<&str>) -> String {
    let (mut kept, mut lines, mut done) = (Vec::new(), text.lines(), false);
    while let Some(old) = lines.next() {
        if old != mark {
            kept.push(old);
            continue;
        }
        // The line behind the mark is ours.
        lines.next();
        if let Some(line) = line.filter(|_| !done) {
            kept.extend([mark, line]);
            done = true;
        }
    }
    if let Some(line) = line.filter(|_| !done) {
        kept.extend([mark, line]);
    }
    kept.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// A mount point that has another line is somebody else's.
fn refuse_foreign(text: &str, mark: &str, share: &Share, table: &Path) -> Result<()> {
    let at = escaped(&share.mount_point.to_string_lossy());
    let mut before = "";
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        if !line.trim_start().starts_with('#') && words.get(1) == Some(&at.as_str()) && before != mark {
            let what =
                format!("{} has a line for {} that tars did not write", table.display(), share.mount_point.display());
            return Err(Failure::new(Exit::Failed, what)
                .hint("take that line out, or choose another place: --mount-point DIR")
                .into());
        }
        before = line;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, example};
    use super::*;

    const OWN: &str = "# disks\nUUID=1 / ext4 defaults 0 1\n";

    #[test]
    fn the_line_comes_once_and_goes_without_a_trace() {
        let dir = tempfile::tempdir().unwrap();
        let table = dir.path().join("fstab");
        std::fs::write(&table, OWN).unwrap();
        let share = example(Kind::Cifs);
        let line = line(&share, Path::new("/opt/tars/nas/documents.credentials"));
        let copy = write(&table, "p", &share, Some(&line)).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), OWN);
        assert!(has(&table, "p", "documents") && !has(&table, "p", "backup"));
        let text = std::fs::read_to_string(&table).unwrap();
        assert!(text.contains("//nas.lan/my\\040docs /mnt/llm_docs cifs ro,"), "{text}");
        assert!(text.contains(",_netdev,nofail"));
        assert_eq!(write(&table, "p", &share, Some(&line)).unwrap(), None);
        write(&table, "p", &share, Some("other line")).unwrap();
        assert!(!std::fs::read_to_string(&table).unwrap().contains("cifs"));
        write(&table, "p", &share, None).unwrap();
        assert_eq!(std::fs::read_to_string(&table).unwrap(), OWN);
    }

    #[test]
    fn somebody_elses_line_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let table = dir.path().join("fstab");
        std::fs::write(&table, "server:/x /mnt/llm_docs nfs defaults 0 0\n").unwrap();
        let error = write(&table, "p", &example(Kind::Cifs), Some("x")).unwrap_err();
        assert!(error.to_string().contains("did not write"), "{error}");
        write(&table, "p", &example(Kind::Cifs), None).unwrap();
    }
}
