//! `--fix`: remedies in the order in which they stand on each other, then another look. What could interrupt somebody
//! is asked first, and without an answer left as a command. A remedy that fails says so and keeps no other back.

use super::{judge, look};
use crate::check::{Check, Finding, Fix, Outcome};
use crate::command::running;
use crate::context::Context;
use crate::docker::Docker;
use crate::error::{causes_of, hints_of};
use crate::facts::{Depth, Facts};
use crate::operate::compose::Compose;
use crate::operate::journal::{Goal, Journal};
use crate::operate::lock::Lock;
use crate::operate::{engine, gpu, lifecycle, mend, models, prepare, recover, settings, wait};
use crate::stack::env;
use crate::stack::service::{self, Service};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// What one cause hid may show, and need a remedy, only after it is cured.
const ROUNDS: usize = 4;
/// How long a container gets for its end before it is started again.
const GRACE_S: i32 = 60;

/// A remedy that was applied.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tried {
    pub(super) description: String,
    /// Why it failed; `None` when it did not.
    pub(super) error: Option<String>,
}

/// What came of it all.
pub(super) struct Mended {
    /// The last look; `None` when nothing was done.
    pub(super) facts: Option<Facts>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) cured: Vec<(Outcome, Finding)>,
    pub(super) tried: Vec<Tried>,
    pub(super) left: Vec<Fix>,
}

/// Applies what may be applied, round by round.
///
/// # Errors
/// Exit 75 when another run holds the lock, 77 when this user may not change the stack.
pub(super) async fn mend(
    context: &mut Context,
    outcomes: Vec<Outcome>,
    depth: Depth,
    asked: &[&'static Check],
) -> Result<Mended> {
    let before = outcomes.clone();
    let mut mended = Mended { facts: None, outcomes, cured: Vec::new(), tried: Vec::new(), left: Vec::new() };
    if remedies(&mended.outcomes).is_empty() {
        return Ok(mended);
    }
    let lock = lock(context)?;
    let mut done: BTreeSet<Fix> = BTreeSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<_> = remedies(&mended.outcomes).into_iter().filter(|fix| !done.contains(fix)).collect();
        if new.is_empty() {
            break;
        }
        for fix in new {
            done.insert(fix.clone());
            if agreed(context, &fix).await {
                mended.tried.push(attempt(context, lock.as_ref(), &fix).await);
            } else {
                mended.left.push(fix);
            }
        }
        settle(context).await;
        context.reread();
        let facts = look(context, depth).await;
        mended.outcomes = judge(&facts, asked);
        mended.facts = Some(facts);
    }
    mended.cured = cured(&before, &mended.outcomes);
    Ok(mended)
}

/// Every remedy that was found, once, in its order; starts are one.
fn remedies(outcomes: &[Outcome]) -> Vec<Fix> {
    let found = outcomes.iter().flat_map(|outcome| outcome.answer.findings()).filter_map(|finding| finding.fix.clone());
    let (starts, others): (Vec<_>, Vec<_>) = found.partition(|fix| matches!(fix, Fix::Start { .. }));
    let services: BTreeSet<_> = starts
        .into_iter()
        .flat_map(|fix| if let Fix::Start { services } = fix { services } else { Vec::new() })
        .collect();
    let start = (!services.is_empty()).then(|| Fix::Start { services: services.into_iter().collect() });
    let mut all: Vec<_> = others.into_iter().chain(start).collect();
    all.sort_by_key(|fix| (fix.rank(), fix.clone()));
    all.dedup();
    all
}

/// A home that lost its directories gets them first: the lock is in one of them. Without a home there is none to take.
fn lock(context: &Context) -> Result<Option<Lock>> {
    let home = &context.stack.home;
    if context.stack.env.is_none() && context.stack.env_problem.is_none() && !home.state().is_dir() {
        return Ok(None);
    }
    home.create()?;
    Lock::take(home).map(Some)
}

/// Unasked, after a question, or with `--yes`; nobody to ask means no.
async fn agreed(context: &Context, fix: &Fix) -> bool {
    if fix.safe() {
        return true;
    }
    let question = format!("{}? It may interrupt who works with the stack now.", fix.description());
    context.ui.confirm(&question, context.ui.options().yes).await.unwrap_or(false)
}

async fn attempt(context: &mut Context, lock: Option<&Lock>, fix: &Fix) -> Tried {
    let description = fix.description();
    context.ui.say(&format!("{description} …"));
    let error = Box::pin(apply(context, lock, fix)).await.err().map(|error| {
        let hint = hints_of(&error).first().map_or_else(String::new, |hint| format!(" (hint: {hint})"));
        causes_of(&error).join(": ") + &hint
    });
    Tried { description, error }
}

async fn apply(context: &mut Context, lock: Option<&Lock>, fix: &Fix) -> Result<()> {
    let home = context.stack.home.clone();
    let lock = || lock.context("no stack is installed here");
    match fix {
        Fix::Chmod { path, mode } => {
            let bits = std::fs::Permissions::from_mode(*mode);
            std::fs::set_permissions(path, bits)
                .with_context(|| format!("could not change the mode of {}", path.display()))
        }
        Fix::MakeDirs { paths } => paths.iter().try_for_each(|path| {
            std::fs::create_dir_all(path).with_context(|| format!("could not make {}", path.display()))
        }),
        Fix::WriteCompose => settings::compose_files(&home, context.stack.project()).map(|_| ()),
        Fix::GenerateSecret { key, .. } => {
            let secret = env::generate_secret()?;
            write_setting(context, key, &secret)
        }
        Fix::Recover => {
            let done = recover::recover(context, lock()?).await?;
            done.iter().for_each(|what| context.ui.detail(what));
            Ok(())
        }
        Fix::Chown { service, volume } => mend::chown(context, service, volume).await,
        Fix::MendCompose { file, service, part } => {
            let copy = mend::compose_part(context, file, service, part).await?;
            context.ui.say(&format!("the file as it was: {}", copy.display()));
            anew(context, lock()?, std::slice::from_ref(service)).await
        }
        Fix::Unpause { service } => {
            context.docker()?.unpause(&named(service)?.container(context.stack.project())).await
        }
        Fix::Start { services } => start(context, lock()?, services).await,
        Fix::Restart { service, .. } => restart(context, service).await,
        Fix::Recreate { services, .. } => anew(context, lock()?, services).await,
        Fix::PullModel { name } => models::ensure(context, name).await.map(|_| ()),
        Fix::SetPassword => {
            mend::set_password(context).await?;
            anew(context, lock()?, &["postgres".to_owned(), "backend".to_owned()]).await
        }
        Fix::UsePort { setting, port } => {
            write_setting(context, setting, &port.to_string())?;
            running::bring_up(context, lock()?, "doctor --fix", true).await.map(|_| ())
        }
        Fix::RestartStack => running::bring_up(context, lock()?, "doctor --fix", true).await.map(|_| ()),
        Fix::InstallEngine => {
            engine::install(&context.ui).await?;
            engine::start(context).await.map(|_| ())
        }
        Fix::StartEngine => engine::start(context).await.map(|_| ()),
        Fix::InstallCompose => engine::install_compose(&context.ui).await,
        Fix::InstallGpuToolkit => gpu::install_toolkit(context).await,
    }
}

fn write_setting(context: &mut Context, key: &str, value: &str) -> Result<()> {
    let mut env = context.stack.need_env()?.clone();
    env.set(key, value);
    settings::write_env(&context.stack.home, &env)?;
    context.reread();
    Ok(())
}

fn named(name: &str) -> Result<&'static Service> {
    service::named(name).with_context(|| format!("there is no service {name}"))
}

/// Starts services that do not run, with everything that a start checks, and waits until they answer.
async fn start(context: &mut Context, lock: &Lock, services: &[String]) -> Result<()> {
    let names: Vec<_> = services.iter().map(String::as_str).collect();
    let (compose, journal) = changing(context, services).await?;
    lifecycle::up(context, lock, &compose, &names).await?;
    answering(context, services).await?;
    journal.close()
}

/// Removes containers, makes them anew from the settings, and waits until they answer. Their volumes stay.
async fn anew(context: &mut Context, lock: &Lock, services: &[String]) -> Result<()> {
    let (compose, journal) = changing(context, services).await?;
    let docker = context.docker()?;
    for name in services {
        let container = named(name)?.container(context.stack.project());
        docker.stop(&container, GRACE_S).await?;
        docker.remove_but_volumes(&container).await?;
    }
    let names: Vec<_> = services.iter().map(String::as_str).collect();
    lifecycle::up(context, lock, &compose, &names).await?;
    answering(context, services).await?;
    journal.close()
}

/// Everything that must be right before something stops, and the journal that says what must run in the end.
async fn changing(context: &mut Context, services: &[String]) -> Result<(Compose, Journal)> {
    let compose = Compose::find().await?;
    prepare::prepare(context).await?;
    let running = lifecycle::running(context.docker()?, &context.stack).await?;
    let goal = Goal::Running(running.iter().chain(services).cloned().collect::<BTreeSet<_>>().into_iter().collect());
    let journal = Journal::open(&context.stack.home, &context.run, "doctor --fix", goal)?;
    Ok((compose, journal))
}

/// The container as it is, once more: a server that hangs does not hear a gentle word, so the engine ends it at last.
async fn restart(context: &Context, service: &str) -> Result<()> {
    let docker: &Docker = context.docker()?;
    let container = named(service)?.container(context.stack.project());
    let running = lifecycle::running(docker, &context.stack).await?;
    let journal = Journal::open(&context.stack.home, &context.run, "doctor --fix", Goal::Running(running))?;
    docker.stop(&container, GRACE_S.min(20)).await?;
    docker.start(&container).await?;
    answering(context, &[service.to_owned()]).await?;
    journal.close()
}

async fn answering(context: &Context, services: &[String]) -> Result<()> {
    let rows = services.iter().map(|name| named(name)).collect::<Result<Vec<_>>>()?;
    wait::all_answered(wait::for_answers(context, &rows).await?)
}

/// The API finds its stores again by itself; a look before that would blame it. Only where it runs and was of use.
async fn settle(context: &Context) {
    let Ok(docker) = context.docker() else { return };
    let running = lifecycle::running(docker, &context.stack).await.unwrap_or_default();
    let all = context.stack.services().iter().all(|service| running.iter().any(|name| name == service.name));
    if all && context.stack.need_env().is_ok() {
        // What is still wrong after that shows in the look that follows.
        tokio::time::timeout(Duration::from_secs(30), wait::for_api(&context.stack)).await.ok();
    }
}

/// What was found before and is not any more. What is only silenced by another cause now is not cured.
fn cured(before: &[Outcome], after: &[Outcome]) -> Vec<(Outcome, Finding)> {
    let gone = |id: &str, finding: &Finding| {
        after.iter().find(|outcome| outcome.id == id).is_some_and(|outcome| match &outcome.answer {
            crate::check::Answer::Well => true,
            crate::check::Answer::Found(now) => now.iter().all(|other| other.about != finding.about),
            _ => false,
        })
    };
    let all = before.iter().flat_map(|outcome| outcome.answer.findings().iter().map(move |finding| (outcome, finding)));
    all.filter(|(outcome, finding)| gone(outcome.id, finding))
        .map(|(outcome, finding)| (outcome.clone(), finding.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Answer;

    fn outcome(id: &'static str, fix: Fix) -> Outcome {
        let finding = serde_json::json!({ "severity": "fail", "about": "a", "problem": "p", "hint": "h", "fix": fix });
        Outcome { id, title: "t", answer: Answer::Found(vec![serde_json::from_value(finding).unwrap()]) }
    }

    #[test]
    fn remedies_come_in_their_order_and_starts_are_one() {
        let start = |name: &str| Fix::Start { services: vec![name.to_owned()] };
        let dirs = Fix::MakeDirs { paths: vec!["/d".into()] };
        let all = [
            outcome("service.stopped", start("redis")),
            outcome("service.missing", start("postgres")),
            outcome("home.folders", dirs.clone()),
            outcome("home.folders", dirs.clone()),
        ];
        let both = Fix::Start { services: vec!["postgres".into(), "redis".into()] };
        assert_eq!(remedies(&all), [dirs, both]);
    }

    #[test]
    fn only_what_is_well_now_was_cured() {
        let before = [outcome("a.a", Fix::Recover), outcome("b.b", Fix::Recover), outcome("c.c", Fix::Recover)];
        let after = [
            Outcome { id: "a.a", title: "t", answer: Answer::Well },
            Outcome { id: "b.b", title: "t", answer: Answer::Skipped("see a.a".into()) },
            before[2].clone(),
        ];
        let cured: Vec<_> = cured(&before, &after).into_iter().map(|(outcome, _)| outcome.id).collect();
        assert_eq!(cured, ["a.a"]);
    }
}
