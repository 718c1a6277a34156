//! The home directory.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Facts, NotKnown, Written};

pub(super) const OTHER: Check =
    Check { id: "home.other", title: "the stack has one home only", preflight: true, ask: other };
pub(super) const PERMISSIONS: Check =
    Check { id: "home.permissions", title: "only its owner may change the home", preflight: true, ask: permissions };
pub(super) const FOLDERS: Check =
    Check { id: "home.folders", title: "the folders that the stack needs are there", preflight: false, ask: folders };
pub(super) const WRITABLE: Check =
    Check { id: "home.writable", title: "the home's file system takes files", preflight: true, ask: writable };

fn other(facts: &Facts) -> Result<Answer, NotKnown> {
    let others = facts.other_homes.known()?;
    let env = facts.env.known()?;
    let home = facts.home.known()?.path.display();
    let finding = |other: &String| {
        let problem = format!("containers of the project {} were made from {other}, not from {home}", env.project());
        let hint = format!(
            "use that home (--home {other}), or remove its stack first (tars --home {other} uninstall; its data stays), \
             or give this one another COMPOSE_PROJECT_NAME in {}",
            env.path.display()
        );
        Finding::fail(other, problem, hint)
    };
    Ok(others.iter().map(finding).collect::<Vec<_>>().into())
}

fn permissions(facts: &Facts) -> Result<Answer, NotKnown> {
    let home = facts.home.known()?;
    let host = facts.host.known()?;
    let Some(owned) = home.owned else { return Ok(Answer::skipped("the home does not exist yet")) };
    let path = home.path.display();
    let mut found = Vec::new();
    if owned.mode & 0o022 != 0 {
        let mode = owned.mode & !0o022;
        let problem =
            format!("{path} has mode {:o}: others may put their own settings and compose files there", owned.mode);
        let fix = Fix::Chmod { path: home.path.clone(), mode };
        found.push(Finding::warn(path.to_string(), problem, format!("run: sudo chmod {mode:o} {path}")).fix(fix));
    }
    for (file, mode) in &home.loose {
        let at = file.display();
        let problem = format!("{at} has mode {mode:o}: others on this machine can read the secrets in it");
        let fix = Fix::Chmod { path: file.clone(), mode: 0o600 };
        found.push(Finding::warn(at.to_string(), problem, format!("run: sudo chmod 600 {at}")).fix(fix));
    }
    if owned.uid != host.uid && host.root() {
        let problem = format!("{path} belongs to user {}, who may change what root will run", owned.uid);
        found.push(Finding::warn(
            path.to_string(),
            problem,
            format!("run: sudo chown root: {path}  (or run tars as that user)"),
        ));
    }
    Ok(found.into())
}

fn folders(facts: &Facts) -> Result<Answer, NotKnown> {
    let (env, home) = (facts.env.known()?, facts.home.known()?);
    if !env.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let folder = facts.folder.known()?;
    let missing = home.missing.iter().chain((!folder.there).then_some(&folder.path));
    let finding = |path: &std::path::PathBuf| {
        let at = path.display();
        let problem = if *path == folder.path {
            format!(
                "the documents' folder {at} (TARS_DOCS_DIR) is not there: the backend cannot be started, and finds no documents"
            )
        } else {
            format!("{at} is not there: what belongs there cannot be written")
        };
        let fix = Fix::MakeDirs { paths: vec![path.clone()] };
        Finding::fail(at.to_string(), problem, format!("mount or make it: sudo mkdir -p {at}")).fix(fix)
    };
    Ok(missing.map(finding).collect::<Vec<_>>().into())
}

fn writable(facts: &Facts) -> Result<Answer, NotKnown> {
    let disk = facts.home_disk.known()?;
    let at = disk.at.display();
    let hint = format!("make {at} writable, or choose another place: --home DIR");
    if disk.read_only {
        return Ok(Finding::fail(at.to_string(), format!("the file system of {at} is mounted read-only"), hint).into());
    }
    Ok(match &disk.write {
        Written::Well => Answer::Well,
        Written::NotTried => return Err(NotKnown(format!("writing to {at} was not tried"))),
        Written::NotPermitted if facts.host.known()?.root() => {
            Finding::fail(at.to_string(), format!("even root may not write to {at}"), hint).into()
        }
        Written::NotPermitted => Answer::skipped("this user may not write there: see host.rights"),
        Written::Failed(why) => {
            Finding::fail(at.to_string(), format!("writing a file to {at} fails: {why}"), hint).into()
        }
    })
}
