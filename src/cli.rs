//! The clap tree; no logic. Only what exists stands in it, and a snapshot test holds it against the docs.

use crate::ui::{Color, Options};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Installs, checks, backs up and mends a self-hosted RAG stack.
#[derive(Debug, Parser)]
#[command(name = "tars", version, arg_required_else_help = true, propagate_version = false)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 partly done, 64 wrong usage, 69 something is missing, 75 another run holds the lock, 77 not permitted, 130 interrupted."
)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The stack's home directory (or the variable `TARS_HOME`; else where the running stack lives, /opt/tars, or ~/.local/share/tars)
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Take the default answer to every question
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    /// No progress; silence on success
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// More words on stderr
    #[arg(short = 'v', long, global = true)]
    pub verbose: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Global {
    /// The same as the interface wants it.
    #[must_use]
    pub fn ui(&self) -> Options {
        let color = match self.color {
            ColorWhen::Auto => Color::Auto,
            ColorWhen::Always => Color::Always,
            ColorWhen::Never => Color::Never,
        };
        Options { json: self.json, quiet: self.quiet, yes: self.yes, verbose: self.verbose, color }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Install the stack on this machine, or go on with an interrupted installation
    Install(crate::command::install::InstallArgs),
    /// Start the stack and wait until it answers
    Start(crate::command::start::StartArgs),
    /// Stop the stack; its data stays
    Stop,
    /// Restart the stack, reading the env file again
    Restart,
    /// Show what runs and what is missing
    Status,
    /// Say what is wrong with this machine and its stack, and what to do; or do it
    Doctor(crate::command::doctor::DoctorArgs),
    /// Back everything up into one archive that is read back before it counts
    Backup(Box<crate::command::backup::BackupCommand>),
    /// Show the services' logs, without secrets
    Logs(crate::command::logs::LogsArgs),
    /// Try the stack on itself: deployment, documents and answers, security; ends in GO or NO-GO
    Validate(crate::command::validate::ValidateArgs),
    /// Bring back what an archive holds, beside the live data first; or undo that, or rehearse it
    Restore(crate::command::restore::RestoreArgs),
    /// Make room: show what may go, with sizes, and remove it
    Clean(crate::command::clean::CleanArgs),
    /// Remove the stack; data, home and archives stay unless told otherwise
    Uninstall(crate::command::uninstall::UninstallArgs),
    /// List, pull, choose and remove language models
    Model(crate::command::model::ModelArgs),
    /// Mount the NAS that holds the documents (or backups), take it away, look at it
    Nas(crate::command::nas::NasArgs),
    /// Make the index of vectors anew, with another embedding model for example
    Reindex(crate::command::reindex::ReindexArgs),
    /// Add, list and change the users of the API, without anybody's password
    User(crate::command::user::UserArgs),
    /// Pack what a support engineer needs into one file, without secrets
    SupportBundle(crate::command::support_bundle::SupportBundleArgs),
    /// Copy stdin to stdout without secrets
    Redact(crate::command::redact::RedactArgs),
    /// Run the backend: the API that people talk to (inside its container)
    Serve(crate::serve::ServeArgs),
    /// Print the completions of a shell
    Completions {
        /// Whose
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

impl Command {
    /// The verb, for the JSON document.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Install(_) => "install",
            Self::Start(_) => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Status => "status",
            Self::Restore(_) => "restore",
            Self::Doctor(_) => "doctor",
            Self::Backup(_) => "backup",
            Self::Clean(_) => "clean",
            Self::Logs(_) => "logs",
            Self::Uninstall(_) => "uninstall",
            Self::Model(_) => "model",
            Self::Nas(_) => "nas",
            Self::Reindex(_) => "reindex",
            Self::User(_) => "user",
            Self::SupportBundle(_) => "support-bundle",
            Self::Validate(_) => "validate",
            Self::Redact(_) => "redact",
            Self::Serve(_) => "serve",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }

    /// Whether the run leaves a line in `state/runs.jsonl`: looking does not, and a rehearsal changes nothing.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        match self {
            Self::Install(args) => !args.dry_run,
            Self::Restore(args) => !args.dry_run,
            Self::Clean(args) => !args.dry_run,
            Self::Doctor(args) => args.fix,
            Self::Start(_) | Self::Stop | Self::Restart | Self::Uninstall(_) | Self::Reindex(_) | Self::Validate(_) => {
                true
            }
            Self::Backup(args) => args.changes_something(),
            Self::User(args) => args.what.changes_something(),
            Self::Model(args) => args.what.changes_something(),
            Self::Nas(args) => args.what.changes_something(),
            _ => false,
        }
    }

    /// Whether it ends by itself soon after the operator interrupts, because it must start again what it stopped. All
    /// others are dropped where they are.
    #[must_use]
    pub fn winds_down(&self) -> bool {
        match self {
            Self::Backup(args) => args.winds_down(),
            other => matches!(other, Self::Restore(_)),
        }
    }

    /// What an operator should know who interrupted it.
    #[must_use]
    pub fn after_interrupt(&self) -> &'static str {
        match self {
            Self::Install(_) => "run the same command again: it goes on where it was",
            Self::Start(_) | Self::Stop | Self::Restart => "run the same command again; tars status says what runs now",
            Self::Uninstall(_) => "run the same command again: it removes the rest",
            Self::Validate(_) => "the next tars validate removes what this one made; with --disruptive run: tars start",
            Self::Doctor(args) if args.fix => "run the same command again; tars status says what runs now",
            Self::Clean(_) => "run the same command again: it removes the rest",
            Self::Backup(_) => "nothing was left half-done; run the same command again",
            _ => "nothing was left half-done",
        }
    }
}
