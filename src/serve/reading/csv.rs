//! Tables: each row becomes a line that names its columns, so that a piece of the table still says what it means.

use std::fmt::Write;

use ::csv::{ReaderBuilder, StringRecord};

use super::{Unreadable, plain};

/// A table as text.
///
/// # Errors
/// When it is no text, or rows cannot be told apart.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let table = plain::decode(bytes)?;
    let mut rows = ReaderBuilder::new().flexible(true).delimiter(delimiter(&table)).from_reader(table.as_bytes());
    let header = rows.headers().cloned().map_err(|error| broken(&error))?;
    let mut text = String::new();
    let mut row = StringRecord::new();
    while rows.read_record(&mut row).map_err(|error| broken(&error))? {
        line(&header, &row, &mut text);
    }
    if text.is_empty() {
        text = header.iter().collect::<Vec<_>>().join(", ");
    }
    Ok(text)
}

fn line(header: &StringRecord, row: &StringRecord, text: &mut String) {
    let mut first = true;
    for (index, value) in row.iter().enumerate().filter(|(_, value)| !value.trim().is_empty()) {
        let name = header.get(index).map(str::trim).unwrap_or_default();
        let gap = if std::mem::take(&mut first) { "" } else { "; " };
        // Writing to a String cannot fail.
        let _ = match name {
            "" => write!(text, "{gap}{}", value.trim()),
            name => write!(text, "{gap}{name}: {}", value.trim()),
        };
    }
    if !first {
        text.push('\n');
    }
}

// The one that the first line holds most of.
fn delimiter(table: &str) -> u8 {
    let first = table.lines().next().unwrap_or_default();
    let count = |byte: &u8| first.bytes().filter(|have| have == byte).count();
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn broken(error: &::csv::Error) -> Unreadable {
    match error.position() {
        Some(at) => Unreadable::new(format!("it is no table that can be read: line {}", at.line())),
        None => Unreadable::new("it is no table that can be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_its_columns() {
        let read = |table: &str| text(table.into()).unwrap();
        assert_eq!(read("name,place\nAda,\"London, GB\"\nBob,\n"), "name: Ada; place: London, GB\nname: Bob\n");
        assert_eq!(read("a;b\n1;2,5\n"), "a: 1; b: 2,5\n");
        assert_eq!(read("a\tb\n1\t2\t3\n"), "a: 1; b: 2; 3\n");
        assert_eq!(read("only,a,header"), "only, a, header");
    }
}
