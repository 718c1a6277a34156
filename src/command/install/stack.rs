//! Steps 6 to 9: start, wait, models, verdict.

use super::{Install, Said};
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::journal::Goal;
use crate::operate::validated::Status;
use crate::operate::{generations, lifecycle, models, wait};
use crate::ui;
use crate::validate;
use anyhow::Context as _;

impl Install<'_> {
    pub(super) async fn start(&mut self) -> Said {
        let wanted: Vec<_> = self.context.stack.services().iter().map(|service| service.name.to_owned()).collect();
        let count = wanted.len();
        // From here on a reboot brings the new stack up, not what ran before.
        let journal = self.journal.as_mut().context("no journal")?;
        journal.goal(Goal::Running(wanted))?;
        journal.step("start")?;
        let (compose, lock) = (self.compose.as_ref().context("no compose")?, self.lock.as_ref().context("no lock")?);
        lifecycle::up(self.context, lock, compose, &[]).await?;
        Ok(format!("{count} services"))
    }

    pub(super) async fn wait(&mut self) -> Said {
        let services = self.context.stack.services();
        let answers = wait::for_answers(self.context, &services).await?;
        let slowest = answers.iter().filter_map(|a| Some((a.outcome.as_ref().ok()?, a.service.name))).max();
        let slowest = slowest
            .map_or_else(String::new, |(took, name)| format!(", {name} last after {}", crate::ui::duration(*took)));
        wait::all_answered(answers)?;
        wait::for_api(&self.context.stack).await?;
        generations::mark_filled(&self.context.stack)?;
        Ok(format!("all {} answer{slowest}", services.len()))
    }

    pub(super) async fn models(&mut self) -> Said {
        let stack = &self.context.stack;
        if stack.setting("TARS_LLM") == "none" {
            let declined = stack.setting("OLLAMA_MODEL") == "none";
            let why = if declined { "as asked for" } else { "no Ollama answers here and its image cannot be had" };
            self.warn(
                "llm.none",
                format!("no language model ({why}): the stack runs in retrieval-only mode, the best passages are the answer"),
                "add one later: run tars install again once its image can be had, or tars install --ollama-url URL --model NAME",
            );
            return Ok("none (retrieval-only)".to_owned());
        }
        let mut said = Vec::new();
        for key in ["OLLAMA_MODEL", "TARS_EMBED_MODEL"] {
            let model = self.context.stack.setting(key).to_owned();
            let got = models::ensure(self.context, &model).await?;
            if let Some((needs, here)) = got.too_large {
                self.warn(
                    "model.memory",
                    format!(
                        "{model} has {} and this machine {} of memory: it may be very slow or not load",
                        ui::bytes(needs),
                        ui::bytes(here)
                    ),
                    "choose a smaller one: tars install --model NAME",
                );
            }
            said.push(format!("{model} {}", if got.pulled { "pulled" } else { "there" }));
        }
        Ok(said.join(", "))
    }

    pub(super) async fn verdict(&mut self) -> Said {
        wait::for_api(&self.context.stack).await?;
        let validation = Box::pin(validate::run(self.context, &[], None)).await?;
        let retrieval_only = self.context.stack.setting("TARS_LLM") == "none";
        // That there is no model was said in the step before.
        let news = validation.with(Status::Warn).filter(|check| !(retrieval_only && check.id == "deployment.chat"));
        for check in news {
            self.warn(
                "validate.warn",
                format!("{}: {}", check.id, check.detail),
                check.hint.clone().unwrap_or_default(),
            );
        }
        let (passed, reasons) = (validation.with(Status::Pass).count(), validation.reasons());
        let hint = validation.with(Status::Fail).find_map(|check| check.hint.clone());
        self.report.validation = Some(validation);
        if !reasons.is_empty() {
            let words = format!("the stack runs, but not all of it is of use: {}", reasons.join("; "));
            let hint = format!("{}; look again with: tars validate", hint.unwrap_or_default());
            return Err(Failure::new(Exit::Failed, words).hint(hint).into());
        }
        self.report.go(&self.context.stack);
        Ok(format!("GO, {passed} checks passed"))
    }
}
