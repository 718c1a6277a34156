//! `tars status`: one screen: what runs, what is missing, which models are there. Only looks; needs neither root nor
//! the env file.

use crate::check;
use crate::client::api::{Api, Ready};
use crate::context::Context;
use crate::docker::{Container, Docker, Status as State};
use crate::error::exit_of;
use crate::exit::Exit;
use crate::facts::{self, Depth, Sources, cgroup};
use crate::operate::keeping::overview;
use crate::operate::lock::Lock;
use crate::operate::{journal, lifecycle, undo, volumes, wait};
use crate::stack::Stack;
use crate::stack::service::{self, Service};
use crate::ui::{self, Page, Report, Warning};
use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// How long the API may take to say whether it is ready: it gives each store 2 s.
const READY_WITHIN: Duration = Duration::from_secs(3);

/// One service's line.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    state: &'static str,
    health: String,
    image: String,
    ports: Vec<String>,
    memory_bytes: Option<u64>,
    uptime_s: Option<i64>,
}

/// What `tars status` knows.
#[derive(Debug, Default)]
struct StackStatus {
    home: String,
    project: String,
    mode: &'static str,
    services: Vec<Row>,
    models: Vec<String>,
    problems: Vec<String>,
    warnings: Vec<Warning>,
    url: Option<String>,
    previous_generation: Option<undo::Previous>,
    backup: Option<String>,
    last_backup: Value,
    last_drill: Value,
    /// The ids of the checks that fail, as far as files and the engine show them.
    failing: Vec<&'static str>,
}

/// Runs the verb. What could not be read is said, never guessed; that the stack is down is a result, not an error.
///
/// # Errors
/// Never for a stack or an engine that is down.
pub async fn run(context: &Context) -> Result<Box<dyn Report>> {
    let (status, failing) = tokio::join!(look(context), failing(context));
    Ok(Box::new(StackStatus { failing, ..status }))
}

/// What the doctor's checks say without asking any service: at once, beside the look of a status itself.
async fn failing(context: &Context) -> Vec<&'static str> {
    let engine = context.docker();
    let from = Sources {
        depth: Depth::Stack,
        ollama: "",
        ..Sources::new(&context.stack, engine.as_ref().map(|docker| *docker))
    };
    let outcomes = check::run(check::doctor(), &facts::gather(&from).await);
    outcomes.iter().filter(|outcome| outcome.has_failure()).map(|outcome| outcome.id).collect()
}

async fn look(context: &Context) -> StackStatus {
    let stack = &context.stack;
    let mut status = StackStatus {
        home: stack.home.path().display().to_string(),
        project: stack.project().to_owned(),
        ..StackStatus::default()
    };
    settings(stack, &mut status);
    archives(stack, &mut status);
    let docker = match context.docker() {
        Ok(docker) => docker,
        Err(error) => {
            status.problems.push(format!("{error:#}"));
            return status;
        }
    };
    let containers = match containers(docker, stack, &mut status.project).await {
        Ok(containers) => containers,
        Err(error) => {
            status.problems.push(format!("{error:#}"));
            return status;
        }
    };
    status.url = published(&containers).or(status.url);
    let ready = ready(status.url.as_deref()).await;
    match volumes::gone(docker, stack).await {
        Ok(gone) => {
            let words =
                |name| format!("data is gone: the volume {name} does not exist any more; bring it back from a copy");
            status.problems.extend(gone.into_iter().map(words));
        }
        Err(error) => status.problems.push(format!("{error:#}")),
    }
    match undo::previous(docker, stack).await {
        Ok(previous) => status.previous_generation = previous,
        Err(error) => status.problems.push(format!("{error:#}")),
    }
    if let Some(why) = status.previous_generation.as_ref().and_then(undo::Previous::obstacle) {
        status.warnings.push(Warning { id: "generation.gone", message: why, hint: None });
    }
    if containers.is_empty() && stack.env.is_none() && stack.env_problem.is_none() {
        status.problems.push(format!("no stack is installed in {}: tars install makes one", status.home));
    }
    for service in expected(stack, &containers) {
        let container = containers.iter().find(|container| container.service() == service.name);
        status.services.push(row(service, container, ready.as_ref().ok(), &mut status.problems));
    }
    if let Ok(ready) = &ready {
        elsewhere(stack, ready, &mut status);
    }
    models(stack, ready.as_ref().ok(), &mut status);
    if let Err(error) = ready
        && status.services.iter().any(|row| row.name == "backend" && row.state == "running")
    {
        let url = status.url.as_deref().unwrap_or("its port");
        status.problems.push(format!("the API does not answer at {url}: {error:#}"));
    }
    status
}

/// What the files of the home say by themselves.
fn settings(stack: &Stack, status: &mut StackStatus) {
    status.mode = match (&stack.env, stack.setting("TARS_LLM")) {
        (None, _) => "unknown",
        (Some(_), "none") => "retrieval-only",
        _ => "full",
    };
    status.url = stack.env.as_ref().map(|_| wait::api_url(stack));
    match &stack.env_problem {
        // A member of the docker group may see the stack, not its secrets: said, and no fault of the stack.
        Some(problem) if exit_of(problem) == Exit::NotPermitted => status.warnings.push(Warning {
            id: "env.unread",
            message: format!("{problem}: settings, mode and models are not shown"),
            hint: Some("sudo tars status shows them".to_owned()),
        }),
        Some(problem) => status.problems.push(format!("{problem:#}")),
        None if stack.env.is_none() && stack.home.state().exists() => {
            status.problems.push(format!(
                "{} is gone: what runs goes on, but nothing can be changed; put it back, or run: tars install",
                stack.home.env_file().display()
            ));
        }
        None => {}
    }
    if status.mode == "retrieval-only" && stack.env.is_some() {
        status.warnings.push(Warning {
            id: "llm.none",
            message: "retrieval-only: no language model is set up, the best passages are the answer".to_owned(),
            hint: Some(
                "add one: tars install --ollama-url URL --model NAME, or tars install again once its image can be had"
                    .to_owned(),
            ),
        });
    }
    match journal::read(&stack.home) {
        Ok(Some(entry)) if Lock::is_free(&stack.home) => status.problems.push(format!(
            "tars {} of {} was interrupted at “{}”: tars start brings it to its end",
            entry.command, entry.began, entry.step
        )),
        Ok(_) => {}
        Err(error) => status.problems.push(format!("{error:#}")),
    }
}

/// What is known of the archives. A home in which nothing was installed has none to miss.
fn archives(stack: &Stack, status: &mut StackStatus) {
    match overview::read(stack, jiff::Timestamp::now()) {
        Ok(overview) => {
            status.backup = overview.line();
            status.last_backup = overview.last_backup();
            status.last_drill = overview.last_drill();
            status.problems.extend(overview.problems);
            status.warnings.extend(overview.warnings);
        }
        Err(error) => status.problems.push(format!("{error:#}")),
    }
}

/// The project's containers; with the env file gone, those of the stack whose home this is.
async fn containers(docker: &Docker, stack: &Stack, project: &mut String) -> Result<Vec<Container>> {
    let found = lifecycle::containers(docker, stack).await?;
    if !found.is_empty() || stack.env.is_some() {
        return Ok(found);
    }
    let mut any = docker.containers(crate::stack::STACK_LABEL).await?;
    any.retain(|container| stack.home.is(Path::new(container.home())));
    if let Some(container) = any.first() {
        container.project().clone_into(project);
    }
    Ok(any)
}

async fn ready(url: Option<&str>) -> Result<Ready> {
    let api = Api::new(url.context("its address is not known")?)?;
    tokio::time::timeout(READY_WITHIN, api.ready()).await.context("no answer within 3 s")?
}

/// Where the backend's container is published, which is known without the env file as well.
fn published(containers: &[Container]) -> Option<String> {
    let backend = service::named("backend")?;
    let container = containers.iter().find(|container| container.service() == backend.name)?;
    let port = container.ports.iter().find(|port| port.container == backend.port)?;
    Some(wait::url_of(&port.address, &port.host.to_string()))
}

/// What the settings ask for; without settings, what has a container.
fn expected(stack: &Stack, containers: &[Container]) -> Vec<&'static Service> {
    if stack.env.is_some() {
        return stack.services();
    }
    service::ALL.iter().copied().filter(|service| containers.iter().any(|c| c.service() == service.name)).collect()
}

fn row(
    service: &'static Service,
    container: Option<&Container>,
    ready: Option<&Ready>,
    problems: &mut Vec<String>,
) -> Row {
    let Some(container) = container else {
        problems.push(format!("{} has no container: tars start makes it", service.name));
        return Row {
            name: service.name,
            state: "missing",
            health: String::new(),
            image: String::new(),
            ports: Vec::new(),
            memory_bytes: None,
            uptime_s: None,
        };
    };
    let check = ready.and_then(|ready| ready.checks.get(service.name));
    if let Some(problem) = problem(service, container, check.and_then(|check| check.error.as_deref())) {
        problems.push(problem);
    }
    let health = match check {
        Some(check) if check.error.is_none() => "answers".to_owned(),
        Some(_) => "does not answer".to_owned(),
        None if service.name == "backend" && ready.is_some() => "answers".to_owned(),
        None => container
            .health
            .as_ref()
            .filter(|_| container.runs())
            .map_or_else(String::new, |health| health.status.clone()),
    };
    Row {
        name: service.name,
        state: word(container.status),
        health,
        image: container.image.clone(),
        ports: container.ports.iter().map(|port| format!("{}:{}", port.address, port.host)).collect(),
        memory_bytes: container.runs().then(|| cgroup::memory_in_use(container.pid)).flatten(),
        uptime_s: container.runs().then(|| uptime_s(&container.started_at)).flatten(),
    }
}

/// What the backend needs and has no container here: an Ollama on another machine.
fn elsewhere(stack: &Stack, ready: &Ready, status: &mut StackStatus) {
    for (name, check) in &ready.checks {
        let shown = status.services.iter().any(|row| row.name == name);
        if let Some(error) = check.error.as_ref().filter(|_| !shown) {
            let at = if name == "ollama" { format!(" at {}", stack.setting("TARS_OLLAMA_URL")) } else { String::new() };
            status.problems.push(format!("{name}{at} does not answer the backend: {error}"));
        }
    }
}

fn problem(service: &Service, container: &Container, error: Option<&str>) -> Option<String> {
    let name = service.name;
    match container.status {
        State::Running => error.map(|error| format!("{name} does not answer the backend: {error}")),
        State::Restarting => {
            Some(format!("{name} ends again and again (exit status {}): tars logs {name}", container.exit_code))
        }
        State::Paused => Some(format!("{name} is paused: docker unpause {}", container.name)),
        _ if container.oom_killed => Some(format!("{name} was killed for want of memory: tars start starts it again")),
        _ => Some(format!("{name} does not run (exit status {}): tars start starts it", container.exit_code)),
    }
}

fn models(stack: &Stack, ready: Option<&Ready>, status: &mut StackStatus) {
    if status.mode == "retrieval-only" || stack.env.is_none() {
        return;
    }
    let check = ready.and_then(|ready| ready.checks.get("ollama"));
    for key in ["OLLAMA_MODEL", "TARS_EMBED_MODEL"] {
        let name = stack.setting(key);
        let error = check.and_then(|check| check.error.as_deref()).unwrap_or_default();
        let mut words = error.split(|c: char| c.is_whitespace() || ",;\"'`".contains(c));
        let missing = words.any(|word| word == name);
        let known = if check.is_none() {
            " (not asked)"
        } else if missing {
            " (missing)"
        } else {
            ""
        };
        status.models.push(format!("{name}{known}"));
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running => "running",
        State::Paused => "paused",
        State::Restarting => "restarting",
        State::Exited => "stopped",
        State::Dead => "dead",
    }
}

fn uptime_s(started_at: &str) -> Option<i64> {
    let started: jiff::Timestamp = started_at.parse().ok()?;
    Some(jiff::Timestamp::now().as_second() - started.as_second()).filter(|seconds| *seconds >= 0)
}

impl Report for StackStatus {
    fn render(&self, page: &mut Page) {
        page.line(format!("{}  {}  {}", page.bold(&self.project), self.home, page.dim(self.mode)));
        let mut rows = vec![
            ["", "service", "state", "health", "memory", "up", "ports", "image"].map(|head| page.dim(head)).to_vec(),
        ];
        rows.extend(self.services.iter().map(|row| Self::cells(row, page)));
        if !self.services.is_empty() {
            page.table(&rows);
        }
        if !self.models.is_empty() {
            page.line(format!("models  {}", self.models.join(", ")));
        }
        if let Some(url) = self.url.as_ref().filter(|_| self.problems.is_empty()) {
            page.line(format!("API     {url}"));
        }
        if let Some(previous) = self.previous_generation.as_ref().filter(|previous| previous.gone.is_empty()) {
            page.line(previous.words());
        }
        if let Some(backup) = &self.backup {
            page.line(format!("backup  {backup}"));
        }
        for problem in &self.problems {
            page.wrapped(&format!("{} ", page.red("✗")), problem);
        }
        if !self.failing.is_empty() {
            page.wrapped("doctor  ", &format!("{}: tars doctor says more", self.failing.join(", ")));
        }
        for warning in &self.warnings {
            page.wrapped(&format!("{} ", page.yellow("!")), &warning.message);
            page.wrapped("  ", warning.hint.as_deref().unwrap_or_default());
        }
    }

    fn exit(&self) -> Exit {
        if self.problems.is_empty() { Exit::Done } else { Exit::Failed }
    }

    fn data(&self) -> Value {
        json!({
            "home": self.home, "project": self.project, "version": env!("CARGO_PKG_VERSION"), "mode": self.mode, "url": self.url,
            "services": self.services, "models": self.models, "problems": self.problems,
            "last_backup": self.last_backup, "last_drill": self.last_drill, "failing": self.failing, "previous_generation": self.previous_generation,
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.clone()
    }

    fn warnings_are_rendered(&self) -> bool {
        true
    }
}

impl StackStatus {
    fn cells(row: &Row, page: &Page) -> Vec<String> {
        let well = row.state == "running" && matches!(row.health.as_str(), "answers" | "healthy" | "");
        let mark = match (well, row.health.as_str()) {
            (true, _) => page.green("●"),
            (false, "starting") => page.yellow("●"),
            _ => page.red("●"),
        };
        let dash = || "–".to_owned();
        let uptime = row.uptime_s.and_then(|s| u64::try_from(s).ok()).map(since);
        let ports = if row.ports.is_empty() { dash() } else { row.ports.join(" ") };
        let health = if row.health.is_empty() { dash() } else { row.health.clone() };
        let memory = row.memory_bytes.map_or_else(dash, ui::bytes);
        vec![
            mark,
            row.name.to_owned(),
            row.state.to_owned(),
            health,
            memory,
            uptime.unwrap_or_else(dash),
            ports,
            row.image.clone(),
        ]
    }
}

/// An uptime in whole units: `0 s`, `42 s`, `3 min 5 s`.
fn since(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { ui::duration(Duration::from_secs(seconds)) }
}
