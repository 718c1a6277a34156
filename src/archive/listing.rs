//! What is in an archive, by path: no name twice, nothing behind a link, and `SHA256SUMS`, its last member.
//!
//! The text is that of `sha256sum`, so that an operator without `tars` can check it: `sha256sum -c SHA256SUMS`.

use super::fault::broken;
use super::sum::Sum;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// The last member's name.
pub(super) const SUMS: &str = "SHA256SUMS";
/// More members than this are not kept in memory.
const MEMBERS_MAX: usize = 500_000;
const LINE_BYTES: u64 = 10_000;

/// Paths seen so far.
#[derive(Default)]
pub(super) struct Listing(BTreeMap<Box<str>, Seen>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    File(Sum),
    Directory,
    Link,
}

impl Listing {
    /// Refuses a path before its content is read.
    pub fn admit(&self, path: &str, directory: bool) -> io::Result<()> {
        if path == SUMS {
            return Err(broken(format!("holds {SUMS} twice")));
        }
        match self.0.get(path) {
            None => {}
            Some(Seen::Directory) if directory => {}
            Some(_) => return Err(broken(format!("holds {path} twice"))),
        }
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        for parent in above {
            if matches!(self.0.get(parent), Some(Seen::Link | Seen::File(_))) {
                return Err(broken(format!("holds {path} behind {parent}, which is no directory")));
            }
        }
        if self.0.len() >= MEMBERS_MAX { Err(broken(format!("holds more than {MEMBERS_MAX} members"))) } else { Ok(()) }
    }

    pub fn add(&mut self, path: &str, seen: Seen) {
        self.0.insert(path.into(), seen);
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, Sum)> {
        self.0.iter().filter_map(|(path, seen)| match seen {
            Seen::File(sum) => Some((path.as_ref(), *sum)),
            _ => None,
        })
    }

    /// `SHA256SUMS`' content.
    pub fn text(&self) -> String {
        use std::fmt::Write;
        self.files().fold(String::new(), |mut text, (path, sum)| {
            // sha256sum's own mark for an escaped name.
            let (mark, path) =
                if path.contains('\\') { ("\\", path.replace('\\', "\\\\")) } else { ("", path.to_owned()) };
            let _ = writeln!(text, "{mark}{sum}  {path}");
            text
        })
    }

    /// Compares with the text of the archive: everything that is there is named with its sum, and the reverse.
    pub fn check(&self, from: impl Read) -> io::Result<()> {
        let mut from = io::BufReader::new(from);
        let mut named = 0;
        loop {
            let mut line = String::new();
            match from.by_ref().take(LINE_BYTES).read_line(&mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(unreadable()),
                Err(error) => return Err(error),
            }
            self.check_line(line.strip_suffix('\n').ok_or_else(unreadable)?)?;
            named += 1;
        }
        let there = self.files().count();
        // Each line was found, so that a line too many is one that stands there twice.
        if named > there {
            return Err(broken(format!("names a member twice in {SUMS}")));
        }
        if named < there {
            return Err(broken(format!("holds {} that {SUMS} does not name", count(there - named, "member"))));
        }
        Ok(())
    }

    fn check_line(&self, line: &str) -> io::Result<()> {
        let (line, escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
        let (sum, path) = line.split_once("  ").ok_or_else(unreadable)?;
        let path = if escaped { path.replace("\\\\", "\\") } else { path.to_owned() };
        let sum = Sum::parse(sum).ok_or_else(unreadable)?;
        match self.0.get(path.as_str()) {
            Some(Seen::File(found)) if *found == sum => Ok(()),
            Some(Seen::File(_)) => Err(broken(format!("holds {path} with another content than {SUMS} names"))),
            _ => Err(broken(format!("lacks the member {path}, which {SUMS} names"))),
        }
    }
}

fn unreadable() -> io::Error {
    broken(format!("holds a {SUMS} that cannot be read"))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paths: &[&str]) -> Listing {
        let mut listing = Listing::default();
        for path in paths {
            listing.admit(path, false).unwrap();
            listing.add(path, Seen::File(Sum::of(path.as_bytes())));
        }
        listing
    }

    fn fault(listing: &Listing, text: &str) -> String {
        listing.check(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_list_and_the_members_are_one() {
        let two = listing(&["a", "b\\c"]);
        assert!(two.check(two.text().as_bytes()).is_ok());
        assert!(fault(&two, &listing(&["a"]).text()).contains("1 member that SHA256SUMS does not name"));
        assert!(fault(&two, &listing(&["a", "b\\c", "d"]).text()).contains("lacks the member d"));
        assert!(fault(&two, &two.text().replace("  a", "  a\n")).contains("cannot be read"));
        assert!(fault(&two, &(two.text() + &listing(&["a"]).text())).contains("twice"));
        assert!(fault(&two, &two.text().replacen('a', "b", 1)).contains("another content"));
        assert!(fault(&two, two.text().trim_end()).contains("cannot be read"));
    }

    #[test]
    fn nothing_stands_twice_or_behind_a_link() {
        let mut listing = listing(&["f"]);
        listing.add("l", Seen::Link);
        listing.add("d", Seen::Directory);
        for bad in ["f", "l", "l/x", "f/x", "l/x/y", "d", SUMS] {
            assert!(listing.admit(bad, false).is_err(), "{bad}");
        }
        assert!(listing.admit("d", true).is_ok());
        assert!(listing.admit("d/x", false).is_ok());
    }
}
