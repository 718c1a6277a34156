//! A page of words for people: lines, tables that fit the width, colours only where they show.

use std::fmt::Write;

/// What a report is rendered onto. Holds text; whoever made it prints it.
#[derive(Debug)]
pub struct Page {
    text: String,
    width: usize,
    color: bool,
}

impl Page {
    /// An empty page of that many columns.
    #[must_use]
    pub fn new(width: usize, color: bool) -> Self {
        Self { text: String::new(), width, color }
    }

    /// What stands on it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref().trim_end());
        self.text.push('\n');
    }

    /// Words in paragraphs, wrapped at the page's width, each line after the first indented.
    pub fn wrapped(&mut self, first: &str, text: &str) {
        let indent = console::measure_text_width(first);
        let mut line = first.to_owned();
        for word in text.split_whitespace() {
            let used = console::measure_text_width(&line);
            if used > indent && used + 1 + console::measure_text_width(word) > self.width {
                self.line(&line);
                line = " ".repeat(indent);
            } else if used > indent {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }

    /// Columns aligned under each other. A row too wide for the page loses its end, marked `…`, never its shape.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|c| {
                rows.iter()
                    .filter_map(|row| row.get(c))
                    .map(|cell| console::measure_text_width(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{}  ", console::pad_str(cell, *width, console::Alignment::Left, None));
            }
            let line = console::truncate_str(line.trim_end(), self.width, "…").into_owned();
            self.line(line);
        }
    }

    /// Good news.
    #[must_use]
    pub fn green(&self, text: &str) -> String {
        self.paint(text, console::StyledObject::green)
    }

    /// Bad news.
    #[must_use]
    pub fn red(&self, text: &str) -> String {
        self.paint(text, console::StyledObject::red)
    }

    /// Mixed news.
    #[must_use]
    pub fn yellow(&self, text: &str) -> String {
        self.paint(text, console::StyledObject::yellow)
    }

    /// What must be seen.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.paint(text, console::StyledObject::bold)
    }

    /// What may be overlooked.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        self.paint(text, console::StyledObject::dim)
    }

    fn paint<'a>(
        &self,
        text: &'a str,
        style: impl Fn(console::StyledObject<&'a str>) -> console::StyledObject<&'a str>,
    ) -> String {
        if self.color { style(console::style(text).force_styling(true)).to_string() } else { text.to_owned() }
    }
}

/// A size for people: `1.4 GiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    indicatif::BinaryBytes(n).to_string()
}

/// A time span for people: `350 ms`, `4.2 s`, `3 min 5 s`, `2 d 3 h`.
#[must_use]
pub fn duration(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_table_keeps_its_columns_and_its_width() {
        let mut page = Page::new(20, false);
        page.table(&[vec!["a".into(), "bb".into()], vec!["ccc".into(), "x".repeat(40)]]);
        let lines: Vec<_> = page.text().lines().collect();
        assert_eq!(lines[0], "a    bb");
        assert!(console::measure_text_width(lines[1]) <= 20 && lines[1].ends_with('…'), "{lines:?}");
    }

    #[test]
    fn words_wrap_under_their_first() {
        let mut page = Page::new(20, false);
        page.wrapped("hint: ", "one two three four five");
        assert_eq!(page.text(), "hint: one two three\n      four five\n");
    }

    #[test]
    fn spans_read_well() {
        let said: Vec<_> = [0.35, 4.2, 185.0, 7_260.0, 183_600.0].map(|s| duration(Duration::from_secs_f64(s))).into();
        assert_eq!(said, ["350 ms", "4.2 s", "3 min 5 s", "2 h 1 min", "2 d 3 h"]);
    }
}
