//! Columns whose heading names a secret: psql, Markdown, boxes, CSV, tabs; and SQL's column lists.

use super::pair::{self, Name, PAIR};
use super::text::{before, byte, line_end, line_start, next_line, quote, skip_while, trim};
use super::{extent, extent::Extent};
use crate::look;
use crate::marker;
use crate::span::{Rule, Span};

pub(crate) static TABLE: Rule = Rule {
    id: "table-column",
    kind: "secret",
    about: "the cells of a table or CSV column whose heading names a secret",
    yes: &["| host | password |\n|---|---|\n| nas | {a14} |", "user,password,host\ntars,{a14},nas"],
    no: &["host,port,tokens\nnas,445,12"],
};

/// How many rows a heading reaches.
const ROWS: usize = 2000;

/// Looks at a name that stands alone in a cell; gives the column's open end if the table goes on.
pub(super) fn find(text: &[u8], name: &Name, out: &mut Vec<Span>) {
    let (start, end) = (name.start, name.end);
    let (line, eol) = (line_start(text, start), line_end(text, start));
    let Some(bar) = separator(text, line, start, end, eol) else {
        return aligned(text, name, line, eol, out);
    };
    let heading = cells(text, line, eol, bar);
    let Some(column) = heading.iter().position(|(from, to)| *from <= start && end <= *to) else { return };
    if bar == b'|' && is_row_of_a_form(text, line, &heading, column) {
        return;
    }
    // Colons part the columns only where a comment says so: `# host:login:password`.
    if bar == b':'
        && (text[line] != b'#'
            || text[line..eol]
                .trim_ascii_start()
                .rsplit(|byte| *byte == b'#')
                .next()
                .is_some_and(|words| words.trim_ascii().contains(&b' ')))
    {
        return;
    }
    let least = if bar == b':' { 3 } else { 2 };
    if b",:".contains(&bar)
        && (heading.len() < least || !heading.iter().all(|(from, to)| is_heading(&text[*from..*to])))
    {
        return;
    }
    let mut row = next_line(text, eol);
    for _ in 0..ROWS {
        let Some(start) = row else { return };
        let end = line_end(text, start);
        let found = cells(text, start, end, bar);
        let rule = text[start..end].iter().all(|byte| b"|-+:= \t".contains(byte) || *byte > 127);
        if found.len() != heading.len() && !rule {
            return;
        }
        if let Some((from, to)) = found.get(column).copied().filter(|_| !rule) {
            let (from, to) = unquote(text, from, to);
            if from < to && !look::is_placeholder(&text[from..to], true) {
                out.push(Span::new(from, to, &TABLE).kind(name.kind));
            }
        }
        row = next_line(text, end);
    }
}

/// Columns that only blanks keep apart: the cells below the heading's first letter.
fn aligned(text: &[u8], name: &Name, line: usize, eol: usize, out: &mut Vec<Span>) {
    let heading = columns(text, line, eol);
    let Some(column) = heading.iter().position(|cell| *cell == (name.start, name.end)) else { return };
    let titles = heading.iter().all(|(from, to)| text[*from..*to].iter().all(|byte| !byte.is_ascii_lowercase()));
    let dictionary = matches!(&text[name.start..name.end], b"KEY" | b"KEYS");
    if heading.len() < 3 || !titles || dictionary {
        return;
    }
    let left = name.start - line;
    let right = heading.get(column + 1).map_or(usize::MAX, |(from, _)| from - line);
    let mut row = next_line(text, eol);
    for _ in 0..ROWS {
        let Some(start) = row else { return };
        let end = line_end(text, start);
        let cells = columns(text, start, end);
        if cells.len() < 2 {
            return;
        }
        // A replacement has moved what stood behind it: such a row was read when it was whole.
        let moved = marker::find(&text[start..end]).is_some();
        let below = cells.iter().find(|(from, _)| !moved && (left..right).contains(&(from - start)));
        if let Some((from, to)) = below {
            pair::take(text, name, Extent { start: *from, end: *to, quoted: true }, out);
        }
        row = next_line(text, end);
    }
}

/// The cells of a line that two blanks or more keep apart.
fn columns(text: &[u8], start: usize, end: usize) -> Vec<(usize, usize)> {
    let mut cells = Vec::new();
    let mut at = start;
    while at < end {
        let from = skip_while(&text[..end], at, |byte| byte == b' ');
        let len = memchr::memmem::find(&text[from..end], b"  ").unwrap_or(end - from);
        if len > 0 {
            cells.push((from, from + len));
        }
        at = from + len.max(1);
    }
    cells
}

/// The letter between cells when `start..end` is all there is in one.
fn separator(text: &[u8], line: usize, start: usize, end: usize, eol: usize) -> Option<u8> {
    let from = start - text[line..start].iter().rev().take_while(|byte| **byte == b' ' || **byte == b'"').count();
    let to = skip_while(&text[..eol], end, |byte| byte == b' ' || byte == b'"');
    let left = if from == line { None } else { Some(bar_before(text, from)) };
    let right = if to == eol { None } else { Some(bar_at(text, to)) };
    match (left, right) {
        (Some(left), Some(right)) if left == right && left != 0 => Some(left),
        (Some(bar), None) | (None, Some(bar)) if bar != 0 => Some(bar),
        _ => None,
    }
}

fn bar_at(text: &[u8], at: usize) -> u8 {
    match byte(text, at) {
        bar @ (b'|' | b',' | b';' | b'\t' | b':') => bar,
        0xe2 if text[at..].starts_with("│".as_bytes()) || text[at..].starts_with("┃".as_bytes()) => b'|',
        _ => 0,
    }
}

fn bar_before(text: &[u8], at: usize) -> u8 {
    match text[at - 1] {
        bar @ (b'|' | b',' | b';' | b'\t' | b':') => bar,
        _ if at > 2 => bar_at(text, at - 3) & if text[at - 3] == 0xe2 { 0xff } else { 0 },
        _ => 0,
    }
}

/// `| password | x |`: two columns, the name in the first, and no rule below.
fn is_row_of_a_form(text: &[u8], line: usize, heading: &[(usize, usize)], column: usize) -> bool {
    let inner: Vec<usize> = (0..heading.len()).filter(|index| heading[*index].0 < heading[*index].1).collect();
    let next = next_line(text, line).map(|start| &text[start..line_end(text, start)]);
    let ruled =
        next.is_some_and(|row| row.len() > 2 && row.iter().all(|byte| b"|-+:= \t".contains(byte) || *byte > 127));
    inner.len() == 2 && inner[0] == column && !ruled
}

fn is_heading(cell: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_ -\".#".contains(byte);
    !cell.is_empty()
        && cell.len() < 40
        && cell.iter().all(word)
        && cell.iter().any(u8::is_ascii_alphabetic)
        && !look::is_loose(cell)
}

/// The cells of a row, trimmed.
fn cells(text: &[u8], start: usize, end: usize, bar: u8) -> Vec<(usize, usize)> {
    let mut cells = Vec::new();
    let (mut from, mut at) = (start, start);
    while at <= end {
        let wide = bar == b'|' && at < end && text[at] == 0xe2 && bar_at(text, at) == b'|';
        if at == end || text[at] == bar || wide {
            cells.push(trim(text, from, at));
            at += if wide { 2 } else { 0 };
            from = at + 1;
        } else if text[at] == b'"' && bar == b',' {
            at = extent::quoted(&text[..end], at, false).map_or(at, |value| value.end.min(end - 1));
        }
        at += 1;
    }
    cells
}

fn unquote(text: &[u8], from: usize, to: usize) -> (usize, usize) {
    if to > from + 1 && text[from] == b'"' && text[to - 1] == b'"' { (from + 1, to - 1) } else { (from, to) }
}

/// `INSERT INTO t (name, password) VALUES ('a', 'b')`: the value at the column's place.
pub(super) fn insert(text: &[u8], name: &Name, out: &mut Vec<Span>) {
    let (start, end) = (name.start, name.end);
    if !matches!(byte(text, end), b',' | b')') || !b"(, \"`".contains(&before(text, start)) {
        return;
    }
    let low = start.saturating_sub(400);
    let Some(open) = text[low..start].iter().rposition(|byte| *byte == b'(').map(|open| low + open) else { return };
    let head = text[open.saturating_sub(120)..open].to_ascii_lowercase();
    if memchr::memmem::find(&head, b"insert").is_none() && memchr::memmem::find(&head, b"replace").is_none() {
        return;
    }
    let column = memchr::memchr_iter(b',', &text[open..start]).count();
    let far = text.len().min(end + 8192);
    let mut at = skip_while(&text[..far], end, |byte| byte != b')') + 1;
    while let Some(tuple) =
        text.get(at..far).and_then(|rest| rest.iter().position(|byte| *byte == b'(')).map(|tuple| at + tuple + 1)
    {
        if text[at..tuple].contains(&b';') {
            return;
        }
        at = values(text, tuple, far, column, name.kind, out);
    }
}

/// One tuple of values; gives where it ends.
fn values(text: &[u8], mut at: usize, far: usize, column: usize, kind: &'static str, out: &mut Vec<Span>) -> usize {
    let mut index = 0;
    while at < far && text[at] != b')' {
        match text[at] {
            b',' => index += 1,
            _ if quote(text, at).is_some() => {
                let Some(Extent { start, end, .. }) = extent::quoted(text, at, false) else { return far };
                if index == column && !look::is_placeholder(&text[start..end], true) {
                    out.push(Span::new(start, end, &PAIR).kind(kind));
                }
                // A string that is never closed, or that another word follows: the rest is no list of values.
                let next = skip_while(text, (end + 1).min(text.len()), |byte| byte.is_ascii_whitespace());
                if end >= line_end(text, start) || !b",):|".contains(&byte(text, next)) {
                    return far;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    at
}
