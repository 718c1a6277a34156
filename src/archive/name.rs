//! The name of an archive: when it was made, in UTC, and nothing else.
//!
//! ```
//! use tars_archive::Name;
//! let name = Name::parse("tars-backup-20261121_081500.tar.gz.age").unwrap();
//! assert_eq!(name.stem(), "tars-backup-20261121_081500");
//! assert_eq!(name.sidecar(true), "tars-backup-20261121_081500.tar.gz.age.sha256");
//! ```

use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};

const PREFIX: &str = "tars-backup-";
const FORMAT: &str = "tars-backup-%Y%m%d_%H%M%S";

/// An archive's name without its endings; it is the root directory inside as well. Names sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name of an archive begun at this moment.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(time.to_zoned(TimeZone::UTC).strftime(FORMAT).to_string())
    }

    /// Reads a stem, or a file name with any of the endings (the sidecar's and `.partial` too).
    #[must_use]
    pub fn parse(file: &str) -> Option<Self> {
        let stem = file.split('.').next()?;
        let rest = &file[stem.len()..];
        let rest = rest.strip_suffix(".sha256").or_else(|| rest.strip_suffix(".partial")).unwrap_or(rest);
        let known = matches!(rest, "" | ".tar.gz" | ".tar.gz.age");
        let digits = stem.strip_prefix(PREFIX)?;
        // strptime is lenient about widths; a name is not.
        let exact = digits.len() == 15 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        (known && exact && DateTime::strptime(FORMAT, stem).is_ok()).then(|| Self(stem.to_owned()))
    }

    /// `tars-backup-20261121_081500`.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.0
    }

    /// The archive's file name.
    #[must_use]
    pub fn file(&self, encrypted: bool) -> String {
        format!("{}.tar.gz{}", self.0, if encrypted { ".age" } else { "" })
    }

    /// The file name of its sum.
    #[must_use]
    pub fn sidecar(&self, encrypted: bool) -> String {
        format!("{}.sha256", self.file(encrypted))
    }

    /// When it was begun, to the second.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        let zoned = DateTime::strptime(FORMAT, &self.0).and_then(|time| time.to_zoned(TimeZone::UTC));
        zoned.map(|zoned| zoned.timestamp()).unwrap_or_default()
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_time_in_utc() {
        let time: Timestamp = "2026-11-21T09:15:00.9+01:00".parse().unwrap();
        let name = Name::at(time);
        assert_eq!(name.file(false), "tars-backup-20261121_081500.tar.gz");
        assert_eq!(name.time(), "2026-11-21T08:15:00Z".parse().unwrap());
    }

    #[test]
    fn only_names_of_archives_are_read() {
        for good in ["", ".tar.gz", ".tar.gz.age", ".tar.gz.sha256", ".tar.gz.age.sha256", ".tar.gz.partial"] {
            let file = format!("tars-backup-20261121_081500{good}");
            assert_eq!(Name::parse(&file).unwrap().stem(), "tars-backup-20261121_081500", "{file}");
        }
        for bad in
            ["tars-backup-20261321_081500", "tars-backup-2026112_0815001", "x", "tars-backup-20261121_081500.zip"]
        {
            assert_eq!(Name::parse(bad), None, "{bad}");
        }
    }
}
