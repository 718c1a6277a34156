//! No verb: what start, stop and restart share, the report of who runs now and the way there.

use crate::check;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::facts::{self, Sources};
use crate::operate::compose::Compose;
use crate::operate::journal::{Goal, Journal};
use crate::operate::lock::Lock;
use crate::operate::{lifecycle, prepare, recover, wait};
use crate::stack::service::Service;
use crate::ui::{self, Page, Report, Warning};
use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// One service in the report.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// `ready` or `stopped`.
    pub state: &'static str,
    /// How long it took to answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_ms: Option<u64>,
}

/// Who runs now.
#[derive(Debug, Default)]
pub struct Running {
    /// Every service that was started or stopped.
    pub services: Vec<Row>,
    /// What recovery did before.
    pub recovered: Vec<String>,
    /// The address of the API, when it answers.
    pub url: Option<String>,
    /// What went less well.
    pub warnings: Vec<Warning>,
}

impl Report for Running {
    fn render(&self, page: &mut Page) {
        for what in &self.recovered {
            page.line(format!("recovered: {what}"));
        }
        let rows: Vec<_> = self
            .services
            .iter()
            .map(|row| {
                let mark = if row.state == "ready" { page.green("●") } else { page.dim("○") };
                let took = row.answered_ms.map_or(String::new(), |ms| ui::duration(Duration::from_millis(ms)));
                vec![mark, row.name.clone(), row.state.to_owned(), took]
            })
            .collect();
        page.table(&rows);
        if let Some(url) = &self.url {
            page.line(format!("the API answers at {url}"));
        }
    }

    fn data(&self) -> Value {
        json!({ "services": self.services, "recovered": self.recovered, "url": self.url })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }
}

/// Takes the lock of an installed stack.
///
/// # Errors
/// Exit 69 without a stack, 75 when another run holds the lock, 77 when this user may not.
pub fn take(context: &Context) -> Result<Lock> {
    context.stack.need_env()?;
    Lock::take(&context.stack.home)
}

/// Brings an earlier, interrupted run to its end. What fails there is said and no more: the caller brings everything
/// up anyway, and its own errors count.
pub async fn recovered(context: &mut Context, lock: &Lock) -> Vec<String> {
    let done = match recover::recover(context, lock).await {
        Ok(done) => done,
        Err(error) => vec![format!("{error:#}; going on, this run sets it right")],
    };
    context.reread();
    done
}

/// Checks settings and images, stops what runs when `afresh`, starts everything and waits until it answers.
///
/// # Errors
/// What `prepare` refuses, before anything was stopped; what compose refuses; the first service that does not answer.
pub async fn bring_up(context: &mut Context, lock: &Lock, verb: &str, afresh: bool) -> Result<Running> {
    let compose = Compose::find().await?;
    refuse_taken_ports(context).await?;
    let no_gpu = prepare::prepare(context).await?;
    // A mistake in the settings must show before anything stops.
    compose.run(&context.stack, lock, &["config", "-q"], |_| {}).await?;
    let all = context.stack.services().iter().map(|service| service.name.to_owned()).collect();
    let mut journal = Journal::open(&context.stack.home, &context.run, verb, Goal::Running(all))?;
    if afresh {
        journal.step("stop")?;
        context.ui.say("stopping …");
        lifecycle::stop(context, context.docker()?).await?;
    }
    journal.step("start")?;
    context.ui.say("starting …");
    lifecycle::up(context, lock, &compose, &[]).await?;
    journal.step("wait")?;
    let (services, url) = until_ready(context).await?;
    journal.close()?;
    let warnings = no_gpu.map(|why| gpu_warning(&why)).into_iter().collect();
    Ok(Running { services, url: Some(url), warnings, ..Running::default() })
}

/// A port that somebody else holds would only show after the stop.
async fn refuse_taken_ports(context: &Context) -> Result<()> {
    let docker = context.docker()?;
    let facts = facts::gather(&Sources { ollama: "", ..Sources::new(&context.stack, Ok(docker)) }).await;
    let outcomes = check::run(check::ALL.iter().filter(|check| check.id == "port.conflict"), &facts);
    // Here no port is chosen anew: who restarts a stack wants it where it was.
    match outcomes.iter().flat_map(|outcome| outcome.answer.findings()).next() {
        Some(finding) => Err(Failure::new(Exit::Failed, finding.problem.clone()).hint(finding.hint.clone()).into()),
        None => Ok(()),
    }
}

/// The stack came up without the GPU that was wanted.
#[must_use]
pub fn gpu_warning(why: &str) -> Warning {
    Warning {
        id: "gpu.container",
        message: format!("the models run on the CPU: {why}"),
        hint: Some(
            "docs/INSTALL_HOME.md, \"GPU\", says what to try, then: tars restart; tars start --cpu-only says that this is wanted"
                .to_owned(),
        ),
    }
}

/// Waits until every service and the published API answer.
///
/// # Errors
/// The first that does not, with its log and probe.
async fn until_ready(context: &Context) -> Result<(Vec<Row>, String)> {
    let services: Vec<&'static Service> = context.stack.services();
    let answers = wait::for_answers(context, &services).await?;
    let rows = answers.iter().map(|answered| Row {
        name: answered.service.name.to_owned(),
        state: "ready",
        answered_ms: answered.outcome.as_ref().ok().and_then(|took| u64::try_from(took.as_millis()).ok()),
    });
    let rows = rows.collect();
    wait::all_answered(answers)?;
    wait::for_api(&context.stack).await?;
    Ok((rows, wait::api_url(&context.stack)))
}
