//! Memory of a container from the kernel's own files: the engine's `stats` takes a second or two, this a millisecond.
//!
//! ```
//! # use tars::facts::cgroup;
//! let bytes: Option<u64> = cgroup::memory_in_use(1); // `None`: say "–"
//! ```

use std::path::{Path, PathBuf};

/// Bytes in use by the control group of a process, page cache that could go left out, as `docker stats` counts.
///
/// `None` when the kernel does not tell this user, or the process has ended.
#[must_use]
pub fn memory_in_use(pid: i64) -> Option<u64> {
    (pid > 0).then(|| in_use(Path::new("/"), pid)).flatten()
}

fn in_use(root: &Path, pid: i64) -> Option<u64> {
    let groups = std::fs::read_to_string(root.join(format!("proc/{pid}/cgroup"))).ok()?;
    let (dir, usage, idle) = first(root, &groups)?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let usage = number(&std::fs::read_to_string(dir.join(usage)).ok()?)?;
    let stat = std::fs::read_to_string(dir.join("memory.stat")).ok()?;
    let idle = stat.lines().find_map(|line| number(line.strip_prefix(idle)?.strip_prefix(' ')?))?;
    Some(usage.saturating_sub(idle))
}

/// The group's directory, the name of its usage file, and the line of `memory.stat` that can go: version 1 where a
/// memory controller of that version is named, else version 2.
fn first(root: &Path, groups: &str) -> Option<(PathBuf, &'static str, &'static str)> {
    let lines = || groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    // A path with `..` lies outside of what this process may see.
    let place =
        |base: &str, path: &str| (!path.contains("..")).then(|| root.join(base).join(path.trim_start_matches('/')));
    if let Some((_, path)) = lines().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory")) {
        return Some((place("sys/fs/cgroup/memory", path)?, "memory.usage_in_bytes", "total_inactive_file"));
    }
    let (_, path) = lines().find(|(controllers, _)| controllers.is_empty())?;
    Some((place("sys/fs/cgroup", path)?, "memory.current", "inactive_file"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::root;
    use super::*;

    #[test]
    fn both_versions_leave_the_cache_out() {
        let two = root(&[
            ("proc/7/cgroup", "0::/system.slice/docker-abc.scope\n"),
            ("sys/fs/cgroup/system.slice/docker-abc.scope/memory.current", "5000\n"),
            ("sys/fs/cgroup/system.slice/docker-abc.scope/memory.stat", "anon 1\ninactive_file 2000\n"),
        ]);
        assert_eq!(in_use(two.path(), 7), Some(3000));
        let one = root(&[
            ("proc/7/cgroup", "5:devices:/docker/abc\n4:memory:/docker/abc\n0::/\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.stat", "inactive_file 7\ntotal_inactive_file 1000\n"),
        ]);
        assert_eq!(in_use(one.path(), 7), Some(4000));
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        assert_eq!(in_use(root(&[]).path(), 7), None);
        assert_eq!(in_use(root(&[("proc/7/cgroup", "0::/../../x\n")]).path(), 7), None);
        assert_eq!(memory_in_use(0), None);
    }
}
