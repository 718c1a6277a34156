//! The only module that prints: reports on stdout, progress and words on stderr.
//!
//! stdout carries the report, or with `--json` exactly one document. stderr carries progress: a bar on a terminal,
//! plain lines elsewhere, nothing with `--quiet`. Every word goes through the redactor, which is handed in as a
//! function: this module knows no secret, no Docker and no command.

mod ask;
mod bar;
mod page;
mod report;

pub use bar::Bar;
pub use page::{Page, bytes, duration};
pub use report::{Report, Warning};

use crate::error;
use crate::exit::Exit;
use indicatif::MultiProgress;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::Arc;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the operator asked for on the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// One JSON document on stdout.
    pub json: bool,
    /// No progress; silence on success.
    pub quiet: bool,
    /// Answer every question with its default.
    pub yes: bool,
    /// Extra words on stderr.
    pub verbose: bool,
    /// When to colour.
    pub color: Color,
}

/// Whether anybody still reads what goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Yes.
    Listens,
    /// The pipe is closed (`| head`): a quiet end, and the reader's own wish.
    Gone,
}

/// Takes secrets out of a text.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The one way to the terminal. Cheap to clone.
#[derive(Clone)]
pub struct Ui {
    options: Options,
    progress: MultiProgress,
    redact: Arc<std::sync::RwLock<Redact>>,
    terminal: bool,
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ui").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Ui {
    /// The interface for this process' own streams.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        Self {
            options,
            progress: MultiProgress::new(),
            redact: Arc::new(std::sync::RwLock::new(Arc::new(str::to_owned))),
            terminal,
        }
    }

    /// Hands in the redactor, or a better one once the settings are known.
    pub fn redact_with(&self, redact: Redact) {
        if let Ok(mut slot) = self.redact.write() {
            *slot = redact;
        }
    }

    /// A text without secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let redact = self.redact.read().map_or_else(|poisoned| poisoned.into_inner().clone(), |slot| slot.clone());
        redact(text)
    }

    /// What was asked for.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// A line of progress; silent with `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.options.quiet {
            self.line(text);
        }
    }

    /// A detail that only `-v` shows.
    pub fn detail(&self, text: &str) {
        if self.options.verbose {
            self.line(text);
        }
    }

    /// A warning; never silent.
    pub fn warn(&self, text: &str) {
        let mark = self.paint_err("warning:", |s| s.yellow().bold());
        self.line(&format!("{mark} {text}"));
    }

    /// A bar with bytes, rate and time left on a terminal, now and then a line elsewhere.
    #[must_use]
    pub fn bar(&self, label: &str) -> Bar {
        Bar::new(self, label)
    }

    /// Raw bytes for stdout, such as a container's log. A closed pipe is no error: the answer says so.
    ///
    /// # Errors
    /// When stdout cannot be written for another reason.
    pub fn raw(&self, bytes: &[u8]) -> std::io::Result<Reader> {
        match std::io::stdout().lock().write_all(bytes) {
            Ok(()) => Ok(Reader::Listens),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(error),
        }
    }

    /// Shows how a run ended and returns its exit code.
    pub fn finish(&self, command: &str, outcome: &anyhow::Result<Box<dyn Report>>) -> Exit {
        let shown = if self.options.json {
            let document = report::envelope(command, outcome, &|text| self.clean(text));
            // What was asked for as it is must not be cleaned as a whole either.
            let raw = outcome.as_ref().is_ok_and(|report| report.data_is_raw());
            if raw { self.raw(document.as_bytes()).map(drop) } else { self.out(&document) }
        } else {
            match outcome {
                Ok(report) => self.show(report.as_ref()),
                Err(error) => {
                    self.show_error(error);
                    Ok(())
                }
            }
        };
        let exit = outcome.as_ref().map_or_else(error::exit_of, |report| report.exit());
        // A report that could not be written was not delivered; a closed pipe is the reader's own wish.
        match shown {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe && exit == Exit::Done => Exit::Failed,
            _ => exit,
        }
    }

    fn show(&self, report: &dyn Report) -> std::io::Result<()> {
        if self.options.quiet && report.exit() == Exit::Done && !report.says_when_quiet() {
            return Ok(());
        }
        if !report.warnings_are_rendered() {
            report.warnings().iter().for_each(|warning| self.warn(&warning.message));
        }
        let mut page = Page::new(stdout_width(), self.color_for(std::io::stdout().is_terminal()));
        report.render(&mut page);
        let shown = self.out(page.text());
        if let Some(error) = report.error() {
            self.show_error(error);
        }
        shown
    }

    /// An error on stderr alone, for a command whose stdout is not the report. Returns its exit code.
    #[must_use]
    pub fn words_of(&self, error: &anyhow::Error) -> Exit {
        self.show_error(error);
        error::exit_of(error)
    }

    fn show_error(&self, error: &anyhow::Error) {
        let mut said = error::causes_of(error).into_iter();
        let mark = self.paint_err("error:", |s| s.red().bold());
        self.line(&format!("{mark} {}", said.next().unwrap_or_default()));
        for cause in said {
            self.line(&format!("  because: {cause}"));
        }
        for hint in error::hints_of(error) {
            self.line(&format!("  {} {hint}", self.paint_err("hint:", console::StyledObject::cyan)));
        }
    }

    fn out(&self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(self.clean(text).as_bytes())?;
        out.flush()
    }

    fn line(&self, text: &str) {
        let clean = self.clean(text);
        // A stderr that is gone must not end the work.
        self.progress.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{clean}");
        });
    }

    fn color_for(&self, terminal: bool) -> bool {
        match self.options.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal
                    && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
                    && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            }
        }
    }

    fn paint_err<'a>(
        &self,
        text: &'a str,
        style: impl Fn(console::StyledObject<&'a str>) -> console::StyledObject<&'a str>,
    ) -> Cow<'a, str> {
        if self.color_for(self.terminal) {
            style(console::style(text).force_styling(true)).to_string().into()
        } else {
            text.into()
        }
    }
}

/// Columns of the terminal; a pipe gets a page that suits most.
fn stdout_width() -> usize {
    console::Term::stdout().size_checked().map_or(100, |(_, columns)| usize::from(columns)).clamp(40, 160)
}
