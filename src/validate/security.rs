//! Whether the doors are shut: tokens, roles, headers, injection, limits, bindings, logs, files, passwords.

use super::Check;
use super::bench::Bench;
use super::outcome::{Outcome, Said};
use super::vectors;
use crate::check::{self, Answer};
use crate::client::raw::Ask;
use crate::client::validate::Thing;
use crate::docker::{Container, LogRange};
use crate::operate::keeping::destination;
use crate::redact::Redactor;
use crate::stack::env;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

/// Paths that are everybody's, as `docs/API.md` lists them.
const PUBLIC: [&str; 8] =
    ["/", "/health", "/ready", "/rag/health", "/docs", "/openapi.json", "/auth/token", "/auth/refresh"];
/// The last lines of each service's log that are looked through.
const LOG_LINES: u32 = 2000;
/// A higher limit is not tried: it would take too many requests.
const LIMIT_MAX: usize = 2000;
/// Requests side by side.
const AT_ONCE: usize = 8;
/// A generated secret is longer.
const SECRET_MIN: usize = 16;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "security.token",
        title: "everything but the public paths wants a token",
        hint: "do not publish this backend; report it",
        ask: |bench| Box::pin(token(bench)),
    },
    Check {
        id: "security.forged",
        title: "bad, expired, foreign and unsigned tokens are refused",
        hint: "do not publish this backend; report it",
        ask: |bench| Box::pin(forged(bench)),
    },
    Check {
        id: "security.roles",
        title: "what is for administrators is refused to others",
        hint: "do not publish this backend; report it",
        ask: |bench| Box::pin(roles(bench)),
    },
    Check {
        id: "security.headers",
        title: "every answer has the security headers",
        hint: "if a proxy stands before the API, have it keep the headers that it gets",
        ask: |bench| Box::pin(headers(bench)),
    },
    Check {
        id: "security.cors",
        title: "no web page of a foreign origin may use the API",
        hint: "name the origins that may in TARS_CORS_ORIGINS; if a proxy adds the header, take it out there",
        ask: |bench| Box::pin(cors(bench)),
    },
    Check {
        id: "security.injection",
        title: "hostile values are refused or taken as text",
        hint: "see why: tars logs backend; report it",
        ask: |bench| Box::pin(injection(bench)),
    },
    Check {
        id: "security.rate_limit",
        title: "who asks too often is refused for a while",
        hint: "set TARS_RATE_LIMIT (200 is the default), then: tars restart",
        ask: |bench| Box::pin(rate_limit(bench)),
    },
    Check {
        id: "security.exposure",
        title: "only the API can be reached from other machines",
        hint: "take that port out (TARS_PORT_… in the env file, or an edited compose file), then: tars restart",
        ask: |bench| Box::pin(async { exposure(bench) }),
    },
    Check {
        id: "security.logs",
        title: "no secret stands in the services' logs",
        hint: "change that secret, and see what wrote it: tars logs SERVICE",
        ask: |bench| Box::pin(logs(bench)),
    },
    Check {
        id: "security.files",
        title: "settings and archives are for their owner alone",
        hint: "run: sudo chmod 600 FILE",
        ask: |bench| Box::pin(async { files(bench) }),
    },
    Check {
        id: "security.passwords",
        title: "no default, weak or missing password",
        hint: "give the administrator another one: tars user passwd NAME",
        ask: |bench| Box::pin(async { passwords(bench) }),
    },
];

async fn token(bench: &mut Bench<'_>) -> Said {
    let good = bench.pass()?.token.clone();
    let me = bench.ask(&Ask::get("/auth/me").by(&good)).await?;
    if me.status != 200 {
        return Err(Outcome::fail(format!("a good token is refused: HTTP {}", me.status)));
    }
    let document: Value = bench.ask(&bench.stranger(1, Ask::get("/openapi.json"))?).await?.json()?;
    let asks = asks_of(&document)?;
    let count = asks.len();
    let mut open = Vec::new();
    for some in asks.chunks(AT_ONCE) {
        let some: Vec<_> = some.iter().map(|ask| bench.stranger(1, ask.clone())).collect::<Result<_, _>>()?;
        for (ask, told) in some.iter().zip(join_all(some.iter().map(|ask| bench.ask(ask))).await) {
            let told = told?;
            if told.status != 401 {
                open.push(format!("{} (HTTP {})", ask.name(), told.status));
            }
        }
    }
    if !open.is_empty() {
        return Err(Outcome::fail(format!("open to a stranger: {}", open.join(", "))));
    }
    Ok(Outcome::pass(format!("{count} of {count} refuse a stranger, a good token is taken")))
}

/// Every request of the API's own description that is not public.
fn asks_of(document: &Value) -> Result<Vec<Ask>, Outcome> {
    const METHODS: [(&str, &str); 5] =
        [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];
    let paths = document["paths"].as_object().ok_or_else(|| Outcome::fail("/openapi.json describes no paths"))?;
    let mut asks = Vec::new();
    for (path, methods) in paths.iter().filter(|(path, _)| !PUBLIC.contains(&path.as_str())) {
        let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
        for (name, method) in METHODS.iter().filter(|(name, _)| methods.get(*name).is_some()) {
            let ask = Ask::new(method, path.clone());
            let with_body = methods[*name].get("requestBody").is_some();
            asks.push(if with_body { ask.with("content-type", "application/json").body("{}") } else { ask });
        }
    }
    if asks.len() < 10 {
        return Err(Outcome::fail(format!("/openapi.json describes {} paths that want a token: too few", asks.len())));
    }
    Ok(asks)
}

async fn forged(bench: &mut Bench<'_>) -> Said {
    let pass = bench.pass()?.clone();
    let cut = pass.token.rsplit_once('.').map_or("", |(head, _)| head).to_owned();
    let none = unsigned(&pass.token);
    let all = [
        ("a token that is none", "a.b.c".to_owned()),
        ("one without its signature", format!("{cut}.")),
        ("one signed with \"none\"", none),
        ("one signed with another key", pass.foreign),
        ("an expired one", pass.expired),
        ("a refresh token", pass.refresh),
        ("an API key that nobody has", format!("tars_{}", "0".repeat(43))),
    ];
    let mut taken = Vec::new();
    for (name, token) in &all {
        let told = bench.ask(&bench.stranger(2, Ask::get("/auth/me").by(token))?).await?;
        if told.status != 401 {
            taken.push(format!("{name} (HTTP {})", told.status));
        }
    }
    if !taken.is_empty() {
        return Err(Outcome::fail(format!("not refused: {}", taken.join(", "))));
    }
    Ok(Outcome::pass(format!("{} of {} refused", all.len(), all.len())))
}

/// The same claims under a header that asks for no signature.
fn unsigned(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap_or_default();
    format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#))
}

async fn roles(bench: &mut Bench<'_>) -> Said {
    let token = bench.pass()?.token.clone();
    let all = [
        Ask::get("/users"),
        Ask::get("/ops/summary"),
        Ask::get("/ops/audit"),
        Ask::json("/users", &json!({ "name": "nobody", "role": "admin" })),
        Ask::json("/rag/reindex", &json!({})),
        Ask::new("POST", "/rag/sources/documents/confirm"),
    ];
    let mut open = Vec::new();
    for ask in &all {
        let told = bench.ask(&ask.clone().by(&token)).await?;
        if told.status != 403 {
            open.push(format!("{} (HTTP {})", ask.name(), told.status));
        }
    }
    if !open.is_empty() {
        return Err(Outcome::fail(format!("a user who is no administrator may: {}", open.join(", "))));
    }
    Ok(Outcome::pass(format!("{} of {} refused to a user", all.len(), all.len())))
}

async fn headers(bench: &mut Bench<'_>) -> Said {
    const WANTED: [(&str, &str); 5] = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src"),
        ("x-request-id", ""),
    ];
    const TELLING: [&str; 2] = ["server", "x-powered-by"];
    let paths = ["/", "/docs", "/auth/me", "/no-such-path"];
    let mut wrong = Vec::new();
    for path in paths {
        let told = bench.ask(&bench.stranger(3, Ask::get(path))?).await?;
        for (name, value) in WANTED {
            if !told.header(name).is_some_and(|found| found.contains(value)) {
                wrong.push(format!("{path} lacks {name}"));
            }
        }
        if path == "/auth/me" && told.header("cache-control") != Some("no-store") {
            wrong.push(format!("{path} may be cached"));
        }
        wrong.extend(TELLING.iter().filter_map(|name| Some(format!("{path} says {name}: {}", told.header(name)?))));
    }
    if !wrong.is_empty() {
        return Err(Outcome::fail(wrong.join(", ")));
    }
    Ok(Outcome::pass(format!("on {} kinds of answers", paths.len())))
}

async fn cors(bench: &mut Bench<'_>) -> Said {
    let foreign = format!("https://{}.invalid", bench.mark);
    let preflight = |origin: &str| {
        Ask::new("OPTIONS", "/rag/query")
            .with("origin", origin)
            .with("access-control-request-method", "POST")
            .with("access-control-request-headers", "authorization")
    };
    for ask in [Ask::get("/").with("origin", foreign.as_str()), preflight(&foreign), preflight("null")] {
        let told = bench.ask(&bench.stranger(3, ask.clone())?).await?;
        if let Some(let_in) = told.header("access-control-allow-origin") {
            return Err(Outcome::fail(format!("{} lets in {let_in} for a foreign origin", ask.name())));
        }
    }
    let origins: Vec<_> = bench.context.stack.setting("TARS_CORS_ORIGINS").split(',').map(str::trim).collect();
    let origins: Vec<_> = origins.into_iter().filter(|origin| !origin.is_empty()).collect();
    for origin in &origins {
        let told = bench.ask(&bench.stranger(3, preflight(origin))?).await?;
        if told.header("access-control-allow-origin").is_none() {
            let words = format!("{origin} stands in TARS_CORS_ORIGINS and is not let in");
            return Ok(Outcome::warn(words).hint("run: tars restart"));
        }
    }
    Ok(Outcome::pass(match origins.len() {
        0 => "no origin is let in".to_owned(),
        _ => format!("only {} let in", origins.join(", ")),
    }))
}

async fn injection(bench: &mut Bench<'_>) -> Said {
    let token = bench.pass()?.token.clone();
    let all = vectors::all(bench, &token);
    let mut wrong = Vec::new();
    for vector in &all {
        let told = match bench.ask_long(&vector.ask).await {
            Ok(told) => told,
            // Who is refused in the middle of a large body may be hung up on; the next ones show that the server lives.
            Err(_) if vector.codes == [413] => continue,
            Err(outcome) => return Err(outcome),
        };
        wrong.extend(vector.amiss(&told));
        if let Ok(sent) = told.json::<Value>()
            && sent["file_name"].as_str().is_some_and(|name| name.contains(['/', '\\']))
        {
            wrong.push(format!("{}: its name kept the path", vector.name));
        }
    }
    if !wrong.is_empty() {
        return Err(Outcome::fail(wrong.join("; ")));
    }
    Ok(Outcome::pass(format!("{} of {} did nothing", all.len(), all.len())))
}

async fn rate_limit(bench: &mut Bench<'_>) -> Said {
    bench.pass()?;
    let setting = bench.context.stack.setting("TARS_RATE_LIMIT").to_owned();
    let limit: usize = setting.parse().map_err(|_| Outcome::fail(format!("TARS_RATE_LIMIT={setting} is no number")))?;
    match limit {
        0 => return Ok(Outcome::warn("there is no limit (TARS_RATE_LIMIT=0): passwords can be guessed fast")),
        LIMIT_MAX.. => return Ok(Outcome::warn(format!("{limit} requests a minute are too many to be tried"))),
        _ => {}
    }
    let ask = bench.stranger(4, Ask::get("/"))?;
    let (mut taken, mut refused, mut sent) = (0, 0, 0);
    // A window may end in between: after that many, twice over, it must have been reached.
    while refused == 0 && sent < 2 * limit + AT_ONCE {
        for told in join_all((0..AT_ONCE).map(|_| bench.ask(&ask))).await {
            let told = told?;
            sent += 1;
            match told.status {
                429 if told.header("retry-after").is_some() => refused += 1,
                429 => return Err(Outcome::fail("a refusal does not say when to come back (no Retry-After)")),
                _ => taken += 1,
            }
        }
    }
    if refused == 0 {
        return Err(Outcome::fail(format!("{sent} requests in a row were taken, the limit is {limit} a minute")));
    }
    Ok(Outcome::pass(format!("refused after {taken} requests, with Retry-After")))
}

fn exposure(bench: &Bench<'_>) -> Said {
    let containers = bench.facts.containers.known().map_err(|why| Outcome::fail(why.0))?;
    let open: Vec<_> = containers.iter().filter(|container| container.runs()).flat_map(open_ports).collect();
    if !open.is_empty() {
        return Err(Outcome::fail(open.join(", ")));
    }
    let published: usize = containers.iter().map(|container| container.ports.len()).sum();
    Ok(Outcome::pass(format!("{published} bindings looked at: stores on loopback at most")))
}

/// Ports of a container that other machines reach and must not.
fn open_ports(container: &Container) -> Vec<String> {
    let outside = |address: &str| !address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let ports = container.ports.iter().filter(|port| container.service() != "backend" && outside(&port.address));
    ports.map(|port| format!("{} can be reached on {}:{}", container.service(), port.address, port.host)).collect()
}

async fn logs(bench: &mut Bench<'_>) -> Said {
    let docker = bench.context.docker().map_err(Outcome::from)?;
    let containers = bench.facts.containers.known().map_err(|why| Outcome::fail(why.0))?;
    let settings = bench.context.stack.need_env().map_err(Outcome::from)?;
    let mut known = Redactor::builder();
    for key in env::secrets() {
        known =
            settings.get(key).filter(|value| !value.is_empty()).map_or(known.clone(), |value| known.value(key, value));
    }
    if let Ok(pass) = bench.pass() {
        known = known.value("an access token", &pass.token).value("a refresh token", &pass.refresh);
    }
    let known = known.build().known_values();
    let (mut found, mut bytes) = (Vec::new(), 0);
    for container in containers {
        let range = LogRange { tail: Some(LOG_LINES), ..LogRange::default() };
        let lines: Vec<_> = docker.logs(&container.name, range).try_collect().await.map_err(Outcome::from)?;
        let log = lines.concat();
        bytes += log.len();
        let seen = known.seen_in(&log[..]).map_err(anyhow::Error::from)?;
        found.extend(seen.iter().map(|sighting| format!("{} in the log of {}", sighting.name, container.service())));
    }
    if !found.is_empty() {
        return Err(Outcome::fail(found.join(", ")));
    }
    Ok(Outcome::pass(format!("{} KiB of {} logs looked through", bytes.div_ceil(1024), containers.len())))
}

fn files(bench: &Bench<'_>) -> Said {
    let outcomes = check::run(check::ALL.iter().filter(|check| FILES.contains(&check.id)), &bench.facts);
    let mut wrong: Vec<(String, String)> = Vec::new();
    for outcome in outcomes {
        match outcome.answer {
            Answer::Found(findings) => wrong.extend(findings.into_iter().map(|found| (found.problem, found.hint))),
            Answer::Unknown(why) => wrong.push((why, format!("see: tars doctor --only {}", outcome.id))),
            Answer::Well | Answer::Skipped(_) => {}
        }
    }
    let dir = destination::wanted(&bench.context.stack, None);
    let mut archives = 0;
    // A folder that is not there yet has no archives in it.
    for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("tars-backup-") || name.ends_with(".sha256") {
            continue;
        }
        archives += 1;
        let mode = entry.metadata().map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            let path = entry.path();
            let words = format!("{} has mode {:o}: others can read the archive", path.display(), mode & 0o7777);
            wrong.push((words, format!("run: sudo chmod 600 {}", path.display())));
        }
    }
    match wrong.first().cloned() {
        None => Ok(Outcome::pass(format!("settings, home and {archives} archives"))),
        Some((_, hint)) => {
            let words: Vec<_> = wrong.into_iter().map(|(problem, _)| problem).collect();
            Err(Outcome::fail(words.join("; ")).hint(hint))
        }
    }
}

/// Checks of the doctor's that say who may read what.
const FILES: [&str; 2] = ["env.permissions", "home.permissions"];

fn passwords(bench: &Bench<'_>) -> Said {
    let settings = bench.context.stack.need_env().map_err(Outcome::from)?;
    let optional = |key: &str| matches!(key, env::OLD_KEYS | "TARS_ADMIN_PASSWORD");
    for key in env::secrets() {
        let value = settings.get(key).unwrap_or_default();
        if value.is_empty() && optional(key) {
            continue;
        }
        if let Some(why) = weak(value) {
            return Err(Outcome::fail(format!("{key} {why}")).hint(format!(
                "give {key} a generated value in the env file (32 letters and digits), then: tars restart"
            )));
        }
    }
    for (thing, words) in [
        (Thing::RedisOpen, "Redis lets in who names no password"),
        (Thing::PostgresOpen, "Postgres lets in who names a wrong password"),
    ] {
        match &bench.tried(thing)?.outcome {
            Ok(open) if open == "true" => {
                return Err(Outcome::fail(words).hint("somebody changed its settings; start it anew: tars restart"));
            }
            Ok(_) => {}
            // A store that is away is another check's business.
            Err(chain) => {
                let cause = if thing == Thing::RedisOpen { "deployment.redis" } else { "deployment.postgres" };
                return Err(Outcome::follows(cause, chain.join(": ")));
            }
        }
    }
    bench.judge("postgres", Thing::Passwords)
}

/// Why a secret is none.
fn weak(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    if value.len() < SECRET_MIN {
        return Some(format!("has {} letters, {SECRET_MIN} are the least", value.len()));
    }
    let placeholder = ["changeme", "change_me", "change-me", "placeholder", "password", "example", "your-"];
    placeholder.iter().find(|word| lower.contains(*word)).map(|word| format!("is a placeholder ({word})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_no_placeholder() {
        assert!(weak("short").is_some() && weak("CHANGE_ME_CHANGE_ME").is_some());
        assert_eq!(weak("t7KqZ0aL2mNbV9xC4sDf"), None);
    }

    #[test]
    fn every_path_that_is_not_public_is_asked() {
        let path = |n: usize| (format!("/p{n}/{{id}}"), json!({ "get": {}, "post": { "requestBody": {} } }));
        let mut paths: serde_json::Map<String, Value> = (0..5).map(path).collect();
        paths.insert("/health".into(), json!({ "get": {} }));
        let asks = asks_of(&json!({ "paths": paths })).unwrap();
        assert_eq!(asks.len(), 10);
        assert!(asks.iter().all(|ask| !ask.name().contains('{') && !ask.name().contains("health")));
        assert!(asks_of(&json!({ "paths": {} })).is_err());
    }

    #[test]
    fn an_unsigned_token_keeps_the_claims() {
        assert_eq!(unsigned("h.claims.s").split('.').nth(1), Some("claims"));
    }
}
