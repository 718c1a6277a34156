//! Data that exists already.

use super::{Answer, Check, Finding};
use crate::facts::{Facts, NotKnown};

pub(super) const PASSWORD: Check = Check {
    id: "data.password",
    title: "the password of the existing database is known",
    preflight: true,
    ask: password,
};

/// Postgres takes its password only while its volume is empty: a new one would lock everybody out.
fn password(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if env.has("TARS_POSTGRES_PASSWORD") {
        return Ok(Answer::Well);
    }
    let Some(engine) = facts.engine.known()?.answers() else {
        return Ok(Answer::skipped("the engine does not answer, so that its volumes do not show"));
    };
    let volumes = facts.volumes.known()?.iter().filter(|volume| volume.key == "postgres_data");
    let names: Vec<_> = volumes.map(|volume| volume.name.as_str()).collect();
    if names.is_empty() {
        return Ok(Answer::Well);
    }
    let path = env.path.display();
    let missing =
        if env.present() { format!("{path} has no TARS_POSTGRES_PASSWORD") } else { format!("{path} is gone") };
    let problem =
        format!("the database volume {} exists, but {missing}: a new password would not open it", names.join(", "));
    let hint = format!(
        "put the old env file back, from a copy; while the old container \
         still exists it shows the password too: docker inspect -f '{{{{range .Config.Env}}}}{{{{println .}}}}{{{{end}}}}' {}-postgres; \
         if the data (below {}) may go: tars --home {} uninstall --delete-data {}",
        env.project(),
        engine.root,
        env.path.parent().unwrap_or(&env.path).display(),
        env.project()
    );
    Ok(Finding::fail(names[0], problem, hint).into())
}
