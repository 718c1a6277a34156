//! The scanner behind [`super::EnvFile`]: one statement at a time, with compose's quoting rules.

/// What one statement says: nothing (blank, comment), a key with its value, or what is wrong with it.
type Said<'a> = Result<Option<(&'a str, String)>, String>;

/// Splits the first statement off a non-empty text: its raw lines with the newline, and what they say.
pub(super) fn statement(text: &str, lookup: impl Fn(&str) -> Option<String>) -> (&str, Said<'_>) {
    let line = first_line(text);
    let body = line.trim();
    if body.is_empty() || body.starts_with('#') {
        return (line, Ok(None));
    }
    let body = body.strip_prefix("export ").map_or(body, str::trim_start);
    let Some(equals) = body.find(['=', ':']) else {
        return (line, Err(format!("{} has no value: a line is KEY=value", quoted_key(body))));
    };
    let key = body[..equals].trim_end();
    if !is_key(key) {
        return (line, Err(format!("{} is not a key: letters, digits and _ only", quoted_key(key))));
    }
    let value_at = offset(text, &body[equals + 1..]);
    value(text, value_at, &lookup).map_or_else(
        |what| (line, Err(format!("{key}: {what}"))),
        |(end, value)| (&text[..end], Ok(Some((key, value)))),
    )
}

/// Writes one line; the value is quoted only where it must be.
pub(super) fn render(key: &str, value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:,@%+=~*[]{}&?!;()<>|^".contains(c);
    if value.chars().all(plain) {
        format!("{key}={value}\n")
    } else if value.contains('\'') || value.contains('\n') {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
        format!("{key}=\"{escaped}\"\n")
    } else {
        format!("{key}='{value}'\n")
    }
}

/// The value that begins at `start`: where its statement ends, and what it is.
fn value(text: &str, start: usize, lookup: &impl Fn(&str) -> Option<String>) -> Result<(usize, String), String> {
    let rest = text[start..].trim_start_matches([' ', '\t']);
    let start = text.len() - rest.len();
    if let Some(quote @ ('\'' | '"')) = rest.chars().next() {
        let inner = &rest[1..];
        let close = closing(inner, quote).ok_or("the quote is never closed")?;
        let after = first_line(&inner[close + 1..]);
        let tail = after.trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return Err("there is text after the closing quote".to_owned());
        }
        let literal = &inner[..close];
        let value =
            if quote == '\'' { literal.to_owned() } else { expand(&literal.replace("\\n", "\n"), true, lookup)? };
        return Ok((start + 1 + close + 1 + after.len(), value));
    }
    let line = first_line(rest);
    let body = line.trim_end_matches(['\n', '\r']);
    let body = body.find(" #").or_else(|| body.find("\t#")).map_or(body, |at| &body[..at]);
    let body = if body.starts_with('#') { "" } else { body.trim() };
    Ok((start + line.len(), expand(body, false, lookup)?))
}

/// The comment behind an entry's value, from its `#` on.
pub(super) fn comment(raw: &str) -> Option<&str> {
    let (_, value) = raw.split_once(['=', ':'])?;
    let value = value.trim_start_matches([' ', '\t']);
    let behind = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => &value[1 + closing(&value[1..], quote)? + 1..],
        Some('#') => return Some(value.trim_end()),
        _ => &value[value.find(" #").or_else(|| value.find("\t#"))?..],
    };
    Some(behind.trim()).filter(|text| text.starts_with('#'))
}

/// Resolves `$NAME`, `${NAME}`, `${NAME:-default}` and, inside double quotes, backslash escapes.
fn expand(text: &str, escapes: bool, lookup: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\\']) {
        out.push_str(&rest[..at]);
        let found = &rest[at..];
        let taken = if found.starts_with('\\') {
            escape(found, escapes, &mut out)
        } else {
            reference(found, lookup, &mut out)?
        };
        rest = &found[taken..];
    }
    out.push_str(rest);
    Ok(out)
}

fn escape(found: &str, escapes: bool, out: &mut String) -> usize {
    let Some(next) = found[1..].chars().next() else {
        out.push('\\');
        return 1;
    };
    match next {
        '$' => out.push('$'),
        '"' | '\\' if escapes => out.push(next),
        'r' if escapes => out.push('\r'),
        't' if escapes => out.push('\t'),
        other => out.extend(['\\', other]),
    }
    1 + next.len_utf8()
}

fn reference(found: &str, lookup: &impl Fn(&str) -> Option<String>, out: &mut String) -> Result<usize, String> {
    let after = &found[1..];
    if let Some(inner) = after.strip_prefix('{') {
        let close = inner.find('}').ok_or("${ is never closed")?;
        let (name, default) = inner[..close].split_once(":-").unwrap_or((&inner[..close], ""));
        out.push_str(&lookup(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()));
        return Ok(close + 3);
    }
    let name = &after[..after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len())];
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('$');
        return Ok(1);
    }
    out.push_str(&lookup(name).unwrap_or_default());
    Ok(1 + name.len())
}

fn closing(inner: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inner.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !(escaped && quote == '"');
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn first_line(text: &str) -> &str {
    text.find('\n').map_or(text, |at| &text[..=at])
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// A key for an error message; a line without `=` may be a lost secret, so only a harmless word is repeated.
fn quoted_key(text: &str) -> String {
    if is_key(text) && text.len() <= 40 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        format!("\"{text}\"")
    } else {
        "the line".to_owned()
    }
}

fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}
