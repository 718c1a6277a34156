//! `tars doctor explain ID` and `--list`: what there is to ask, and the page of the handbook about one of it. The handbook
//! is in the binary, so that it is there when nothing else is.

use crate::check::{self, Check};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::{Page, Report};
use anyhow::Result;
use serde_json::{Value, json};

/// The handbook: one heading for each check.
pub(crate) const HANDBOOK: &str = include_str!("../../../docs/CONFIG_DOCTOR.md");

struct Explained {
    check: &'static Check,
    text: String,
}

/// The checks, for `--list`.
pub(super) struct List(pub(super) Vec<&'static Check>);

/// Says more about one check.
pub(super) fn run(id: &str) -> Result<Box<dyn Report>> {
    let found = check::doctor().find(|check| check.id == id).and_then(|check| Some((check, section(id)?)));
    let Some((check, text)) = found else {
        return Err(Failure::new(Exit::Usage, format!("there is no check {id}"))
            .hint("tars doctor --list names them")
            .into());
    };
    Ok(Box::new(Explained { check, text }))
}

/// The text below a check's heading, up to the next heading.
pub(crate) fn section(id: &str) -> Option<String> {
    let heading = format!("### `{id}`");
    let (_, after) = HANDBOOK.split_once(&format!("\n{heading}\n"))?;
    let end = after.lines().take_while(|line| !line.starts_with('#'));
    Some(end.collect::<Vec<_>>().join("\n").trim().to_owned())
}

impl Report for Explained {
    fn render(&self, page: &mut Page) {
        page.line(format!("{}  {}", page.bold(self.check.id), self.check.title));
        page.line("");
        for paragraph in self.text.split("\n\n") {
            // Code and lists keep their lines.
            if paragraph.starts_with("```") || paragraph.starts_with("- ") {
                paragraph
                    .lines()
                    .filter(|line| !line.starts_with("```"))
                    .for_each(|line| page.line(format!("  {line}")));
            } else {
                page.wrapped("", paragraph);
            }
            page.line("");
        }
    }

    fn data(&self) -> Value {
        json!({ "id": self.check.id, "title": self.check.title, "text": self.text })
    }
}

impl Report for List {
    fn render(&self, page: &mut Page) {
        let rows: Vec<_> = self.0.iter().map(|check| vec![check.id.to_owned(), check.title.to_owned()]).collect();
        page.table(&rows);
    }

    fn data(&self) -> Value {
        let checks: Vec<_> = self.0.iter().map(|check| json!({ "id": check.id, "title": check.title })).collect();
        json!({ "checks": checks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_page_and_every_page_its_check() {
        for check in check::doctor() {
            let text =
                section(check.id).unwrap_or_else(|| panic!("docs/CONFIG_DOCTOR.md has no heading ### `{}`", check.id));
            assert!(text.split_whitespace().count() >= 20, "{}: {text}", check.id);
        }
        let headings = HANDBOOK.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
        let elsewhere = |id: &str| id.starts_with("nas.");
        for id in headings.filter(|id| !elsewhere(id)) {
            assert!(
                check::ALL.iter().any(|check| check.id == id),
                "docs/CONFIG_DOCTOR.md explains {id}, which is no check"
            );
        }
    }
}
