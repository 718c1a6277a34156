//! What a command returns, and the one JSON document made of it.

use super::Page;
use crate::error;
use crate::exit::Exit;
use serde::Serialize;
use serde_json::{Value, json};

/// Something that went less well than it should, without failing the run.
#[derive(Clone, Debug, Serialize)]
pub struct Warning {
    /// Stable, for scripts: `llm.none`.
    pub id: &'static str,
    /// What is.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The result of a command: rendered for people, serialised for scripts.
pub trait Report {
    /// For people. Writes words onto the page; nothing is printed here.
    fn render(&self, page: &mut Page);
    /// The exit code that this result means.
    fn exit(&self) -> Exit {
        Exit::Done
    }
    /// Whether there is something to say with `--quiet` though the run succeeded.
    fn says_when_quiet(&self) -> bool {
        false
    }
    /// The document's `data`.
    fn data(&self) -> Value;
    /// Whether the data goes out as it is, secrets included, because the operator asked for that.
    fn data_is_raw(&self) -> bool {
        false
    }
    /// What ended the work early, when there is a report nevertheless (which steps went well).
    fn error(&self) -> Option<&anyhow::Error> {
        None
    }
    /// The document's `warnings`.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
    /// Whether [`Report::render`] shows the warnings itself, in their place; else they go to stderr.
    fn warnings_are_rendered(&self) -> bool {
        false
    }
}

/// The JSON document of a run: DESIGN's envelope.
pub(super) fn envelope(
    command: &str,
    outcome: &anyhow::Result<Box<dyn Report>>,
    clean: &dyn Fn(&str) -> String,
) -> String {
    let (exit, mut data, warnings, errors) = match outcome {
        Ok(report) => (report.exit(), report.data(), report.warnings(), report.error().map(said).into_iter().collect()),
        Err(error) => (error::exit_of(error), Value::Null, Vec::new(), vec![said(error)]),
    };
    let mut document = json!({
        "schema": 1, "command": command, "version": env!("CARGO_PKG_VERSION"), "ok": exit == Exit::Done,
        "exit": exit, "data": null, "warnings": warnings, "errors": errors,
    });
    clean_strings(&mut document, clean);
    if !outcome.as_ref().is_ok_and(|report| report.data_is_raw()) {
        clean_strings(&mut data, clean);
    }
    document["data"] = data;
    format!("{document:#}\n")
}

/// Redacts string by string: a redactor over the printed document could damage its JSON.
fn clean_strings(value: &mut Value, clean: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_strings(item, clean)),
        Value::Object(fields) => fields.values_mut().for_each(|field| clean_strings(field, clean)),
        _ => {}
    }
}

fn said(error: &anyhow::Error) -> Value {
    let mut causes = error::causes_of(error).into_iter();
    let message = causes.next().unwrap_or_default();
    json!({ "message": message, "causes": causes.collect::<Vec<_>>(), "hint": error::hints_of(error).first() })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Said(bool);

    impl Report for Said {
        fn render(&self, _page: &mut Page) {}
        fn data(&self) -> Value {
            json!({ "line": "secret" })
        }
        fn data_is_raw(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn only_raw_data_keeps_its_secrets() {
        for (raw, line) in [(false, "[REDACTED]"), (true, "secret")] {
            let text = envelope("secret", &Ok(Box::new(Said(raw))), &|text| text.replace("secret", "[REDACTED]"));
            let document: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&document["command"], &document["data"]["line"]), (&json!("[REDACTED]"), &json!(line)));
        }
    }
}
