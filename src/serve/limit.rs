//! How often somebody may ask: so many requests in a window of one minute, counted in Redis while it is there, else here.
//!
//! Who is signed in is counted by user or key, so that nobody pays for a neighbour; all others by address, an IPv6 one
//! by its /64. `/health` and `/ready` are not counted: whoever watches over the stack asks them all the time. Neither are
//! the page's files, which cost nothing and must come when nothing else does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use redis::cmd;

use super::app::App;
use super::auth::token::Use;
use super::auth::{self, Caller, User, Via, key};
use super::client::validate::COUNTED_AS;
use super::extract::Origin;
use super::problem::Problem;
use super::stores::redis::Redis;

/// The window.
const WINDOW: Duration = Duration::from_mins(1);
/// Sign-ins per window for one name from one address; a person types slower.
const SIGN_INS: u32 = 10;
/// More names than these are not kept: the memory is worth more than a count.
const NAMES_MAX: usize = 20_000;
/// A key that was good is not taken for a guess for so long.
const GOOD_FOR: Duration = Duration::from_mins(10);
const FREE: [&str; 3] = ["/health", "/ready", "/web/{version}/{file}"];

/// Whether a request is neither counted nor looked at for who asks: whether the process lives must not hang on Postgres.
pub(super) fn is_free(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|route| FREE.contains(&route.as_str()))
}

/// Counts and, for a new name, begins the window; answers the count and the seconds that are left.
const SCRIPT: &str = "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end \
                      return {n, redis.call('TTL', KEYS[1])}";

/// The counts of this process, for when Redis is away.
#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<String, (u32, Instant)>>);

impl Limits {
    /// Counts one more for `name`.
    ///
    /// # Errors
    /// The seconds until the window ends, if that is more than `most`.
    pub(crate) async fn count(&self, redis: &Redis, name: &str, most: u32) -> Result<(), u64> {
        if most == 0 {
            return Ok(());
        }
        let mut command = cmd("EVAL");
        command.arg(SCRIPT).arg(1).arg(format!("tars:limit:{name}")).arg(WINDOW.as_secs());
        let (count, left) = match redis.try_::<(u32, i64)>(&command).await {
            Some((count, left)) => (count, u64::try_from(left).unwrap_or(1)),
            None => self.count_here(name, Instant::now()),
        };
        if count > most { Err(left.max(1)) } else { Ok(()) }
    }

    fn look_here(&self, name: &str, now: Instant) -> Option<(u32, u64)> {
        let counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        counts.get(name).filter(|(_, until)| *until > now).map(|(count, until)| (*count, (*until - now).as_secs() + 1))
    }

    fn remember_here(&self, name: &str, until: Instant) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.to_owned(), (1, until));
    }

    fn count_here(&self, name: &str, now: Instant) -> (u32, u64) {
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if counts.len() >= NAMES_MAX {
            counts.retain(|_, (_, until)| *until > now);
        }
        if counts.len() >= NAMES_MAX {
            counts.clear();
        }
        let entry = counts.entry(name.to_owned()).or_insert((0, now + WINDOW));
        if entry.1 <= now {
            *entry = (0, now + WINDOW);
        }
        entry.0 = entry.0.saturating_add(1);
        (entry.0, (entry.1 - now).as_secs() + 1)
    }
}

/// The layer below [`super::frame::who`].
pub(super) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    if is_free(&request) {
        return next.run(request).await;
    }
    let address = request.extensions().get::<Origin>().map(|origin| origin.address);
    let name = match request.extensions().get::<Caller>() {
        _ if let Some(ticket) = ticket(&app, request.headers()) => ticket,
        Some(Caller::Somebody(User { via: Via::Key(id), .. })) => format!("key:{id}"),
        Some(Caller::Somebody(User { id, .. })) => format!("user:{id}"),
        Some(Caller::Nobody | Caller::Refused(_)) | None => by_address(address),
    };
    match app.limits.count(&app.redis, &name, app.config.rate_limit).await {
        Ok(()) => next.run(request).await,
        Err(left_s) => {
            let detail = format!("more than {} requests in a minute; try again in {left_s} s", app.config.rate_limit);
            Problem::too_many(left_s, detail).into_response()
        }
    }
}

/// The answer for an API key from an address that has sent too many which were none. Only these cost a look into the
/// database before anybody is counted; a key that was good lately is let through, whatever its neighbours try.
pub(super) fn is_guessing(app: &App, request: &Request) -> Option<Problem> {
    let key = auth::api_key(request.headers())?;
    let (most, now) = (app.config.rate_limit, Instant::now());
    if most == 0 || app.limits.look_here(&good(key), now).is_some() {
        return None;
    }
    let (count, left_s) = app.limits.look_here(&guesses(request), now)?;
    let detail = || format!("more than {most} keys in a minute that are not good; try again in {left_s} s");
    (count >= most).then(|| Problem::too_many(left_s, detail()))
}

/// Remembers what became of an API key; here and not in Redis, so that it costs nothing.
pub(super) fn note_key(app: &App, request: &Request, caller: &Caller) {
    let Some(key) = auth::api_key(request.headers()) else { return };
    match caller {
        Caller::Somebody(_) => app.limits.remember_here(&good(key), Instant::now() + GOOD_FOR),
        Caller::Refused(problem) if problem.status == StatusCode::UNAUTHORIZED => {
            app.limits.count_here(&guesses(request), Instant::now());
        }
        Caller::Nobody | Caller::Refused(_) => {}
    }
}

fn guesses(request: &Request) -> String {
    format!("guess:{}", by_address(request.extensions().get::<Origin>().map(|origin| origin.address)))
}

fn good(key: &str) -> String {
    format!("good:{}", key::hex(&key::hash(key)[..16]))
}

/// One more sign-in for a name from an address.
///
/// # Errors
/// 429 when there were too many.
pub(crate) async fn sign_in(app: &App, origin: &Origin, name: &str) -> Result<(), Problem> {
    // Not the name itself: whoever looks into Redis learns nothing, and the key is short.
    let hash = key::hex(&key::hash(&name.to_lowercase())[..8]);
    let name = format!("login:{}:{hash}", by_address(Some(origin.address)));
    let most = if app.config.rate_limit == 0 { 0 } else { SIGN_INS };
    app.limits.count(&app.redis, &name, most).await.map_err(|left_s| {
        Problem::too_many(left_s, format!("too many sign-ins for this name; try again in {left_s} s"))
    })
}

/// The name that a token of this stack's own operator asks to be counted under.
fn ticket(app: &App, headers: &HeaderMap) -> Option<String> {
    let claims = app.tokens.read(headers.get(COUNTED_AS)?.to_str().ok()?, Use::Count)?;
    Some(format!("ticket:{}", claims.jti))
}

fn by_address(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address:{a:x}:{b:x}:{c:x}:{d:x}")
        }
        Some(IpAddr::V4(address)) => format!("address:{address}"),
        None => "address:none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_counted_and_begins_again() {
        let (limits, now) = (Limits::default(), Instant::now());
        assert_eq!(limits.count_here("a", now).0, 1);
        assert_eq!(limits.count_here("a", now).0, 2);
        assert_eq!(limits.count_here("b", now).0, 1);
        assert_eq!(limits.look_here("a", now).map(|(count, _)| count), Some(2));
        assert_eq!(limits.look_here("a", now + WINDOW), None);
        let (count, left) = limits.count_here("a", now + WINDOW);
        assert!(count == 1 && left >= WINDOW.as_secs(), "{count} {left}");
    }

    #[test]
    fn guessed_keys_are_stopped_before_the_database_and_good_ones_are_not() {
        let app = App::new(crate::config::Config::from_lookup(|_| None).unwrap());
        let with = |key: &str| {
            let request = axum::http::Request::get("/").header("authorization", format!("Bearer {key}"));
            request.body(axum::body::Body::empty()).unwrap()
        };
        let (bad, own) = (with(&key::generate()), with(&key::generate()));
        let refused = Caller::Refused(Problem::unauthorized("x"));
        note_key(&app, &own, &Caller::Somebody(somebody()));
        for _ in 0..app.config.rate_limit {
            assert!(is_guessing(&app, &bad).is_none());
            note_key(&app, &bad, &refused);
        }
        assert_eq!(is_guessing(&app, &bad).unwrap().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(is_guessing(&app, &own).is_none(), "a neighbour pays for nothing");
        assert!(is_guessing(&app, &with("eyJ0.not.a-key")).is_none(), "a token costs no query");
    }

    fn somebody() -> User {
        User { id: uuid::Uuid::nil(), name: "ada".into(), role: auth::Role::User, via: Via::Key(uuid::Uuid::nil()) }
    }

    #[test]
    fn strangers_cannot_fill_the_memory() {
        let (limits, now) = (Limits::default(), Instant::now());
        for n in 0..NAMES_MAX * 2 {
            limits.count_here(&n.to_string(), now);
        }
        assert!(limits.0.lock().unwrap().len() <= NAMES_MAX);
    }

    #[test]
    fn neighbours_in_a_network_of_version_6_are_one() {
        let of = |text: &str| by_address(Some(text.parse().unwrap()));
        assert_eq!(of("fd00:1:2:3::1"), of("fd00:1:2:3:ffff::9"));
        assert_ne!(of("fd00:1:2:3::1"), of("fd00:1:2:4::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
