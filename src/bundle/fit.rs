//! The limit of size: of logs the oldest lines go first, over all of them; what is still too much then goes whole.

use super::tray::{Kind, Member};
use crate::archive::packed;
use anyhow::Result;

/// A member as it stands in the archive.
pub(super) struct Packed {
    /// The member.
    pub member: Member,
    /// Its bytes in the archive.
    pub bytes: Vec<u8>,
}

/// Packs members below `root`, with their sizes.
///
/// # Errors
/// When a path cannot stand in a tar.
pub(super) fn pack(root: &str, mtime: u64, member: Member) -> Result<Packed> {
    let bytes = packed(&format!("{root}/{}", member.path), mtime, &member.text)?;
    Ok(Packed { member, bytes })
}

/// Packs them all so that they fit into `most` bytes; the names of what had to go whole come back as well.
///
/// # Errors
/// As [`pack`].
pub(super) fn fit(root: &str, mtime: u64, members: Vec<Member>, most: u64) -> Result<(Vec<Packed>, Vec<String>)> {
    let mut all = members.into_iter().map(|member| pack(root, mtime, member)).collect::<Result<Vec<_>>>()?;
    let mut gone = Vec::new();
    loop {
        let over = total(&all).saturating_sub(most);
        if over == 0 {
            return Ok((all, gone));
        }
        let cut = cut_oldest(&mut all, over);
        for (packed, _) in all.iter_mut().zip(&cut).filter(|(_, cut)| **cut) {
            *packed = pack(root, mtime, packed.member.clone())?;
        }
        if !cut.contains(&true) {
            // No lines are left to cut: the largest goes.
            let Some(largest) = (0..all.len()).max_by_key(|index| all[*index].bytes.len()) else {
                return Ok((all, gone));
            };
            gone.push(all.remove(largest).member.path);
        }
    }
}

fn total(all: &[Packed]) -> u64 {
    all.iter().map(|packed| packed.bytes.len() as u64).sum()
}

/// Cuts as many of the oldest lines of all logs as should save `over` bytes; says which members it cut.
fn cut_oldest(all: &mut [Packed], over: u64) -> Vec<bool> {
    // Time, member, end of the line in its text.
    let mut lines: Vec<(String, usize, usize)> = Vec::new();
    let (mut raw, mut compressed) = (0_u64, 0_u64);
    for (index, packed) in all.iter().enumerate().filter(|(_, packed)| packed.member.kind == Kind::Log) {
        raw += packed.member.text.len() as u64;
        compressed += packed.bytes.len() as u64;
        let (mut end, mut time) = (0, String::new());
        for line in packed.member.text.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            // A line without a time of its own belongs to the one before.
            let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            if word.first().is_some_and(u8::is_ascii_digit) && word.len() < 40 {
                time = String::from_utf8_lossy(word).into_owned();
            }
            lines.push((time.clone(), index, end));
        }
    }
    lines.sort();
    // A tenth less is kept than the ratio says, so that few rounds are needed.
    let kept = raw * compressed.saturating_sub(over) / compressed.max(1) * 9 / 10;
    let mut needed = raw - kept;
    let mut ends = vec![0_usize; all.len()];
    let mut counts = vec![0_usize; all.len()];
    for (_, index, end) in lines {
        if needed == 0 {
            break;
        }
        let length = end.saturating_sub(ends[index]) as u64;
        needed = needed.saturating_sub(length);
        (ends[index], counts[index]) = (end.max(ends[index]), counts[index] + 1);
    }
    for ((packed, end), count) in all.iter_mut().zip(&ends).zip(&counts).filter(|((_, end), _)| **end > 0) {
        packed.member.text.drain(..*end);
        packed.member.cut_lines += count;
    }
    ends.iter().map(|end| *end > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// Text that does not shrink to nothing.
    fn line(time: u32, seed: u64) -> String {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut words = String::new();
        for _ in 0..40 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(words, "{:x}", state % 4096).unwrap();
        }
        format!("2026-11-21T10:{:02}:{:02}Z {words}\n", time / 60 % 60, time % 60)
    }

    fn member(path: &str, kind: Kind, text: String) -> Member {
        Member { path: path.into(), kind, text: text.into_bytes(), cut_lines: 0 }
    }

    #[test]
    fn the_oldest_lines_of_all_logs_go_first() {
        let early: String = (0..1500).map(|n| line(n, u64::from(n))).collect();
        let late: String = (1500..3000).map(|n| line(n, u64::from(n) + 7777)).collect();
        let facts = member("facts.json", Kind::Look, "x".repeat(50));
        let logs =
            vec![facts, member("logs/early.log", Kind::Log, early), member("logs/late.log", Kind::Log, late.clone())];
        let whole = total(&fit("r", 0, logs.clone(), u64::MAX).unwrap().0);
        let (fitted, gone) = fit("r", 0, logs, whole * 7 / 10).unwrap();
        assert!(total(&fitted) <= whole * 7 / 10 && gone.is_empty());
        let of = |path: &str| &fitted.iter().find(|packed| packed.member.path == path).unwrap().member;
        assert!(of("logs/early.log").cut_lines > 700 && of("logs/late.log").cut_lines == 0);
        assert!(of("logs/early.log").text.ends_with(line(1499, 1499).as_bytes()));
        assert_eq!((of("logs/late.log").text.len(), of("facts.json").text.len()), (late.len(), 50));
    }

    #[test]
    fn what_holds_no_lines_goes_whole_and_is_named() {
        let noise: String = (0..400).map(|n| line(n, u64::from(n))).collect();
        let (fitted, gone) =
            fit("r", 0, vec![member("a", Kind::Look, noise), member("b", Kind::Look, "x".into())], 2000).unwrap();
        assert_eq!((fitted.len(), gone), (1, vec!["a".to_owned()]));
    }
}
