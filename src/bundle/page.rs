//! `summary.html`: one page that needs no network: the note, what is wrong, what changed, then the rest, to be searched.

use super::ground::Options;
use super::proof::Leak;
use super::tray::{Kind, Member, Tray};
use super::verdicts::DOCTOR;
use jiff::Timestamp;
use serde_json::Value;
use std::fmt::Write;

const STYLE: &str = include_str!("summary.css");
const SCRIPT: &str = include_str!("summary.js");
/// How much of one member the page shows; all of it stands in its file.
const SHOWN_BYTES: usize = 48 << 10;
const HAPPENINGS_MAX: usize = 200;

/// The page. Every text in it has been through the redactor before, as a member or as words.
pub(super) fn page(tray: &Tray, options: &Options, now: Timestamp, members: &[Member], dropped: &[Leak]) -> String {
    let mut html = head(now);
    if !options.note.is_empty() {
        let _ = write!(
            html,
            "<section id=note><h2>The operator's note</h2><p class=note>{}</p></section>",
            escaped(&tray.words(&options.note))
        );
    }
    wrong(&mut html, members, dropped);
    changed(&mut html, tray);
    unseen(&mut html, tray);
    html.push_str("<section id=rest><h2>Everything else</h2>");
    let mut family = "";
    for member in members {
        let own = member.path.split_once('/').map_or("", |(family, _)| family);
        if own != family {
            let _ = write!(html, "<h3>{}</h3>", escaped(own));
            family = own;
        }
        file(&mut html, member);
    }
    let _ = writeln!(html, "</section></main><script>{SCRIPT}</script></body></html>");
    html
}

fn head(now: Timestamp) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\
         <title>TARS support bundle</title><style>{STYLE}</style></head><body><header><h1>TARS support bundle</h1>\
         <p>{} · tars {}</p><input id=search type=search placeholder=\"Search in everything\" aria-label=\"Search\"><p id=found aria-live=polite></p></header><main>",
        now.strftime("%Y-%m-%d %H:%M:%S UTC"),
        env!("CARGO_PKG_VERSION")
    )
}

fn wrong(html: &mut String, members: &[Member], dropped: &[Leak]) {
    html.push_str("<section id=wrong><h2>What is wrong</h2><ul class=findings>");
    let before = html.len();
    for leak in dropped {
        let _ = write!(html, "<li class=fail><b>left out for a secret: {}</b></li>", escaped(&leak.member));
    }
    let doctor = members.iter().find(|member| member.path == DOCTOR);
    let outcomes: Vec<Value> = doctor.and_then(|member| serde_json::from_slice(&member.text).ok()).unwrap_or_default();
    let (mut failing, mut warning) = (String::new(), String::new());
    for outcome in &outcomes {
        for finding in outcome["answer"]["found"].as_array().into_iter().flatten() {
            let word = |key: &str| escaped(finding[key].as_str().unwrap_or_default());
            let fails = finding["severity"] == "fail";
            let item = format!(
                "<li class={}><b>{}</b> <code>{}</code><br>{}<br><i>{}</i></li>",
                if fails { "fail" } else { "warn" },
                word("about"),
                escaped(outcome["id"].as_str().unwrap_or_default()),
                word("problem"),
                word("hint")
            );
            if fails { failing.push_str(&item) } else { warning.push_str(&item) }
        }
    }
    html.push_str(&failing);
    html.push_str(&warning);
    for member in members.iter().filter(|member| member.path.starts_with("containers/")) {
        let Ok(container) = serde_json::from_slice::<Value>(&member.text) else { continue };
        for problem in problems(&container) {
            let _ = write!(
                html,
                "<li class=fail><b>{}</b> {}</li>",
                escaped(container["name"].as_str().unwrap_or_default().trim_start_matches('/')),
                escaped(&problem)
            );
        }
    }
    if html.len() == before {
        let words = if doctor.is_some() { "No check found anything." } else { "The checks could not be asked." };
        let _ = write!(html, "<li>{words}</li>");
    }
    let unknown = outcomes.iter().filter(|outcome| !outcome["answer"]["unknown"].is_null()).count();
    if unknown > 0 {
        let _ = write!(html, "<li class=note>{unknown} checks could not see what they need (verdicts/doctor.txt)</li>");
    }
    html.push_str("</ul></section>");
}

/// What a container's own state says.
fn problems(container: &Value) -> Vec<String> {
    let state = &container["state"];
    let mut problems = Vec::new();
    match state["Status"].as_str() {
        Some("running") | None => {}
        Some(status) => problems.push(format!("is {status} (exit status {})", state["ExitCode"])),
    }
    if state["OOMKilled"] == true {
        problems.push("was killed for want of memory".to_owned());
    }
    if container["health"]["status"] == "unhealthy" {
        problems.push("is unhealthy".to_owned());
    }
    if container["restarts"].as_i64().is_some_and(|restarts| restarts > 0) {
        problems.push(format!("was started again {} times", container["restarts"]));
    }
    problems
}

fn changed(html: &mut String, tray: &Tray) {
    html.push_str("<section id=changed><h2>What changed</h2><table>");
    let happenings = tray.happenings();
    for happening in happenings.iter().take(HAPPENINGS_MAX) {
        let at: String = happening.at.chars().take(19).collect();
        let _ =
            write!(html, "<tr><td>{}</td><td>{}</td></tr>", escaped(&at.replace('T', " ")), escaped(&happening.what));
    }
    if happenings.is_empty() {
        html.push_str("<tr><td>nothing is known</td></tr>");
    }
    html.push_str("</table></section>");
}

fn unseen(html: &mut String, tray: &Tray) {
    let notes = tray.notes();
    if notes.is_empty() {
        return;
    }
    html.push_str("<section id=unseen><h2>What could not be seen</h2><ul>");
    for note in notes {
        let _ = write!(html, "<li><code>{}</code> {}</li>", escaped(&note.about), escaped(&note.why));
    }
    html.push_str("</ul></section>");
}

fn file(html: &mut String, member: &Member) {
    let words = member.words();
    // Of a log the end counts, of all else the beginning.
    let (shown, cut) = match (words.len() > SHOWN_BYTES, member.kind) {
        (false, _) => (&*words, false),
        (true, Kind::Log) => (&words[boundary(&words, words.len() - SHOWN_BYTES)..], true),
        (true, Kind::Look) => (&words[..boundary(&words, SHOWN_BYTES)], true),
    };
    let more = if cut { " (a part; all of it is in the file)" } else { "" };
    let _ = write!(
        html,
        "<details class=file><summary>{}<small>{} bytes{more}</small></summary><pre>{}</pre></details>",
        escaped(&member.path),
        member.text.len(),
        escaped(shown)
    );
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
