//! Small repairs that the doctor makes: one part of an edited compose file, the owner of a volume, the database's
//! password. Each looks first, changes one thing, and says why when it cannot.

use super::compose::Compose;
use crate::context::Context;
use crate::docker::HelperSpec;
use crate::stack::service;
use crate::stack::state;
use anyhow::{Context as _, Result, bail, ensure};
use std::path::PathBuf;

/// Puts one part of a service's shipped definition (`healthcheck`, `logging`) back into an edited compose file. The file
/// as it was stays beside it; one that compose refuses afterwards is put back as it was. Returns the copy's path.
///
/// # Errors
/// When the file has no such service, or compose refuses the result.
pub async fn compose_part(context: &Context, file: &str, service: &str, part: &str) -> Result<PathBuf> {
    let shipped = crate::stack::compose::FILES.iter().find(|(name, _)| *name == file);
    let (_, shipped) = shipped.with_context(|| format!("{file} is no shipped compose file"))?;
    let path = context.stack.home.path().join(file);
    let old = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let new = with_part(&old, service, &part_of(shipped, service, part)?)?;
    let copy = PathBuf::from(format!("{}.{}", path.display(), jiff::Timestamp::now().strftime("%Y%m%d_%H%M%S")));
    state::write(&copy, 0o644, old.as_bytes())?;
    state::write(&path, 0o644, new.as_bytes())?;
    if let Some(refusal) = Compose::find().await?.refusal(&context.stack).await? {
        state::write(&path, 0o644, old.as_bytes())?;
        state::remove(&copy)?;
        bail!("compose refuses {file} with the shipped {part} in it, so it was left as it was: {refusal}");
    }
    Ok(copy)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where a block begins and ends: its key at that indent, and every deeper or empty line after it.
fn block(lines: &[&str], from: std::ops::Range<usize>, at: usize, key: &str) -> Option<std::ops::Range<usize>> {
    let is_key =
        |line: &str| indent(line) == at && line.trim_start().split_once(':').is_some_and(|(name, _)| name == key);
    let start = from.clone().find(|n| is_key(lines[*n]))?;
    let ends = |line: &str| !line.trim().is_empty() && indent(line) <= at;
    let mut end = (start + 1..from.end).find(|n| ends(lines[*n])).unwrap_or(from.end);
    while end > start + 1 && lines[end - 1].trim().is_empty() {
        end -= 1;
    }
    Some(start..end)
}

fn service_block(lines: &[&str], service: &str) -> Option<std::ops::Range<usize>> {
    let services = block(lines, 0..lines.len(), 0, "services")?;
    block(lines, services, 2, service)
}

/// The lines of a part as a service has them, its own or through the anchor that all services share.
fn part_of(shipped: &str, service: &str, part: &str) -> Result<Vec<String>> {
    let lines: Vec<_> = shipped.lines().collect();
    let own = service_block(&lines, service).and_then(|of| block(&lines, of, 4, part));
    if let Some(own) = own {
        return Ok(lines[own].iter().map(|line| (*line).to_owned()).collect());
    }
    let shared = block(&lines, 0..lines.len(), 0, "x-service").and_then(|of| block(&lines, of, 2, part));
    let shared = shared.with_context(|| format!("the shipped definition of {service} has no {part}"))?;
    Ok(lines[shared].iter().map(|line| format!("  {line}")).collect())
}

/// The text with that part in the service's block, in place of the one that is there.
fn with_part(text: &str, service: &str, part: &[String]) -> Result<String> {
    let lines: Vec<_> = text.lines().collect();
    let of = service_block(&lines, service).with_context(|| format!("the service {service} cannot be found in it"))?;
    let key = part.first().and_then(|line| line.trim().split_once(':')).context("an empty part")?.0.to_owned();
    let there = block(&lines, of.clone(), 4, &key).unwrap_or(of.end..of.end);
    let before = lines[..there.start].iter().map(|line| (*line).to_owned());
    let after = lines[there.end..].iter().map(|line| (*line).to_owned());
    let all: Vec<_> = before.chain(part.iter().cloned()).chain(after).collect();
    Ok(all.join("\n") + "\n")
}

/// Gives a volume and all in it to the user that its server runs as, by a throw-away container with that volume alone.
///
/// # Errors
/// When the service has no such volume, or the container cannot be run.
pub async fn chown(context: &Context, name: &str, volume: &str) -> Result<()> {
    let service = service::named(name).with_context(|| format!("there is no service {name}"))?;
    let owner = if name == "backend" {
        let owner = super::backend_image::OWNER;
        format!("{owner}:{owner}")
    } else {
        format!("$(id -u {name}):$(id -g {name})")
    };
    // The backend's image holds no shell: any store's will do for a number.
    let image_of = if name == "backend" { "TARS_IMAGE_POSTGRES" } else { service.image_setting };
    let spec = HelperSpec {
        image: context.stack.setting(image_of).to_owned(),
        command: vec!["sh".into(), "-c".into(), format!("chown -hR \"{owner}\" /volume")],
        user: "0:0".to_owned(),
        network: "none".to_owned(),
        binds: vec![format!("{volume}:/volume")],
        run: context.run.clone(),
        home: context.stack.home.path().display().to_string(),
        ..HelperSpec::default()
    };
    let (code, tail) = context.docker()?.run_once(&spec, |_| {}).await?;
    ensure!(code == 0, "chown in a throw-away container ended with status {code}: {tail}");
    Ok(())
}

/// Has the running database take the password of the settings. It is told over the socket inside its container, where
/// whoever is inside is trusted, and on standard input, where no process list shows it.
///
/// # Errors
/// When Postgres does not run or refuses.
pub async fn set_password(context: &Context) -> Result<()> {
    let stack = &context.stack;
    let setting = |key: &str| stack.setting(key).to_owned();
    let (user, database) = (setting("TARS_POSTGRES_USER"), setting("TARS_POSTGRES_DB"));
    let quoted = |text: &str, mark: char| text.replace(mark, &format!("{mark}{mark}"));
    let sql = format!(
        "alter role \"{}\" password '{}';\n",
        quoted(&user, '"'),
        quoted(&setting("TARS_POSTGRES_PASSWORD"), '\'')
    );
    let container = service::named("postgres").context("no postgres row")?.container(stack.project());
    let command = ["psql", "-U", &user, "-d", &database, "-w", "-Xq", "-v", "ON_ERROR_STOP=1"];
    let (ended, _) = context.docker()?.exec_in(&container, &command, &[], &mut sql.as_bytes()).await?;
    ended.well("psql in the database's container")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::compose::FILES;

    fn shipped() -> &'static str {
        FILES[0].1
    }

    #[test]
    fn a_broken_probe_is_replaced_and_nothing_else() {
        let probe = part_of(shipped(), "chromadb", "healthcheck").unwrap();
        let start = shipped().find("      # The image holds bash").unwrap();
        let end = shipped()[start..].find("      interval").unwrap() + start;
        let broken = format!(
            "{}      test: [\"CMD\", \"curl\", \"http://localhost\"]\n{}",
            &shipped()[..start],
            &shipped()[end..]
        );
        assert_ne!(broken, shipped());
        assert_eq!(with_part(&broken, "chromadb", &probe).unwrap(), shipped());
    }

    #[test]
    fn a_log_without_bound_gets_its_bound_in_the_service_itself() {
        let logging = part_of(shipped(), "redis", "logging").unwrap();
        assert_eq!(logging[0], "    logging:");
        let unbounded = shipped().replacen("      max-size: 10m\n      max-file: \"3\"\n", "", 1);
        let mended = with_part(&unbounded, "redis", &logging).unwrap();
        let lines: Vec<_> = mended.lines().collect();
        let redis = service_block(&lines, "redis").unwrap();
        let block = block(&lines, redis, 4, "logging").unwrap();
        assert!(lines[block].iter().any(|line| line.trim() == "max-size: 10m"), "{mended}");
        assert_eq!(with_part(&mended, "redis", &logging).unwrap(), mended, "twice is once");
    }

    #[test]
    fn a_file_without_the_service_is_refused() {
        let logging = part_of(shipped(), "redis", "logging").unwrap();
        assert!(with_part("services:\n  web:\n    image: x\n", "redis", &logging).is_err());
        assert!(part_of(shipped(), "redis", "nothing").is_err());
    }
}
