//! Names of documents: each becomes `doc#n.ext`, the same one with the same number, in every text.
//!
//! Three ways to know one: the names that the database and the documents folder hold, whatever stands below a documents
//! folder, and words that end as documents do. With `--with-names` nothing is replaced.

use aho_corasick::{AhoCorasick, MatchKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What documents end in. Without a dot.
const ENDINGS: &[&str] = &[
    "pdf", "docx", "doc", "odt", "rtf", "pptx", "ppt", "xlsx", "xls", "csv", "epub", "eml", "msg", "md", "markdown",
    "txt", "html", "htm", "xhtml",
];
/// Files of programs that end like documents.
const PROGRAMS: &[&str] = &[
    "readme.md",
    "changelog.md",
    "license.md",
    "license.txt",
    "requirements.txt",
    "cmakelists.txt",
    "robots.txt",
    "index.html",
    "summary.html",
    "top_level.txt",
    "entry_points.txt",
    "readme.txt",
    "notes.txt",
    "doctor.txt",
];
/// More names than these, or more bytes of them, are left to the other two ways.
const NAMES_MAX: usize = 10_000;
const BYTES_MAX: usize = 1 << 20;

/// What must not be told.
#[derive(Default)]
pub struct Names {
    hide: bool,
    finder: Option<(AhoCorasick, Vec<usize>)>,
    /// Directories below which everything is a document.
    folders: Vec<String>,
    numbers: Mutex<HashMap<String, usize>>,
    known: usize,
}

impl Names {
    /// Hides these names (paths below a documents folder, or bare file names) and everything below these folders.
    #[must_use]
    pub fn hiding(names: impl IntoIterator<Item = String>, folders: &[&str]) -> Self {
        let (mut patterns, mut owners, mut bytes, mut known) = (Vec::new(), Vec::new(), 0, 0);
        let mut numbers = HashMap::new();
        for name in names.into_iter().take(NAMES_MAX) {
            let base = name.rsplit('/').next().unwrap_or(&name).to_owned();
            if bytes > BYTES_MAX || base.len() < 4 || PROGRAMS.contains(&base.to_ascii_lowercase().as_str()) {
                continue;
            }
            let number = *numbers.entry(base.clone()).or_insert_with(|| {
                known += 1;
                known
            });
            for form in forms(&name).into_iter().chain(forms(&base)) {
                bytes += form.len();
                patterns.push(form);
                owners.push(number);
            }
        }
        // Without a finder the other two ways are left.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        let finder = finder.filter(|_| !patterns.is_empty()).map(|finder| (finder, owners));
        let folders = folders.iter().map(|folder| folder.trim_end_matches('/')).filter(|folder| folder.len() > 1);
        let folders = folders.map(|folder| format!("{folder}/")).collect();
        Self { hide: true, finder, folders, numbers: Mutex::new(numbers), known }
    }

    /// Leaves every name as it is.
    #[must_use]
    pub fn shown() -> Self {
        Self::default()
    }

    /// How many different names were known or met.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A text without names of documents.
    #[must_use]
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.hide {
            return Cow::Borrowed(text);
        }
        let mut spans = self.known_in(text);
        self.below_folders(text, &mut spans);
        Self::by_ending(text, &mut spans);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_by_key(|span| (span.0, std::cmp::Reverse(span.1)));
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        for (start, end, number) in spans {
            if start < done {
                continue;
            }
            out.push_str(&text[done..start]);
            out.push_str(&shown(&text[start..end], number.unwrap_or_else(|| self.number(&text[start..end]))));
            done = end;
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }

    fn known_in(&self, text: &str) -> Vec<(usize, usize, Option<usize>)> {
        let Some((finder, owners)) = &self.finder else { return Vec::new() };
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let alone =
            |start: usize, end: usize| !word(text[..start].chars().next_back()) && !word(text[end..].chars().next());
        finder
            .find_iter(text)
            .filter(|found| text.is_char_boundary(found.start()) && text.is_char_boundary(found.end()))
            .filter(|found| alone(found.start(), found.end()))
            .map(|found| (found.start(), found.end(), Some(owners[found.pattern().as_usize()])))
            .collect()
    }

    /// `/documents/Some name.pdf`: to the end of the quotes that it stands in, else of its word, else of its ending.
    fn below_folders(&self, text: &str, spans: &mut Vec<(usize, usize, Option<usize>)>) {
        for folder in &self.folders {
            for (at, _) in text.match_indices(folder.as_str()) {
                let start = at + folder.len();
                let quote = text[..at].chars().next_back().filter(|c| matches!(c, '"' | '\'' | '`'));
                let line = &text[start..start + text[start..].find('\n').unwrap_or(text.len() - start)];
                let end = match quote {
                    Some(quote) => line.find(quote).unwrap_or(line.len()),
                    None => ending_in(line).unwrap_or_else(|| line.find(stops).unwrap_or(line.len())),
                };
                if end > 0 && line[..end].chars().any(char::is_alphanumeric) {
                    spans.push((start, start + end, None));
                }
            }
        }
    }

    /// Words that end like documents; the whole of the quotes around one, which may hold blanks.
    fn by_ending(text: &str, spans: &mut Vec<(usize, usize, Option<usize>)>) {
        let bytes = text.as_bytes();
        for dot in memchr::memchr_iter(b'.', bytes) {
            let length = bytes[dot + 1..].iter().take(9).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let after = bytes.get(dot + 1 + length);
            let longer = after.is_some_and(|byte| *byte == b'_' || *byte >= 0x80)
                || after == Some(&b'.') && bytes.get(dot + 2 + length).is_some_and(u8::is_ascii_alphanumeric);
            let ending = text[dot + 1..dot + 1 + length].to_ascii_lowercase();
            if longer || !ENDINGS.contains(&ending.as_str()) {
                continue;
            }
            let end = dot + 1 + length;
            let word =
                text[..dot].rfind(stops).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
            let quoted = after.filter(|byte| matches!(byte, b'"' | b'\'')).and_then(|quote| {
                let line = text[..dot].rfind('\n').map_or(0, |at| at + 1);
                let open = text[line..dot].rfind(char::from(*quote)).map(|at| line + at + 1)?;
                (open <= word && dot - open < 255).then_some(open)
            });
            let start = quoted.unwrap_or(word);
            let base = text[start..end].rsplit('/').next().unwrap_or_default();
            let own = PROGRAMS.contains(&base.to_ascii_lowercase().as_str()) || base.starts_with("doc#");
            if !own && base.len() > ending.len() + 1 && text.is_char_boundary(start) {
                spans.push((end - base.len(), end, None));
            }
        }
    }

    fn number(&self, name: &str) -> usize {
        let base = name.rsplit('/').next().unwrap_or(name);
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = numbers.len().max(self.known) + 1;
        *numbers.entry(base.to_owned()).or_insert(next)
    }
}

/// What ends a word that is a file's name.
fn stops(c: char) -> bool {
    c.is_whitespace() || "\"'`,;:()[]{}<>|=".contains(c)
}

/// Where the first ending of a document ends in a line.
fn ending_in(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    ENDINGS
        .iter()
        .filter_map(|ending| {
            let at = lower.find(&format!(".{ending}"))? + 1 + ending.len();
            (!lower[at..].starts_with(|c: char| c.is_alphanumeric())).then_some(at)
        })
        .min()
}

/// A name as logs write it: as it is, in a URL, in a JSON string.
fn forms(name: &str) -> Vec<String> {
    let url = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let softer =
        url.replace("%2E", ".").replace("%2D", "-").replace("%5F", "_").replace("%2F", "/").replace("%7E", "~");
    let json = serde_json::to_string(name).unwrap_or_default().trim_matches('"').to_owned();
    let ascii: String = name.chars().map(|c| if c.is_ascii() { c.to_string() } else { unicode(c) }).collect();
    let plus = name.replace(' ', "+");
    let mut forms = vec![name.to_owned(), url, softer, json, ascii, plus];
    forms.sort();
    forms.dedup();
    forms
}

fn unicode(c: char) -> String {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"))
}

fn shown(name: &str, number: usize) -> String {
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending)
        .filter(|ending| ending.len() < 10 && ending.chars().all(|c| c.is_ascii_alphanumeric()));
    ending.map_or_else(|| format!("doc#{number}"), |ending| format!("doc#{number}.{}", ending.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let known = ["Verträge/Kündigung Müller.pdf", "plan of 2027.docx", "raw"].map(str::to_owned);
        Names::hiding(known, &["/documents", "/mnt/llm_docs/"])
    }

    #[test]
    fn a_known_name_goes_in_every_form_and_keeps_its_number() {
        let names = names();
        for text in [
            "could not read Kündigung Müller.pdf: broken",
            "path=Verträge/Kündigung Müller.pdf",
            "GET /x/K%C3%BCndigung%20M%C3%BCller.pdf",
            r"{\u0022n\u0022: K\u00fcndigung M\u00fcller.pdf}",
            "K%C3%BCndigung%20M%C3%BCller%2Epdf",
        ] {
            let clean = names.hide(text);
            assert!(clean.contains("doc#1.pdf") || clean.ends_with("doc#1"), "{text} became {clean}");
            assert!(!clean.contains("ndigung"), "{text} became {clean}");
        }
        assert_eq!(names.hide("plan of 2027.docx, plan of 2027.docx"), "doc#2.docx, doc#2.docx");
    }

    #[test]
    fn unknown_names_go_by_their_place_and_by_their_ending() {
        let names = names();
        for (text, shown) in [
            ("open /documents/a/My secret file.pdf failed", "open /documents/doc#3.pdf failed"),
            ("\"/mnt/llm_docs/no ending\" is", "\"/mnt/llm_docs/doc#4\" is"),
            ("read tax-2025.xlsx twice", "read doc#5.xlsx twice"),
            ("{\"name\":\"My other.md\"}", "{\"name\":\"doc#6.md\"}"),
            ("again tax-2025.xlsx", "again doc#5.xlsx"),
        ] {
            assert_eq!(names.hide(text), shown);
        }
        assert_eq!(names.hidden(), 6);
    }

    #[test]
    fn what_is_no_document_stays_and_so_does_everything_on_wish() {
        let names = names();
        for text in
            ["see requirements.txt", "v1.0.12 of postgres:15", "/documents/ is away", "a.b.c", "e.g. html", ".md"]
        {
            assert_eq!(names.hide(text), text);
        }
        assert_eq!(Names::shown().hide("plan of 2027.docx"), "plan of 2027.docx");
    }
}
