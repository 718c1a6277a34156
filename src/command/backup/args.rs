//! Flags of `tars backup`, and what they mean together.

use crate::archive::{Recipient, Seal, passphrase_of};
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::backup::Asked;
use crate::operate::keeping::retention::Rules;
use crate::stack::Stack;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// Flags of `tars backup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct BackupArgs {
    /// Where the archive goes (else `TARS_BACKUP_DIR`, else backups/ in the home)
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Take Ollama's models as well (large; they can be pulled again)
    #[arg(long)]
    pub include_models: bool,
    /// Leave the database out
    #[arg(long)]
    pub skip_postgres: bool,
    /// Leave the vector index out
    #[arg(long)]
    pub skip_chromadb: bool,
    /// Leave the cache out
    #[arg(long)]
    pub skip_redis: bool,
    /// Encrypt to a public key, age1… or ssh-ed25519 … (may be given again; else `TARS_BACKUP_RECIPIENT`)
    #[arg(long, value_name = "RECIPIENT", conflicts_with = "passphrase_file")]
    pub encrypt_to: Vec<String>,
    /// Encrypt with the passphrase in the first line of this file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Also write every vector as JSON through Chroma's API, for other versions
    #[arg(long)]
    pub export_vectors: bool,
    /// Keep this archive whatever the rules say
    #[arg(long)]
    pub keep: bool,
    /// Afterwards keep the newest archive of each of the last N days
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<u32>,
    /// Afterwards keep the newest archive of each of the last N weeks
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<u32>,
    /// Afterwards keep the newest archive of each of the last N months
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<u32>,
    /// Look at everything, show the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl BackupArgs {
    /// The components.
    #[must_use]
    pub fn asked(&self) -> Asked {
        Asked {
            postgres: !self.skip_postgres,
            chromadb: !self.skip_chromadb,
            redis: !self.skip_redis,
            models: self.include_models,
            vectors: self.export_vectors,
        }
    }

    /// Which older archives may go; none may without a flag.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.rules_or(Rules::default())
    }

    /// The same; the numbers that were not given are those of `otherwise`.
    #[must_use]
    pub fn rules_or(&self, otherwise: Rules) -> Rules {
        Rules {
            daily: self.keep_daily.unwrap_or(otherwise.daily),
            weekly: self.keep_weekly.unwrap_or(otherwise.weekly),
            monthly: self.keep_monthly.unwrap_or(otherwise.monthly),
        }
    }

    /// Who may open the archive.
    ///
    /// # Errors
    /// When a recipient is none, or the passphrase cannot be read.
    pub fn seal(&self, stack: &Stack) -> Result<Seal> {
        if let Some(file) = &self.passphrase_file {
            return Ok(Seal::Passphrase(passphrase_of(file)?));
        }
        let recipients = self.encrypt_to.iter().map(|text| Recipient::parse(text));
        let given = recipients.collect::<Result<Vec<_>>>().context("--encrypt-to")?;
        if !given.is_empty() {
            return Ok(Seal::To(given));
        }
        match stack.setting("TARS_BACKUP_RECIPIENT") {
            "" => Ok(Seal::Plain),
            text => match Recipient::parse(text) {
                Ok(recipient) => Ok(Seal::To(vec![recipient])),
                // Nobody may believe that archives are encrypted while they are not.
                Err(error) => Err(Failure::new(Exit::Failed, "TARS_BACKUP_RECIPIENT in the env file is no recipient")
                    .hint("write a public key there, or leave it empty")
                    .caused_by(error)
                    .into()),
            },
        }
    }

    /// The same flags as words of a command line. Paths are absolute: who reads them is elsewhere.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let path = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
        let number = |n: &u32| n.to_string();
        let valued = [
            ("--output-dir", self.output_dir.as_ref().map(path)),
            ("--passphrase-file", self.passphrase_file.as_ref().map(path)),
            ("--keep-daily", self.keep_daily.as_ref().map(number)),
            ("--keep-weekly", self.keep_weekly.as_ref().map(number)),
            ("--keep-monthly", self.keep_monthly.as_ref().map(number)),
        ];
        let plain = [
            ("--include-models", self.include_models),
            ("--skip-postgres", self.skip_postgres),
            ("--skip-chromadb", self.skip_chromadb),
            ("--skip-redis", self.skip_redis),
            ("--export-vectors", self.export_vectors),
            ("--keep", self.keep),
            ("--dry-run", self.dry_run),
        ];
        let recipients = self.encrypt_to.iter().map(|to| format!("--encrypt-to={to}"));
        let valued = valued.into_iter().filter_map(|(flag, value)| Some(format!("{flag}={}", value?)));
        let plain = plain.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag.to_owned());
        plain.chain(recipients).chain(valued).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, clap::Parser)]
    struct Alone {
        #[command(flatten)]
        run: BackupArgs,
    }

    #[test]
    fn every_flag_survives_a_schedule() {
        for arg in Alone::command().get_arguments().filter(|arg| arg.get_id() != "help") {
            let flag = format!("--{}", arg.get_long().unwrap());
            let word = match (arg.get_action().takes_values(), flag.as_str()) {
                (false, _) => flag,
                (true, "--output-dir" | "--passphrase-file") => format!("{flag}=/a b/c"),
                (true, "--encrypt-to") => format!("{flag}=ssh-ed25519 AAAA me@here"),
                (true, _) => format!("{flag}=3"),
            };
            let parsed = Alone::parse_from(["tars", &word]).run;
            assert_ne!(parsed, BackupArgs::default(), "{word}");
            let again = Alone::parse_from(std::iter::once("tars".to_owned()).chain(parsed.words())).run;
            assert_eq!(again, parsed, "{word} is lost");
        }
    }

    #[test]
    fn a_path_is_written_down_as_it_is_from_everywhere() {
        let parsed = Alone::parse_from(["tars", "--output-dir", "here"]).run;
        let here = std::env::current_dir().unwrap().join("here");
        assert_eq!(parsed.words(), [format!("--output-dir={}", here.display())]);
    }

    #[test]
    fn what_was_not_said_is_taken_from_elsewhere() {
        let parsed = Alone::parse_from(["tars", "--keep-weekly", "0"]).run;
        assert_eq!(parsed.rules_or(Rules::SCHEDULED), Rules { daily: 7, weekly: 0, monthly: 12 });
        assert!(BackupArgs::default().rules().is_none());
    }
}
