//! What start, stop and restart share: the report of who runs now, and the way there.

use crate::context::Context;
use crate::operate::lock::Lock;
use crate::operate::{lifecycle, recover, wait};
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

/// Takes the lock and brings an earlier, interrupted run to its end.
///
/// # Errors
/// Exit 69 without a stack, 75 when another run holds the lock, 77 when this user may not.
pub async fn take_over(context: &mut Context) -> Result<(Lock, Vec<String>)> {
    context.stack.need_env()?;
    let lock = Lock::take(&context.stack.home)?;
    let recovered = recover::recover(context, &lock).await?;
    for what in &recovered {
        context.ui.say(what);
    }
    context.reread();
    Ok((lock, recovered))
}

/// Waits until every service and the published API answer.
///
/// # Errors
/// The first that does not, with its log and probe.
pub async fn until_ready(context: &Context) -> Result<(Vec<Row>, String)> {
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

/// The services that run now, or all that the settings ask for when none does.
///
/// # Errors
/// When the engine does not answer.
pub async fn running_or_all(context: &Context) -> Result<Vec<String>> {
    let running = lifecycle::running(context.docker()?, &context.stack).await?;
    let all = || context.stack.services().iter().map(|service| service.name.to_owned()).collect();
    Ok(if running.is_empty() { all() } else { running })
}
