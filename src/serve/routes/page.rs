//! The page that people open: its files stand in this binary, and nothing is loaded from elsewhere.
//!
//! The files' address holds a sum over all of them, so that they may be kept for good and an upgrade is seen at once. The
//! page itself is asked for every time and answered by its tag.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ring::digest;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::auth::key::hex;
use crate::problem::Problem;

const INDEX: &str = include_str!("../web/index.html");
/// Where the page's files are; stands in the page in place of their real address.
const PLACE: &str = "/web/VERSION/";

const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Name, kind and content of each file.
const FILES: &[(&str, &str, &str)] = &[
    ("app.js", SCRIPT, include_str!("../web/app.js")),
    ("account.js", SCRIPT, include_str!("../web/account.js")),
    ("api.js", SCRIPT, include_str!("../web/api.js")),
    ("answer.js", SCRIPT, include_str!("../web/answer.js")),
    ("ask.js", SCRIPT, include_str!("../web/ask.js")),
    ("care.js", SCRIPT, include_str!("../web/care.js")),
    ("conversations.js", SCRIPT, include_str!("../web/conversations.js")),
    ("documents.js", SCRIPT, include_str!("../web/documents.js")),
    ("dom.js", SCRIPT, include_str!("../web/dom.js")),
    ("lock.js", SCRIPT, include_str!("../web/lock.js")),
    ("markdown.js", SCRIPT, include_str!("../web/markdown.js")),
    ("people.js", SCRIPT, include_str!("../web/people.js")),
    ("source.js", SCRIPT, include_str!("../web/source.js")),
    ("uploads.js", SCRIPT, include_str!("../web/uploads.js")),
    ("words.js", SCRIPT, include_str!("../web/words.js")),
    ("page.css", "text/css; charset=utf-8", include_str!("../web/page.css")),
    ("icon.svg", "image/svg+xml", include_str!("../web/icon.svg")),
];

/// Only the page's own files may run or show, it may ask only this API, and no text can become markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/web/{version}/{file}", get(file))
}

/// The sum over all files, a part of their address.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut sum = digest::Context::new(&digest::SHA256);
        for (name, _, content) in FILES.iter().chain(&[("", "", INDEX)]) {
            sum.update(&(name.len() + content.len()).to_be_bytes());
            sum.update(name.as_bytes());
            sum.update(content.as_bytes());
        }
        hex(&sum.finish().as_ref()[..8])
    })
}

/// The page, or that it is still the same.
pub(super) fn page(headers: &HeaderMap) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let tag = format!("\"{}\"", version());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let dress = [
        (header::CACHE_CONTROL, ASK_AGAIN),
        (header::ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    if known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, dress).into_response();
    }
    let text = PAGE.get_or_init(|| INDEX.replace(PLACE, &format!("/web/{}/", version())));
    (dress, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text.as_str()).into_response()
}

async fn file(Path((version_, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = FILES.iter().find(|(file, _, _)| *file == name).filter(|_| version_ == version());
    let (_, kind, content) = found.ok_or_else(|| Problem::not_found("file of the page: reload it"))?;
    let dress: [(HeaderName, HeaderValue); 2] =
        [(header::CACHE_CONTROL, FOR_GOOD), (header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    Ok((dress, *content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
        FILES.iter().map(|(name, _, content)| (*name, *content)).chain([("index.html", INDEX)])
    }

    #[test]
    fn the_page_is_small_and_needs_no_network() {
        let bytes: usize = all().map(|(_, content)| content.len()).sum();
        assert!(bytes <= 150 << 10, "{bytes} bytes");
        for (name, content) in all() {
            // An SVG's namespace is a name, not an address that is asked.
            let content = content.replace("http://www.w3.org/2000/svg", "");
            assert!(!content.contains("http://") && !content.contains("src=\"//"), "{name}");
            for (at, _) in content.match_indices("https://") {
                assert!(content[..at].ends_with('`') || content[..at].ends_with('\''), "{name} names an address");
            }
        }
    }

    #[test]
    fn no_text_can_become_markup() {
        let sinks =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"];
        for (name, content) in all() {
            for sink in sinks {
                assert!(!content.contains(sink), "{name} has {sink}");
            }
        }
        assert!(!INDEX.contains("<style") && !INDEX.contains(" style=") && !INDEX.contains(" onclick"), "inline");
    }

    #[test]
    fn every_file_is_served_and_every_served_file_is_loaded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
        let mut there: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        there.sort();
        let mut served: Vec<_> = all().map(|(name, _)| name.to_owned()).collect();
        served.sort();
        assert_eq!(there, served);
        for (name, _, _) in FILES {
            assert!(INDEX.contains(&format!("{PLACE}{name}\"")), "index.html does not load {name} at once");
        }
    }
}
