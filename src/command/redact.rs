//! `tars redact`: standard input to standard output, without secrets.
//!
//! A filter for pipes: constant memory, every line end and every byte that is no secret as it came.
//! It knows neither files nor the command line; the caller has read the env file.
//!
//! ```
//! use tars::command::redact::{Options, run};
//! let (mut out, env) = (Vec::new(), [("DB_PASSWORD".to_owned(), "correct-horse-7".to_owned())]);
//! let counts = run(&b"login with correct-horse-7 failed, what now\n"[..], &mut out, Options { env: &env, obfuscate: false })?;
//! assert_eq!(String::from_utf8_lossy(&out), "login with [REDACTED:password#1] failed, what now\n");
//! assert_eq!(counts.total, 1);
//! # Ok::<(), anyhow::Error>(())
//! ```

use std::io::{ErrorKind, Read, Write};

use crate::error::Failure;
use crate::exit::Exit;
use crate::redact::{Counts, Redactor};
use crate::stack::envfile::EnvFile;
use anyhow::Context;
use std::path::PathBuf;

/// Flags of `tars redact`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RedactArgs {
    /// Also hide the values of this env file, wherever they stand
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// What the filter is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Keys and values of an env file; the engine itself decides which of them are secret.
    pub env: &'a [(String, String)],
    /// Also replaces host names, user names, public addresses and e-mail addresses.
    pub obfuscate: bool,
}

/// The verb: reads the env file with the product's own parser, then filters.
///
/// # Errors
/// Exit 69 when there is no such env file, 77 when it may not be read, 1 when a stream fails.
pub fn filter(args: &RedactArgs, input: impl Read, output: impl Write) -> anyhow::Result<Counts> {
    let mut pairs = Vec::new();
    if let Some(path) = &args.env_file {
        let missing = || Failure::new(Exit::Unavailable, format!("there is no env file {}", path.display()));
        // A line that is broken does not make the others' values less secret.
        let file = EnvFile::read(path)?.ok_or_else(missing)?;
        pairs.extend(file.entries().map(|entry| (entry.key.clone(), entry.value.clone())).chain(file.spoiled()));
    }
    run(input, output, Options { env: &pairs, obfuscate: false })
}

/// Copies `input` to `output` without its secrets and tells what was replaced, by rule.
///
/// A reader that closes the pipe early is no error: what was copied until then is counted.
///
/// # Errors
/// When reading or writing fails.
pub fn run(input: impl Read, mut output: impl Write, options: Options<'_>) -> anyhow::Result<Counts> {
    let pairs = options.env.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let redactor = Redactor::builder().env(pairs).obfuscate(options.obfuscate).build();
    let mut clean = redactor.clean(input);
    loop {
        let block = clean.block().context("could not read what to redact")?;
        match output.write_all(block).and_then(|()| if block.is_empty() { output.flush() } else { Ok(()) }) {
            Ok(()) if !block.is_empty() => {}
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error).context("could not write the redacted text"),
        }
    }
    Ok(redactor.counts())
}
