//! `tars`: installs, checks, backs up and mends a self-hosted RAG stack.
//!
//! # Layout
//! Imports go downwards only; `tests/rules.rs` holds the fences.
//! ```text
//! main        parse → run → exit code
//! lib         this map, and the one match over commands
//! cli, serve  the clap tree; the backend (knows nothing of Docker)
//! command     one file per verb; verbs do not call each other
//! bundle      what a support engineer needs, collected, proven and written
//! validate    the stack tried on itself: GO or NO-GO
//! check       pure functions over facts; facts: everything looked at, under deadlines
//! operate     what changes the world, once
//! context     stack, engine, interface and the wish to stop; built once
//! docker · archive · redact · client · ui    know nothing of each other
//! stack, error, exit   what the stack is; errors with hints; every exit code
//! ```
//! `archive`, `base` (error, exit), `client`, `redact` and `serve` are crates of their own: they compile beside the rest,
//! and only when they change.

pub mod bundle;
pub mod check;
pub mod cli;
pub mod command;
pub mod context;
pub mod docker;
pub mod facts;
pub mod operate;
pub mod stack;
pub mod ui;
pub mod validate;

pub use tars_archive as archive;
pub use tars_base::{error, exit};
pub use tars_client as client;
pub use tars_redact as redact;
pub use tars_serve as serve;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command};
use context::Context;
use error::Failure;
use exit::Exit;
use operate::{runs, sweep};
use std::io::Write;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use ui::{Report, Ui};

/// The whole program: what `main` calls. Returns the exit code.
#[must_use]
pub fn run() -> Exit {
    client::resolve::use_own_resolver();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if matches!(cli.command, Command::Serve(_)) {
        serve::memory::give_back();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let outcome = Err(anyhow::Error::from(error).context("could not start the runtime"));
            return Ui::new(cli.global.ui()).finish("tars", &outcome);
        }
    };
    let exit = runtime.block_on(Box::pin(dispatch(cli)));
    // A thread that waits for the operator's answer must not hold up the end.
    runtime.shutdown_background();
    exit
}

async fn dispatch(cli: Cli) -> Exit {
    let ui = Ui::new(cli.global.ui());
    match &cli.command {
        Command::Serve(args) => return serve_alone(&ui, args).await,
        Command::Redact(args) => return redact(&ui, args),
        Command::Backup(args) if args.is_look() => return look(&ui),
        Command::Doctor(args) if args.is_offline() => {
            return ui.finish(cli.command.name(), &command::doctor::offline(args));
        }
        Command::Completions { shell } => {
            return text(&ui, |out| clap_complete::generate(*shell, &mut Cli::command(), "tars", out));
        }
        Command::Man => return text(&ui, |out| clap_mangen::Man::new(Cli::command()).render(out).unwrap_or_default()),
        _ => {}
    }
    let cancel = CancellationToken::new();
    if let Err(error) = cancel_on_signal(&cancel) {
        return ui.finish(cli.command.name(), &Err(error));
    }
    let begun = (jiff::Timestamp::now(), Instant::now());
    let mut context = match Context::build(cli.global.home.as_deref(), ui.clone(), cancel).await {
        Ok(context) => context,
        Err(error) => return ui.finish(cli.command.name(), &Err(error)),
    };
    let outcome = until_cancelled(&mut context, &cli.command).await;
    let exit = ui.finish(cli.command.name(), &outcome);
    if cli.command.is_recorded() {
        record(&context, &ui, exit, &outcome, begun);
    }
    exit
}

/// The one match over commands.
async fn execute(context: &mut Context, command: &Command) -> anyhow::Result<Box<dyn Report>> {
    match command {
        Command::Install(args) => command::install::run(context, args).await,
        Command::Start(args) => Box::pin(command::start::run(context, args)).await,
        Command::Stop => command::stop::run(context).await,
        Command::Restart => command::restart::run(context).await,
        Command::Status => command::status::run(context).await,
        Command::Doctor(args) => Box::pin(command::doctor::run(context, args)).await,
        Command::Clean(args) => Box::pin(command::clean::run(context, args)).await,
        Command::Restore(args) => Box::pin(command::restore::run(context, args)).await,
        Command::Backup(args) => Box::pin(command::backup::run(context, args)).await,
        Command::Logs(args) => command::logs::run(context, args).await,
        Command::Uninstall(args) => command::uninstall::run(context, args).await,
        Command::Model(args) => Box::pin(command::model::run(context, args)).await,
        Command::Nas(args) => Box::pin(command::nas::run(context, args)).await,
        Command::Reindex(args) => command::reindex::run(context, args).await,
        Command::User(args) => command::user::run(context, args).await,
        Command::SupportBundle(args) => Box::pin(command::support_bundle::run(context, args)).await,
        Command::Validate(args) => Box::pin(command::validate::run(context, args)).await,
        Command::Redact(_) | Command::Serve(_) | Command::Completions { .. } | Command::Man => {
            anyhow::bail!("handled before")
        }
    }
}

/// Runs the command until it ends or the operator wants to stop, unless it sees to that itself; then what the run made
/// for itself is removed.
async fn until_cancelled(context: &mut Context, command: &Command) -> anyhow::Result<Box<dyn Report>> {
    let cancel = context.cancel.clone();
    let ended = tokio::select! {
        outcome = Box::pin(execute(context, command)) => Some(outcome),
        () = cancel.cancelled(), if !command.winds_down() => None,
    };
    if let Some(outcome) = ended {
        return outcome;
    }
    if let Ok(docker) = context.docker() {
        sweep::own(docker, &context.stack.home, &context.run).await.ok();
    }
    Err(Failure::new(Exit::Interrupted, "interrupted").hint(command.after_interrupt()).into())
}

fn cancel_on_signal(cancel: &CancellationToken) -> anyhow::Result<()> {
    let stop = serve::stop_signal()?;
    let cancel = cancel.clone();
    tokio::spawn(async move {
        stop.await;
        cancel.cancel();
    });
    Ok(())
}

async fn serve_alone(ui: &Ui, args: &serve::ServeArgs) -> Exit {
    match serve::command(args).await {
        Ok(()) => Exit::Done,
        Err(error) => ui.finish("serve", &Err(error)),
    }
}

/// A filter: its stdout is the text, so that the counts go to stderr.
fn redact(ui: &Ui, args: &command::redact::RedactArgs) -> Exit {
    match command::redact::filter(args, std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(counts) => {
            if ui.options().json {
                ui.say(&serde_json::to_string(&counts).unwrap_or_default());
            }
            Exit::Done
        }
        Err(error) => ui.words_of(&error),
    }
}

/// The child that looks at a directory of archives: it asks no engine and may hang for good.
fn look(ui: &Ui) -> Exit {
    match operate::keeping::look::answer(std::io::stdin().lock()) {
        Ok(answer) => text(ui, |out| out.extend(answer.into_bytes())),
        Err(error) => ui.words_of(&error),
    }
}

/// Generated text goes out in one piece; a closed pipe is the reader's own wish.
fn text(ui: &Ui, generate: impl FnOnce(&mut Vec<u8>)) -> Exit {
    let mut out = Vec::new();
    generate(&mut out);
    match ui.raw(&out) {
        Ok(_) => Exit::Done,
        Err(error) => ui.finish("text", &Err(error.into())),
    }
}

/// clap's own words; help and version are no errors. Who asked for JSON gets a document for this as well.
fn usage(error: &clap::Error) -> Exit {
    let shown = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    if error.use_stderr() && std::env::args().any(|arg| arg == "--json") {
        let words = error.to_string();
        let message = words.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let outcome = Err(Failure::new(Exit::Usage, message).hint("tars --help lists what there is").into());
        return Ui::new(ui::Options { json: true, ..ui::Options::default() }).finish("tars", &outcome);
    }
    let text = error.render();
    // Nothing can be said when the stream itself is gone.
    let _ = if error.use_stderr() { write!(std::io::stderr(), "{text}") } else { write!(std::io::stdout(), "{text}") };
    shown
}

/// The command line, without the command that a schedule runs: it may hold a token, as in a web hook.
fn told(args: impl Iterator<Item = String>) -> String {
    let mut hidden = false;
    let told = args.map(|arg| match arg.strip_prefix("--on-result") {
        _ if std::mem::take(&mut hidden) => "…".to_owned(),
        Some("") => {
            hidden = true;
            arg
        }
        Some(value) if value.starts_with('=') => "--on-result=…".to_owned(),
        _ => arg,
    });
    told.collect::<Vec<_>>().join(" ")
}

fn record(
    context: &Context,
    ui: &Ui,
    exit: Exit,
    outcome: &anyhow::Result<Box<dyn Report>>,
    begun: (jiff::Timestamp, Instant),
) {
    let error = match outcome {
        Err(error) => Some(error),
        Ok(report) => report.error(),
    };
    let run = runs::Run {
        schema: 1,
        run: context.run.clone(),
        command: ui.clean(&told(std::env::args())),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        began: begun.0.to_string(),
        duration_ms: u64::try_from(begun.1.elapsed().as_millis()).unwrap_or(u64::MAX),
        exit: exit.code(),
        errors: error
            .map(|error| error::causes_of(error).iter().map(|text| ui.clean(text)).collect())
            .unwrap_or_default(),
    };
    if let Err(error) = runs::record(&context.stack.home, &run) {
        ui.detail(&format!("this run could not be recorded: {error:#}"));
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_schedules_command_is_not_told() {
        let told = |line: &str| told(line.split(' ').map(str::to_owned));
        assert_eq!(
            told("tars backup schedule --on-result hook --daily 03:00"),
            "tars backup schedule --on-result … --daily 03:00"
        );
        assert_eq!(told("tars backup schedule --on-result=hook"), "tars backup schedule --on-result=…");
        assert_eq!(told("tars backup --on-resultant x"), "tars backup --on-resultant x");
    }
}
