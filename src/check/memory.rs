//! Memory.

use super::space::{GIB, human};
use super::{Answer, Check, Finding};
use crate::facts::{Facts, NotKnown};

/// Stores and backend without any model.
const LEAST: u64 = 2 * GIB;
/// With the default chat and embedding models in memory.
const MODELS: u64 = 8 * GIB;
/// Comfortable where the models run elsewhere, or not at all.
const NO_MODELS: u64 = 4 * GIB;

/// With less than this the next allocation may be the last.
const TIGHT: u64 = GIB / 8;

pub(super) const AVAILABLE: Check = Check {
    id: "memory.available",
    title: "this machine has the memory for the stack",
    preflight: true,
    ask: available,
};

fn available(facts: &Facts) -> Result<Answer, NotKnown> {
    let total = facts.memory.known()?.total;
    let models = facts.env.known()?.may_run_ollama();
    let wanted = if models { MODELS } else { NO_MODELS };
    if below(total, LEAST) {
        let problem = format!("there are {} of memory in all; the databases alone need {}", human(total), human(LEAST));
        return Ok(Finding::fail("memory", problem, "give this machine more memory, or use another one").into());
    }
    if below(total, wanted) {
        let problem = format!("there are {} of memory in all, where {} are comfortable", human(total), human(wanted));
        let hint = if models {
            "choose a smaller model (--model llama3.2:1b), or let the models run elsewhere (--ollama-url URL)"
        } else {
            "close what else runs here, or add memory, when answers become slow"
        };
        return Ok(Finding::warn("memory", problem, hint).into());
    }
    let available = facts.memory.known()?.available;
    if available < TIGHT {
        let problem = format!("only {} of memory can be had now: the kernel may kill a service", human(available));
        return Ok(Finding::warn(
            "memory",
            problem,
            "see who has it: docker stats --no-stream; ps aux --sort=-rss | head",
        )
        .into());
    }
    Ok(Answer::Well)
}

/// The kernel keeps some of what is built in: an 8 GiB machine shows 7.6. An eighth is allowed for.
fn below(total: u64, nominal: u64) -> bool {
    total < nominal - nominal / 8
}
