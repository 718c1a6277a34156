//! JSON: each value becomes a line with the path to it.

use std::fmt::Write;

use serde_json::Value;

use super::{TEXT_MAX_BYTES, Unreadable, child, plain};

/// A JSON document, or one per line, as text.
///
/// # Errors
/// When it is none.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let source = plain::decode(bytes)?;
    let mut text = String::new();
    for value in serde_json::Deserializer::from_str(&source).into_iter::<Value>() {
        let value = value.map_err(|error| {
            Unreadable::new(format!("it is no JSON: line {}, column {}", error.line(), error.column()))
        })?;
        walk(&value, &mut String::new(), &mut text)?;
        text.push('\n');
    }
    Ok(text)
}

// Depth is bounded: the parser takes 128 levels.
fn walk(value: &Value, path: &mut String, text: &mut String) -> Result<(), Unreadable> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(child::too_much());
    }
    let length = path.len();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(name);
                walk(value, path, text)?;
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, path, text)?;
            }
        }
        Value::Null => {}
        Value::String(words) => say(path, words, text),
        other => say(path, &other.to_string(), text),
    }
    Ok(())
}

fn say(path: &str, value: &str, text: &mut String) {
    // Writing to a String cannot fail.
    let _ = if path.is_empty() { writeln!(text, "{value}") } else { writeln!(text, "{path}: {value}") };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_path() {
        let source = r#"{"a": {"b": [1, "x"]}, "c": null, "d": true}"#;
        assert_eq!(text(source.into()).unwrap(), "a.b: 1\na.b: x\nd: true\n\n");
        assert_eq!(text("{\"a\":1}\n{\"a\":2}\n".into()).unwrap(), "a: 1\n\na: 2\n\n");
    }

    #[test]
    fn what_is_no_json_says_where_and_quotes_nothing() {
        assert_eq!(text("{\"secret\": ".into()).unwrap_err().0, "it is no JSON: line 1, column 11");
        let deep = "[".repeat(100_000);
        assert!(text(deep.into()).is_err());
    }
}
