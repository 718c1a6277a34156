//! From the tray to the file: what is added, how it fits, how it is proven.

use super::fit::{Packed, fit, pack};
use super::ground::Options;
use super::page;
use super::proof::{Leak, leaks};
use super::tray::{Kind, Member, Note, Tray};
use super::verdicts::FACTS;
use crate::archive::{Parcel, Published, Sealed, sha256_of, sweep_partials, unpack_each};
use crate::error::Failure;
use crate::exit::Exit;
use crate::facts::Facts;
use crate::redact::Counts;
use anyhow::{Context, Result};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// What every bundle's name begins with.
pub const NAME_PREFIX: &str = "tars-support-bundle-";
/// What the files that describe the others may take of the limit.
const OWN_BYTES: u64 = 64 << 10;
/// As often a name that is taken is tried again, a second later each time.
const NAMES_MAX: i64 = 60;

/// One file of a bundle, for the report.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its bytes before packing.
    pub bytes: usize,
    /// How many secrets, names and texts were replaced in it.
    pub replaced: usize,
    /// How many of its oldest lines were left out for the size.
    pub cut_lines: usize,
}

/// What a bundle holds.
#[derive(Debug)]
pub struct Plan {
    /// Its files.
    pub files: Vec<File>,
    /// What could not be seen.
    pub notes: Vec<Note>,
    /// What the redactor replaced, by rule.
    pub redactions: Counts,
    /// Files left out whole, because they did not fit.
    pub too_large: Vec<String>,
    /// How many bytes the archive has, or would have.
    pub bytes: u64,
}

/// A bundle that stands under its name.
#[derive(Debug)]
pub struct Made {
    /// What is in it.
    pub plan: Plan,
    /// Where it is.
    pub published: Published,
    /// Members that were left out because a secret was found in them.
    pub dropped: Vec<Leak>,
}

/// All of a bundle, packed.
struct Contents {
    packed: Vec<Packed>,
    too_large: Vec<String>,
}

/// What would be written, without writing anything.
///
/// # Errors
/// When it cannot be packed.
pub fn plan(tray: &Tray, options: &Options) -> Result<Plan> {
    let now = Timestamp::now();
    let contents = contents(tray, options, now, &root(now), &[])?;
    Ok(described(tray, &contents))
}

/// Writes, proves and names it. A member in which a secret is found goes, and is named; if something is found even then,
/// the file goes.
///
/// # Errors
/// When it cannot be written there (exit 1, nothing is left behind), or cannot be had without a secret.
pub fn write(tray: &Tray, options: &Options, dir: &Path) -> Result<Made> {
    sweep_partials(dir, NAME_PREFIX);
    let now = free_name(dir, Timestamp::now())?;
    let root = root(now);
    let mut contents = contents(tray, options, now, &root, &[])?;
    let mut sealed = seal(&contents, dir, &root)?;
    let dropped = leaks(sealed.path(), tray.redactor()).context("the bundle could not be read again")?;
    if !dropped.is_empty() {
        drop(sealed);
        contents = self::contents(tray, options, now, &root, &dropped)?;
        sealed = seal(&contents, dir, &root)?;
        let still = leaks(sealed.path(), tray.redactor()).context("the bundle could not be read again")?;
        if let Some(leak) = still.first() {
            let words =
                format!("a secret is still in the bundle ({}: {}); it was deleted", leak.member, leak.what.join(", "));
            return Err(Failure::new(Exit::Failed, words)
                .hint("please report this, without the bundle: docs/SUPPORT_BUNDLE.md says how")
                .into());
        }
    }
    let plan = described(tray, &contents);
    Ok(Made { plan, published: sealed.publish()?, dropped })
}

/// The facts of another machine's bundle, for the doctor.
///
/// # Errors
/// When it is no bundle, damaged, or holds no facts.
pub fn facts_of(bundle: &Path) -> Result<Facts> {
    let mut found = None;
    unpack_each(bundle, &mut |path, content| {
        if path.split_once('/').is_some_and(|(_, rest)| rest == FACTS) {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            found = Some(serde_json::from_slice(&bytes).context("its facts cannot be read")?);
        }
        Ok(())
    })?;
    found.ok_or_else(|| {
        Failure::new(Exit::Unavailable, format!("{} holds no {FACTS}", bundle.display()))
            .hint("name a support bundle (tars-support-bundle-….tar.gz) or a facts.json")
            .into()
    })
}

fn root(now: Timestamp) -> String {
    format!("{NAME_PREFIX}{}", now.to_zoned(TimeZone::UTC).strftime("%Y%m%d_%H%M%S"))
}

/// The moment whose name nobody has.
fn free_name(dir: &Path, now: Timestamp) -> Result<Timestamp> {
    let mut moments = (0..NAMES_MAX).filter_map(|later| now.checked_add(later.seconds()).ok());
    let taken = |moment: &Timestamp| {
        let name = format!("{}.tar.gz", root(*moment));
        [name.clone(), format!("{name}.sha256"), format!("{name}.partial")].iter().any(|name| dir.join(name).exists())
    };
    moments
        .find(|moment| !taken(moment))
        .with_context(|| format!("every name of this minute is taken in {}", dir.display()))
}

fn contents(tray: &Tray, options: &Options, now: Timestamp, root: &str, without: &[Leak]) -> Result<Contents> {
    let mtime = u64::try_from(now.as_second()).unwrap_or(0);
    let mut members = tray.members();
    members.retain(|member| without.iter().all(|leak| leak.member != member.path));
    let own_fails = |name: &str| without.iter().any(|leak| leak.member == name);
    let page = page::page(tray, options, now, &members, without);
    let page = tray.own("summary.html", &page);
    let page = if own_fails("summary.html") { None } else { Some(pack(root, mtime, page)?) };
    let page_bytes = page.as_ref().map_or(0, |page| page.bytes.len() as u64);
    let (mut packed, too_large) = fit(root, mtime, members, options.most.saturating_sub(OWN_BYTES + page_bytes))?;
    let redactions = json!({
        "by_rule": tray.redactor().counts().by_rule, "total": tray.redactor().counts().total, "document_names": tray.names_hidden(),
    });
    let mut own = vec![tray.own("README.txt", README), tray.own("redactions.json", &format!("{redactions:#}\n"))];
    own.extend((!options.note.is_empty()).then(|| tray.own("note.txt", &format!("{}\n", tray.words(&options.note)))));
    own.retain(|member| !own_fails(&member.path));
    let mut first = own.into_iter().map(|member| pack(root, mtime, member)).collect::<Result<Vec<_>>>()?;
    first.extend(page);
    let manifest = manifest(tray, options, now, first.iter().chain(&packed), &too_large, without);
    first.insert(0, pack(root, mtime, tray.own("manifest.json", &manifest))?);
    first.append(&mut packed);
    Ok(Contents { packed: first, too_large })
}

fn manifest<'a>(
    tray: &Tray,
    options: &Options,
    now: Timestamp,
    files: impl Iterator<Item = &'a Packed>,
    too_large: &[String],
    dropped: &[Leak],
) -> String {
    let files: Vec<_> = files
        .map(|packed| {
            let member = &packed.member;
            let kind = if member.kind == Kind::Log { "log" } else { "look" };
            json!({
                "path": member.path, "kind": kind, "bytes": member.text.len(), "sha256": sha256_of(&member.text),
                "replaced": member.replaced(), "oldest_lines_left_out": member.cut_lines,
            })
        })
        .collect();
    let manifest = json!({
        "schema": 1, "made_at": now, "tars_version": env!("CARGO_PKG_VERSION"),
        "options": {
            "include_all_logs": options.all_logs, "since": options.since, "max_size": options.most,
            "obfuscate": options.obfuscate, "with_names": options.with_names,
        },
        "files": files, "notes": tray.notes(), "left_out_for_size": too_large, "left_out_by_the_proof": dropped,
    });
    format!("{manifest:#}\n")
}

fn seal(contents: &Contents, dir: &Path, root: &str) -> Result<Sealed> {
    let mut parcel = Parcel::create(dir, &format!("{root}.tar.gz"))?;
    for packed in &contents.packed {
        parcel.add(&packed.bytes)?;
    }
    parcel.finish()
}

fn described(tray: &Tray, contents: &Contents) -> Plan {
    let of = |member: &Member| File {
        path: member.path.clone(),
        bytes: member.text.len(),
        replaced: member.replaced(),
        cut_lines: member.cut_lines,
    };
    Plan {
        files: contents.packed.iter().map(|packed| of(&packed.member)).collect(),
        notes: tray.notes(),
        redactions: tray.redactor().counts(),
        too_large: contents.too_large.clone(),
        bytes: contents.packed.iter().map(|packed| packed.bytes.len() as u64).sum(),
    }
}

const README: &str = "This is a support bundle of a TARS stack, made by `tars support-bundle`.

summary.html      begin here: opens in any browser, without a network; has a search
manifest.json     every file with its size and SHA-256, what could not be seen and why, what was left out
redactions.json   how many secrets were replaced, by rule; never a value
facts.json        everything that was looked at; `tars doctor --facts THIS_FILE.tar.gz` judges it anew
verdicts/         what the checks said on that machine
system/ engine/ containers/ logs/ stack/ stores/ gpu/ nas/ network/

A secret stands as [REDACTED:kind#n]: the same secret has the same n everywhere in this bundle. A document's name stands
as doc#n.ext. Questions, answers and the text of documents are not in it.
";
