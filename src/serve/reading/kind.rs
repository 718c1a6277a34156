//! The formats that are read, known by the ending of a name.

use std::path::Path;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `.pdf`
    Pdf,
    /// `.docx`
    Docx,
    /// `.txt`
    Txt,
    /// `.md`
    Md,
    /// `.csv`
    Csv,
    /// `.json`
    Json,
    /// `.html`, `.htm`
    Html,
}

impl Kind {
    /// All of them, by their names.
    pub const ALL: [Self; 7] = [Self::Pdf, Self::Docx, Self::Txt, Self::Md, Self::Csv, Self::Json, Self::Html];

    /// The name of the format, which is also the ending.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Txt => "txt",
            Self::Md => "md",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = if name.eq_ignore_ascii_case("htm") { "html" } else { name };
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// By the ending of a file's name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        Self::named(path.extension()?.to_str()?)
    }

    /// Whether it is text already.
    #[must_use]
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Txt | Self::Md)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_ending_and_no_other() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(Path::new(&format!("a/b.{}", kind.name().to_uppercase()))), Some(kind));
        }
        assert_eq!(Kind::of(Path::new("x.htm")), Some(Kind::Html));
        for other in ["x.exe", "pdf", ".pdf", "x."] {
            assert_eq!(Kind::of(Path::new(other)), None, "{other}");
        }
    }
}
