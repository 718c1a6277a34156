//! Questions to the operator, each with a default; `--yes` and a missing terminal never block.

use super::Ui;
use crate::error::Failure;
use crate::exit::Exit;
use anyhow::{Context, Result};
use std::io::{BufRead, IsTerminal, Write};

impl Ui {
    /// Asks yes or no. With `--yes` the answer is `default`.
    ///
    /// # Errors
    /// Without a terminal and without `--yes` there is nobody to ask: exit 64.
    pub async fn confirm(&self, question: &str, default: bool) -> Result<bool> {
        let shown = if default { "[Y/n]" } else { "[y/N]" };
        loop {
            let answer = self.ask(&format!("{question} {shown}"), if default { "y" } else { "n" }).await?;
            match answer.to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.say("please answer y or n"),
            }
        }
    }

    /// Asks for a line. With `--yes`, or on an empty line, the answer is `default`.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub async fn ask(&self, question: &str, default: &str) -> Result<String> {
        if self.options.yes {
            return Ok(default.to_owned());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(
                Exit::Usage,
                format!("this needs an answer and there is no terminal: {question}"),
            )
            .hint("add --yes to take the defaults")
            .into());
        }
        let clean = self.clean(question);
        self.progress
            .suspend(|| {
                let mut err = std::io::stderr().lock();
                write!(err, "{clean} ").and_then(|()| err.flush())
            })
            .context("could not ask")?;
        let line = line().await.context("could not read the answer")?;
        let answer = line.trim();
        Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
    }
}

impl Ui {
    /// Asks for a secret: what is typed is not shown. There is no default.
    ///
    /// # Errors
    /// With `--yes` or without a terminal there is nobody to ask: exit 64.
    pub async fn ask_secret(&self, question: &str) -> Result<String> {
        let stdin = std::io::stdin();
        if self.options.yes || !stdin.is_terminal() {
            return Err(Failure::new(Exit::Usage, "a password is needed and there is nobody to ask").into());
        }
        let before = rustix::termios::tcgetattr(&stdin).context("could not ask")?;
        let mut silent = before.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &silent)
            .context("could not ask")?;
        let answer = self.ask(question, "").await;
        let shown = rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &before);
        shown.context("the terminal stays silent: type stty echo")?;
        answer
    }
}

/// One line of stdin, read on a thread of its own: whoever drops the future (Ctrl-C) waits for nobody's Enter.
async fn line() -> std::io::Result<String> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        // Nobody hears it any more after Ctrl-C.
        let _ = send.send(read.map(|_| line));
    });
    receive.await.unwrap_or_else(|_| Err(std::io::ErrorKind::UnexpectedEof.into()))
}
