//! A scan brings the places after the documents folder. A folder that is away is not an empty folder.
//!
//! Something is removed only if the folder is on the file system that it was on at the last whole scan, every part of it
//! could be seen, and fewer than max(20, 10 %) of its documents are missing, or if an administrator has confirmed it. Else
//! nothing is removed, the source is *away*, and answers go on. What is removed lies in the trash.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use ring::digest;
use uuid::Uuid;

use super::FOLDER;
use super::intake::{self, Seen, Why};
use super::walk::{Walk, walk};
use crate::app::App;
use crate::auth::key::hex;
use crate::problem::Problem;

/// A folder that does not even give a name for so long hangs.
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);
/// So many may be missing at once, or so many of a hundred, before it looks like an accident.
const MISSING_MAX: usize = 20;
const MISSING_PERCENT: usize = 10;

/// How a source is.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = SourceState)]
pub(crate) struct Source {
    /// `uploads` or `documents`.
    pub name: String,
    /// `here` or `away`; nothing of a source that is away is removed.
    pub state: String,
    /// What is the matter with it.
    pub why: Option<String>,
    /// Files that the last scan saw.
    pub found: i32,
    /// Known documents that the last scan did not see.
    pub missing: i32,
    /// When it was last seen as a whole.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scanned_at: Option<jiff::Timestamp>,
}

/// A place that is known.
struct Known {
    bytes: i64,
    modified_ns: i64,
    /// Whether a document lies there that people see.
    live: bool,
    /// It went with its file, so that it comes back with it.
    gone: bool,
    /// No document lies there: it was never read, or could not be.
    empty: bool,
}

/// What an administrator would confirm, and what was confirmed.
struct Before {
    file_system: Option<String>,
    confirmed: Option<String>,
}

/// A scan that ends with the source away.
struct Away<'a> {
    why: &'a str,
    found: i32,
    missing: i32,
    /// Of what was missing, if all of the folder could be seen.
    sight: Option<&'a str>,
    /// The confirmation that this scan looked at; it is used up.
    confirmed: Option<&'a str>,
}

/// What a scan decides.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Here,
    Remove,
    Away(String),
}

/// How all sources are.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn sources(app: &App) -> Result<Vec<Source>> {
    const ASK: &str = "select id, state, why, found, missing, scanned_at from sources order by id";
    let connection = app.db.get().await?;
    let of = |row: &tokio_postgres::Row| Source {
        name: if row.get::<_, i16>(0) == FOLDER { "documents" } else { "uploads" }.to_owned(),
        state: row.get(1),
        why: row.get(2),
        found: row.get(3),
        missing: row.get(4),
        scanned_at: row.get(5),
    };
    Ok(connection.query(ASK, &[]).await?.iter().map(of).collect())
}

/// An administrator says that what is missing is gone: the next scan may remove it, if it sees the same as the last one.
///
/// # Errors
/// 409 when the last scan did not see the whole folder, or missed nothing; what Postgres says.
pub(crate) async fn confirm(app: &App, who: &str) -> Result<(), Problem> {
    const CONFIRM: &str = "update sources set confirmed_by = $2, confirmed_for = seen
        where id = $1 and state = 'away' and seen is not null";
    let connection = app.db.get().await?;
    if connection.execute(CONFIRM, &[&FOLDER, &who]).await? == 0 {
        return Err(Problem::conflict(
            "there is nothing to confirm: nothing is missing, or the documents folder cannot be seen as a whole; GET /rag/sources says which",
        ));
    }
    app.rag.desk.wake_scan();
    Ok(())
}

/// Walks through the folder and follows it. False when it is away.
///
/// # Errors
/// What Postgres says.
pub(crate) async fn scan(app: &App) -> Result<bool> {
    let (before, known) = (before(app).await?, known(app).await?);
    let walked = look(app).await;
    let walk = match walked {
        Ok(walk) => walk,
        Err(why) => {
            let away_ = Away { why: &why, found: 0, missing: 0, sight: None, confirmed: before.confirmed.as_deref() };
            return away(app, &away_).await;
        }
    };
    let changed: Vec<Seen> = walk.files.iter().filter(|file| is_news(&known, file)).cloned().collect();
    intake::announce(app, FOLDER, &changed, Why::Found).await?;
    let seen: std::collections::HashSet<&str> = walk.files.iter().map(|file| file.path.as_str()).collect();
    let unseen = |wanted: fn(&Known) -> bool| -> Vec<&str> {
        let unseen = known.iter().filter(|(path, place)| wanted(place) && !seen.contains(path.as_str()));
        unseen.map(|(path, _)| path.as_str()).collect()
    };
    let missing = unseen(|place| place.live);
    // Nothing is lost with a place where nothing could be read.
    let empty = if walk.trouble.is_none() { unseen(|place| place.empty) } else { Vec::new() };
    let live = known.values().filter(|place| place.live).count();
    let sight = sight(&walk, &missing);
    let confirmed = before.confirmed.as_ref().is_some_and(|confirmed| *confirmed == sight);
    let verdict = judge(&walk, before.file_system.as_deref(), confirmed, live, missing.len());
    let (found, count) = (i32::try_from(walk.files.len())?, i32::try_from(missing.len())?);
    match verdict {
        Verdict::Away(why) => {
            let sight = walk.trouble.is_none().then_some(sight.as_str());
            let confirmed = before.confirmed.as_deref();
            away(app, &Away { why: &why, found, missing: count, sight, confirmed }).await
        }
        Verdict::Here => here(app, &walk, found, &empty).await,
        Verdict::Remove => here(app, &walk, found, &[missing, empty].concat()).await,
    }
}

/// The walk, or why there is none. One that hangs is left to itself; the next one is told that it still does.
async fn look(app: &App) -> Result<Walk, String> {
    let (folder, steps) = (app.rag.desk.folder.clone(), Arc::new(AtomicU64::new(0)));
    let (counted, mut last) = (Arc::clone(&steps), 0);
    let moves = move || {
        let now = steps.load(Ordering::Relaxed);
        std::mem::replace(&mut last, now) != now
    };
    let walked = app.rag.desk.scans.run_while(ANSWERS_WITHIN, moves, move || walk(&folder, &counted)).await;
    let why = |error: &dyn std::fmt::Display| format!("the documents folder cannot be read: {error}");
    walked.map_err(|hung| why(&hung))?.map_err(|error| why(&error))
}

/// What is missing, and of which file system: the same again only if nothing has changed.
fn sight(walk: &Walk, missing: &[&str]) -> String {
    let mut missing = missing.to_vec();
    missing.sort_unstable();
    let names = digest::digest(&digest::SHA256, missing.join("\0").as_bytes());
    format!("{} files of {}: {}", missing.len(), walk.file_system, hex(&names.as_ref()[..16]))
}

fn judge(walk: &Walk, before: Option<&str>, confirmed: bool, live: usize, missing: usize) -> Verdict {
    if missing == 0 {
        return Verdict::Here;
    }
    let but = format!("{missing} of its {live} documents are missing, so that nothing is removed");
    if let Some((error, count)) = &walk.trouble {
        return Verdict::Away(format!("{count} of its folders or files cannot be read ({error}), and {but}"));
    }
    if confirmed {
        return Verdict::Remove;
    }
    if before.is_some_and(|before| before != walk.file_system) {
        return Verdict::Away(format!("the folder is on another file system than before, and {but}"));
    }
    if walk.files.is_empty() {
        return Verdict::Away(format!("the folder is empty, and {but}"));
    }
    if missing >= MISSING_MAX.max(live * MISSING_PERCENT / 100) {
        return Verdict::Away(but);
    }
    Verdict::Remove
}

fn is_news(known: &HashMap<String, Known>, file: &Seen) -> bool {
    known
        .get(&file.path)
        .is_none_or(|place| place.gone || place.bytes != file.bytes || place.modified_ns != file.modified_ns)
}

async fn known(app: &App) -> Result<HashMap<String, Known>> {
    const ASK: &str = "select p.path, p.bytes, p.modified_ns, d.id is not null and d.trashed_at is null,
            coalesce(d.trashed_why <> 'deleted', false), d.id is null
        from places p left join documents d on d.id = p.document_id where p.source = $1";
    let connection = app.db.get().await?;
    let of = |row: &tokio_postgres::Row| {
        let known =
            Known { bytes: row.get(1), modified_ns: row.get(2), live: row.get(3), gone: row.get(4), empty: row.get(5) };
        (row.get(0), known)
    };
    Ok(connection.query(ASK, &[&FOLDER]).await?.iter().map(of).collect())
}

async fn before(app: &App) -> Result<Before> {
    let connection = app.db.get().await?;
    let row = connection.query_one("select file_system, confirmed_for from sources where id = $1", &[&FOLDER]).await?;
    Ok(Before { file_system: row.get(0), confirmed: row.get(1) })
}

async fn away(app: &App, away: &Away<'_>) -> Result<bool> {
    const AWAY: &str = "update sources set state = 'away', why = $2, found = $3, missing = $4 where id = $1
        and (state, why, found, missing) is distinct from ('away', $2, $3, $4)";
    // One that was given in this moment stays for the next scan.
    const SEEN: &str = "update sources set seen = $2,
        confirmed_by = case when confirmed_for = $3 then null else confirmed_by end,
        confirmed_for = nullif(confirmed_for, $3) where id = $1";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    let is_news = transaction.execute(AWAY, &[&FOLDER, &away.why, &away.found, &away.missing]).await? > 0;
    transaction.execute(SEEN, &[&FOLDER, &away.sight, &away.confirmed]).await?;
    transaction.commit().await?;
    if is_news {
        tracing::warn!(why = away.why, "the documents folder is away");
    }
    Ok(false)
}

/// The folder was seen as a whole, or nothing is missing of it. What is gone lies in the trash from now on.
async fn here(app: &App, walk: &Walk, found: i32, gone: &[&str]) -> Result<bool> {
    const HERE: &str = "update sources set state = 'here', why = $3, found = $4, missing = 0,
        file_system = $2, scanned_at = now(), confirmed_by = null, confirmed_for = null, seen = null where id = $1";
    // Where nothing was read and something is being read now, a file has just come.
    const PLACES: &str = "delete from places p where source = $1 and path = any($2) and (document_id is not null
        or not exists (select 1 from jobs j where j.source = p.source and j.path = p.path)) returning document_id";
    const TRASH: &str = "update documents d set trashed_at = now(), trashed_why = 'gone' where id = any($1)
        and trashed_at is null and not exists (select 1 from places p where p.document_id = d.id)";
    let mut connection = app.db.get().await?;
    let transaction = connection.transaction().await?;
    let rows = transaction.query(PLACES, &[&FOLDER, &gone]).await?;
    let documents: Vec<Uuid> = rows.iter().filter_map(|row| row.get(0)).collect();
    let trashed = transaction.execute(TRASH, &[&documents]).await?;
    let why =
        walk.trouble.as_ref().map(|(error, count)| format!("{count} of its folders or files cannot be read ({error})"));
    transaction.execute(HERE, &[&FOLDER, &walk.file_system, &why, &found]).await?;
    transaction.commit().await?;
    if trashed > 0 {
        tracing::info!(trashed, "documents that are gone from the folder lie in the trash");
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: usize) -> Walk {
        let file = |n| Seen { path: format!("{n}.txt"), file_name: String::new(), bytes: 0, modified_ns: 0 };
        Walk { files: (0..files).map(file).collect(), trouble: None, file_system: "ext4 a /".into() }
    }

    fn is_away(walk: &Walk, before: &str, live: usize, missing: usize) -> bool {
        matches!(judge(walk, Some(before), false, live, missing), Verdict::Away(_))
    }

    #[test]
    fn something_is_removed_only_under_all_three_conditions() {
        let same = "ext4 a /";
        assert_eq!(judge(&seen(90), Some(same), false, 100, 10), Verdict::Remove);
        assert_eq!(judge(&seen(81), Some(same), false, 100, 19), Verdict::Remove);
        assert!(is_away(&seen(80), same, 100, 20), "20 are too many of 100");
        assert_eq!(judge(&seen(950), Some(same), false, 1000, 99), Verdict::Remove);
        assert!(is_away(&seen(900), same, 1000, 100), "10 % are too many");
        assert!(is_away(&seen(99), "nfs b /", 100, 1), "another file system");
        assert!(is_away(&seen(0), same, 3, 3), "an emptied folder");
        let half = Walk { trouble: Some(("EIO".into(), 1)), ..seen(99) };
        assert!(is_away(&half, same, 100, 1), "half of it cannot be read");
    }

    #[test]
    fn a_confirmation_is_good_for_the_same_sight_only() {
        let (folder, missing) = (seen(50), ["a.txt", "b.txt"]);
        let confirmed = sight(&folder, &missing);
        assert_eq!(confirmed, sight(&seen(51), &["b.txt", "a.txt"]), "what was added does not matter");
        assert_ne!(confirmed, sight(&folder, &["a.txt", "c.txt"]), "something else is missing");
        assert_ne!(confirmed, sight(&folder, &["a.txt", "b.txt", "c.txt"]), "more is missing");
        let unmounted = Walk { file_system: "ext4 root /".into(), ..seen(50) };
        assert_ne!(confirmed, sight(&unmounted, &missing), "another file system");
    }

    #[test]
    fn an_administrator_may_confirm_what_was_seen_as_a_whole() {
        assert_eq!(judge(&seen(0), Some("nfs b /"), true, 100, 100), Verdict::Remove);
        let half = Walk { trouble: Some(("EIO".into(), 1)), ..seen(0) };
        assert!(matches!(judge(&half, None, true, 100, 100), Verdict::Away(_)));
    }

    #[test]
    fn nothing_missing_is_well_wherever_it_lies() {
        assert_eq!(judge(&seen(100), Some("nfs b /"), false, 100, 0), Verdict::Here);
        assert_eq!(judge(&seen(0), None, false, 0, 0), Verdict::Here);
    }
}
