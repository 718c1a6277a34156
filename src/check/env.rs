//! The env file.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Facts, NotKnown};

pub(super) const SYNTAX: Check =
    Check { id: "env.syntax", title: "every line of the env file can be read", preflight: true, ask: syntax };
pub(super) const PERMISSIONS: Check =
    Check { id: "env.permissions", title: "only its owner may read the env file", preflight: true, ask: permissions };

const NO_FILE: &str = "there is no env file yet";

fn syntax(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped(NO_FILE));
    }
    let path = env.path.display();
    let finding = |line: &crate::facts::Line| {
        let problem = format!("{path}, line {}: {}", line.line, line.what);
        let hint = "mend that line: every value is KEY=value, in '…' when it holds blanks or $";
        Finding::fail(format!("line {}", line.line), problem, hint)
    };
    Ok(env.problems.iter().map(finding).collect::<Vec<_>>().into())
}

fn permissions(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    let Some(mode) = env.mode else { return Ok(Answer::skipped(NO_FILE)) };
    let others = mode & 0o077;
    if others == 0 {
        return Ok(Answer::Well);
    }
    let path = env.path.display();
    let problem = format!("{path} has mode {mode:o}: others on this machine can read the passwords in it");
    let fix = Fix::Chmod { path: env.path.clone(), mode: 0o600 };
    Ok(Finding::warn(path.to_string(), problem, format!("run: sudo chmod 600 {path}")).fix(fix).into())
}
