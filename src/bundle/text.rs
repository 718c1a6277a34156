//! What services write about people's words: questions, answers, documents' text. None of it enters a bundle.
//!
//! No filter can tell a sentence of a document from one of a programmer, so that the forms decide: the fields that hold
//! such text by name, whatever Postgres quotes of statements and rows, and what stands behind the `?` of a request.

use std::borrow::Cow;

/// What stands where a text was.
pub(super) const HIDDEN: &str = "[text not shown]";

/// Fields whose values are people's words, in JSON (`"prompt":"…"`) and in `key=value` lines.
const FIELDS: &[&str] = &[
    "question",
    "questions",
    "query",
    "queries",
    "query_texts",
    "prompt",
    "answer",
    "response",
    "content",
    "contents",
    "text",
    "document",
    "documents",
    "passage",
    "passages",
    "chunk",
    "chunks",
    "snippet",
    "snippets",
    "statement",
    "input",
    "inputs",
    "completion",
    "output",
    "messages",
    "title",
    "metadata",
    "metadatas",
    "body",
    "excerpt",
    "system",
    "template",
];

/// What the Postgres server says in its own words; anything else in an error may be somebody's.
const POSTGRES_WORDS: &[&str] = &[
    "relation ",
    "column ",
    "duplicate key",
    "null value",
    "invalid ",
    "deadlock",
    "canceling",
    "could not",
    "cannot",
    "out of",
    "permission denied",
    "password authentication failed",
    "role ",
    "database ",
    "syntax error",
    "insert or update",
    "update or delete",
    "new row",
    "value too long",
    "current transaction",
    "terminating",
    "remaining connection",
    "sorry, too many",
    "the database system",
    "no pg_hba",
    "connection ",
    "unexpected",
    "unterminated",
    "function ",
    "operator ",
    "type ",
    "extension ",
    "schema ",
    "table ",
    "index ",
    "must be",
    "unsupported",
    "unrecognized",
    "division by zero",
    "numeric ",
    "integer ",
    "bigint ",
    "smallint ",
    "lock ",
    "requested ",
    "replication",
    "parameter ",
    "prepared statement",
    "cursor ",
    "bind message",
    "character ",
    "more than",
    "cached plan",
    "missing ",
    "there is ",
    "there are ",
    "subquery",
    "aggregate",
    "statement timeout",
    "idle-in-transaction",
    "server ",
    "checkpoint",
    "autovacuum",
    "automatic ",
    "archive",
    "collation ",
    "SSL ",
    "using ",
    "shared ",
    "page ",
    "checksum",
    "WAL ",
    "redo ",
    "recovery",
    "received ",
    "background worker",
    "starting ",
    "listening",
    "process ",
    "all server",
    "aborting",
    "shutting",
    "consistent",
    "logger",
    "pg_",
    "data directory",
    "lock file",
    "postgres",
];
/// Words behind which Postgres quotes a name of its own, which may stay.
const NOUNS: &[&str] = &[
    "relation",
    "column",
    "constraint",
    "table",
    "database",
    "role",
    "user",
    "type",
    "function",
    "schema",
    "index",
    "extension",
    "parameter",
    "file",
    "trigger",
    "sequence",
    "host",
    "language",
    "encoding",
    "process",
    "near",
    "directory",
];

/// Without what only terminals understand, and without NULs: a coloured secret is still one.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut chars) = (String::with_capacity(text.len()), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next_if(|c| matches!(c, '[' | ']' | '(' | ')')) {
                // A sequence ends with its first letter, a title with a bell.
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {},
                Some(_) => drop(chars.next()),
                None => {}
            },
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            c if odd(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A service's log without people's words.
pub(super) fn of_log(service: &str, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut hidden = false;
    for line in text.lines() {
        if service == "postgres" {
            postgres(line, &mut hidden, &mut out);
        } else {
            out.push_str(&requests(&fields(line)));
            out.push('\n');
        }
    }
    out
}

/// Statements, rows and their context go; what follows them, behind a tab, goes with them.
fn postgres(line: &str, hidden: &mut bool, out: &mut String) {
    let (time, said) = line.split_once(' ').unwrap_or(("", line));
    if said.starts_with('\t') && *hidden {
        return;
    }
    *hidden = false;
    let quoted =
        ["STATEMENT:  ", "DETAIL:  ", "CONTEXT:  ", "QUERY:  ", "statement: ", "  execute ", "  parse ", "  bind "];
    let cut = quoted.iter().filter_map(|mark| said.find(mark).map(|at| at + mark.len())).min();
    let level = ["ERROR:  ", "FATAL:  ", "PANIC:  ", "WARNING:  ", "NOTICE:  ", "INFO:  ", "DEBUG:  ", "LOG:  "];
    let at = level.iter().find_map(|level| said.find(level).map(|at| at + level.len()));
    let (shown, rest) = match (cut, at) {
        (Some(cut), _) => (&said[..cut], None),
        (None, Some(at)) if POSTGRES_WORDS.iter().any(|words| said[at..].starts_with(words)) => {
            (&said[..at], Some(literals(&said[at..])))
        }
        (None, Some(at)) => (&said[..at], None),
        (None, None) => ("", Some(literals(said))),
    };
    *hidden = rest.is_none() || at.is_some();
    out.push_str(time);
    out.push(' ');
    out.push_str(shown);
    out.push_str(&rest.unwrap_or_else(|| HIDDEN.to_owned()));
    out.push('\n');
}

/// `invalid input syntax for type integer: "what somebody typed"`: what is quoted goes, unless it is a thing's name.
fn literals(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let (before, quoted) = (&rest[..open], &rest[open + 1..]);
        let Some(close) = quoted.find('"') else {
            out.push_str(before);
            out.push_str(HIDDEN);
            return out;
        };
        let noun = before.trim_end().rsplit([' ', '(']).next().unwrap_or_default();
        let inside = &quoted[..close];
        let name = inside.len() < 64 && inside.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/$".contains(c));
        out.push_str(before);
        if name && NOUNS.contains(&noun) {
            out.push('"');
            out.push_str(inside);
            out.push('"');
        } else {
            out.push_str(HIDDEN);
        }
        rest = &quoted[close + 1..];
    }
    out.push_str(rest);
    out
}

/// Values of fields that hold people's words.
fn fields(line: &str) -> Cow<'_, str> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for field in FIELDS {
        for (at, _) in line.match_indices(field) {
            let whole = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
            if let Some(span) = value_at(line, at + field.len()).filter(|_| whole) {
                spans.push(span);
            }
        }
    }
    if spans.is_empty() {
        return Cow::Borrowed(line);
    }
    spans.sort_unstable();
    let (mut out, mut done) = (String::new(), 0);
    for (start, end) in spans {
        if start >= done {
            out.push_str(&line[done..start]);
            out.push_str(HIDDEN);
        }
        done = done.max(end);
    }
    out.push_str(&line[done..]);
    Cow::Owned(out)
}

/// Where the value of a key that ends at `at` stands: behind `=`, `":` or `: "`. Numbers stay.
fn value_at(line: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &line[at..];
    let glue =
        ["\\\": ", "\\\":", "\": ", "\":", "': ", "':", "=", ": "].iter().find(|glue| rest.starts_with(**glue))?;
    let start = at + glue.len();
    let value = &line[start..];
    let first = value.chars().next()?;
    let length = match first {
        _ if value.starts_with("\\\"") => 2 + value[2..].find("\\\"").map_or(value.len() - 2, |at| at + 2),
        '"' | '\'' | '`' => quoted(value, first),
        '[' | '{' => bracket(value),
        c if c.is_ascii_digit() => return None,
        // Bare words behind `: ` are a sentence of the program's own.
        _ if *glue == ": " => return None,
        _ => value.find([' ', ',', '}', '&', ';']).unwrap_or(value.len()),
    };
    (length > 0 && !matches!(&value[..length], "null" | "true" | "false" | "\"\"")).then_some((start, start + length))
}

/// The length of a quoted string with its quotes; all of the line when it never ends.
fn quoted(value: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    value.len()
}

/// The length of a list or an object.
fn bracket(value: &str) -> usize {
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => inside = !inside,
            '[' | '{' if !inside => depth += 1,
            ']' | '}' if !inside && depth == 1 => return at + 1,
            ']' | '}' if !inside => depth -= 1,
            _ => {}
        }
    }
    value.len()
}

/// `"GET /api/search?q=what+was+asked HTTP/1.1"`: what is asked stands behind the question mark.
fn requests(line: &str) -> Cow<'_, str> {
    let methods = ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /", "GET \"/", "POST \"/"];
    let Some(at) = methods.iter().find_map(|method| line.find(method)) else { return Cow::Borrowed(line) };
    let path = &line[at..];
    let end =
        path.match_indices([' ', '"']).map(|(end, _)| end).find(|end| path[..*end].contains('/')).unwrap_or(path.len());
    match path[..end].find('?') {
        Some(mark) => Cow::Owned(format!("{}?{HIDDEN}{}", &line[..at + mark], &path[end..])),
        None => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(line: &str) -> String {
        of_log("backend", line).trim_end().to_owned()
    }

    fn pg(text: &str) -> String {
        of_log("postgres", text)
    }

    #[test]
    fn fields_that_hold_peoples_words_lose_them() {
        for line in [
            r#"t {"level":"DEBUG","prompt":"MARKER who \"he\" was","ms":12}"#,
            r#"t {"fields":{"message":"asked","query":"MARKER"},"ms":12}"#,
            r#"t level=DEBUG msg="chat request" prompt="MARKER\nmore" images=0"#,
            r#"t {"documents":["MARKER one","MARKER two"],"n":2}"#,
            r#"t {"error":"bad body {\"content\":\"MARKER x\",\"n\":1}"}"#,
            "t level=INFO query=MARKER took=1",
            r#"t 172.18.0.3 - "GET /search?q=MARKER+x&n=1 HTTP/1.1" 200"#,
            r#"t [GIN] 2026/11/21 | 200 | GET "/api/tags?x=MARKER""#,
            r#"t {"text":"MARKER never ends"#,
        ] {
            let clean = backend(line);
            assert!(!clean.contains("MARKER") && clean.contains(HIDDEN), "{line} became {clean}");
        }
        assert_eq!(backend(r#"t {"ms":12,"query":"a b","id":7}"#), r#"t {"ms":12,"query":[text not shown],"id":7}"#);
    }

    #[test]
    fn what_support_needs_stays() {
        for line in [
            r#"t {"level":"WARN","message":"a question is answered by words only","why":"ollama: refused"}"#,
            r#"t level=INFO source=server.go:12 msg="llama runner started in 3.20 seconds""#,
            r#"t [GIN] 2026/11/21 - 10:00:00 | 200 | 1.2ms | 172.18.0.3 | POST "/api/embed""#,
            r#"t {"chunks":42,"documents":7}"#,
            "t 1:M 21 Nov 2026 10:00:00.000 * Ready to accept connections tcp",
            "t template of the page: fine",
        ] {
            assert_eq!(backend(line), line);
        }
    }

    #[test]
    fn postgres_tells_what_went_wrong_and_not_with_what() {
        let log = "T 2026-11-21 10:00:00.000 UTC [7] ERROR:  invalid input syntax for type integer: \"MARKER a\"\n\
            T 2026-11-21 10:00:00.000 UTC [7] STATEMENT:  select 'MARKER\n\
            T \tMARKER second line'\n\
            T 2026-11-21 10:00:01.000 UTC [7] ERROR:  duplicate key value violates unique constraint \"documents_content\"\n\
            T 2026-11-21 10:00:01.000 UTC [7] DETAIL:  Key (path)=(MARKER.pdf) already exists.\n\
            T 2026-11-21 10:00:02.000 UTC [7] ERROR:  MARKER raised\n\
            T 2026-11-21 10:00:03.000 UTC [7] LOG:  duration: 12.3 ms  statement: insert into x values ('MARKER')\n\
            T 2026-11-21 10:00:04.000 UTC [7] FATAL:  password authentication failed for user \"tars\"\n\
            T 2026-11-21 10:00:05.000 UTC [1] LOG:  database system is ready to accept connections\n";
        let clean = pg(log);
        assert!(!clean.contains("MARKER"), "{clean}");
        for kept in [
            "invalid input syntax for type integer",
            "unique constraint \"documents_content\"",
            "duration: 12.3 ms  statement: [text",
            "for user \"tars\"",
            "is ready to accept",
        ] {
            assert!(clean.contains(kept), "{kept} is gone from {clean}");
        }
        assert_eq!(clean.lines().count(), 8, "{clean}");
    }

    #[test]
    fn colours_and_nuls_do_not_hide_anything() {
        assert_eq!(plain("a\u{1b}[1;31mpass\u{1b}[0mword\0=x\r\nb\rc\u{1b}]0;title\u{7}d"), "apassword=x\nb\ncd");
        assert!(matches!(plain("as it is\n\t"), Cow::Borrowed(_)));
    }
}
