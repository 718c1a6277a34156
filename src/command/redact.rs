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

use anyhow::Context;

use crate::redact::{Counts, Redactor};

/// What the filter is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Keys and values of an env file; the engine itself decides which of them are secret.
    pub env: &'a [(String, String)],
    /// Also replaces host names, user names, public addresses and e-mail addresses.
    pub obfuscate: bool,
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
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = clean.read(&mut buffer).context("could not read what to redact")?;
        match output.write_all(&buffer[..count]).and_then(|()| if count == 0 { output.flush() } else { Ok(()) }) {
            Ok(()) if count > 0 => {}
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error).context("could not write the redacted text"),
        }
    }
    Ok(redactor.counts())
}
