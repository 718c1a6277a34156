//! Data that exists already.

use super::space::human;
use super::{Answer, Check, Finding, Fix, service};
use crate::client::ollama::same_model;
use crate::facts::{Facts, Inside, NotKnown};

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

pub(super) const MOUNT: Check = Check {
    id: "data.mount",
    title: "every server writes to the volume that the settings name",
    preflight: false,
    ask: mount,
};
pub(super) const VOLUME: Check = Check {
    id: "data.volume",
    title: "the volumes with the data are there and belong to their servers",
    preflight: false,
    ask: volume,
};
pub(super) const POSTGRES: Check = Check {
    id: "data.postgres",
    title: "the database takes the password of the settings",
    preflight: false,
    ask: postgres,
};
pub(super) const REDIS: Check =
    Check { id: "data.redis", title: "the data that Redis is given is kept", preflight: false, ask: redis };
pub(super) const COLLECTION: Check = Check {
    id: "data.collection",
    title: "the index holds a vector for every piece of the documents",
    preflight: false,
    ask: collection,
};

/// Writers put vectors into the index first and count them after; so many may be on their way.
const ON_THE_WAY: u64 = 64;
/// The backend runs as this user and keeps originals and logs.
const BACKEND: u32 = crate::operate::backend_image::OWNER;

fn mount(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    let all = match service::expected(facts)? {
        Err(answer) => return Ok(answer),
        Ok(all) => all,
    };
    let mut found = Vec::new();
    for (service, container) in all.iter().filter_map(|(service, it)| Some((*service, (*it)?))) {
        for row in service.volumes {
            let (want, mounted) =
                (env.get(row.setting), container.mounts.iter().find(|mount| mount.destination == row.path));
            let problem = match mounted {
                None => format!(
                    "{} has nothing mounted at {}: what it writes is gone with its container",
                    service.name, row.path
                ),
                Some(mount) if mount.volume != want && !want.is_empty() => {
                    let other = if mount.volume.is_empty() { &mount.source } else { &mount.volume };
                    format!("{} writes to {other}, the settings name {want} ({})", service.name, row.setting)
                }
                Some(_) => continue,
            };
            let hint = "save what is there first (docker cp), then make the container anew from the settings: sudo tars restart";
            found.push(Finding::fail(service.name, problem, hint).of(service.name).fix(Fix::RestartStack));
        }
    }
    let mounted_well = |name: &str| !found.iter().any(|finding: &Finding| finding.about == name);
    // Only root sees it; what is mounted can be judged without it.
    let beside = facts.beside.known().map(Vec::as_slice).unwrap_or_default();
    let beside: Vec<_> = beside.iter().filter(|beside| mounted_well(&beside.service)).collect();
    for beside in beside {
        let problem = format!(
            "{} keeps data beside its volume, at {}: it is in no backup and gone with the container",
            beside.service,
            beside.paths.join(", ")
        );
        let hint = format!(
            "save it first: docker cp {}-{}:{} .  then find what sends it there (an edited compose file, another image) and: sudo tars restart",
            env.project(),
            beside.service,
            beside.paths[0]
        );
        found.push(Finding::fail(&beside.service, problem, hint).of(&beside.service));
    }
    if let Some(dir) = facts.redis.known().ok().and_then(|redis| redis.info.get("dir")).filter(|dir| *dir != "/data") {
        let problem = format!("redis keeps its files in {dir}, not on its volume: they are gone with its container");
        found.push(
            Finding::fail("redis", problem, "take the setting dir out of what you gave redis, then: sudo tars restart")
                .of("redis"),
        );
    }
    Ok(found.into())
}

fn volume(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let volumes = facts.volumes.known()?;
    let filled = *facts.filled.known()?;
    let rootless = facts.engine.known()?.answers().is_some_and(|engine| engine.rootless);
    let mut found = Vec::new();
    for service in env.services_wanted() {
        for row in service.volumes {
            let name = env.get(row.setting);
            let there = volumes.iter().find(|volume| volume.key == row.key && volume.live);
            found.extend(match there {
                None if filled && row.generations => Some(gone(service.name, name)),
                Some(it)
                    if filled
                        && row.generations
                        && it.inside.as_ref().is_some_and(|inside| inside.empty)
                        && keeps_files(row.key) =>
                {
                    Some(emptied(service.name, name))
                }
                Some(it) if !rootless => {
                    it.inside.as_ref().and_then(|inside| wrong_owner(service.name, row.key, name, inside))
                }
                _ => None,
            });
        }
    }
    for lost in facts.undo_gone.known()? {
        let problem =
            format!("the volume {lost} of the generation before is gone: the last restore cannot be undone any more");
        let hint = "an archive brings that data back: tars restore lists them; keep docker volume prune away from stopped stacks";
        found.push(Finding::warn(lost, problem, hint));
    }
    Ok(found.into())
}

/// Every server but the backend writes something at its first start; nobody has to have sent a document.
fn keeps_files(key: &str) -> bool {
    key != "documents"
}

fn back(service: &str) -> String {
    format!(
        "bring {service} back from an archive: sudo tars restore --backup-file latest; before that restore: sudo tars restore --undo"
    )
}

fn gone(service: &str, name: &str) -> Finding {
    let problem =
        format!("the volume {name} with the data of {service} is gone: a start would make an empty one in its place");
    Finding::fail(name, problem, back(service)).of(service)
}

fn emptied(service: &str, name: &str) -> Finding {
    let problem = format!("the volume {name} of {service} is empty, and held data before");
    Finding::fail(name, problem, back(service)).of(service)
}

/// Who a volume belongs to where that is known: the backend's user; for Postgres, which refuses any other, the owner of
/// its own files, and never root.
fn wrong_owner(service: &str, key: &str, name: &str, inside: &Inside) -> Option<Finding> {
    let wrong = match key {
        "documents" | "backend_logs" => inside.uid != BACKEND || inside.file_uid.is_some_and(|uid| uid != BACKEND),
        "postgres_data" => !inside.empty && (inside.uid == 0 || inside.file_uid.is_some_and(|uid| uid != inside.uid)),
        _ => false,
    };
    wrong.then(|| {
        let problem = format!(
            "the volume {name} of {service} belongs to another user (uid {}): {service} cannot use its data",
            inside.uid
        );
        let fix = Fix::Chown { service: service.to_owned(), volume: name.to_owned() };
        Finding::fail(name, problem, "let tars give it back: sudo tars doctor --fix").of(service).fix(fix)
    })
}

fn postgres(facts: &Facts) -> Result<Answer, NotKnown> {
    if !facts.env.known()?.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let Some(why) = &facts.postgres.known()?.refused else { return Ok(Answer::Well) };
    let problem =
        format!("Postgres refuses the login of the env file ({why}): the backend has no data after its next start");
    let hint = "put the old password back into TARS_POSTGRES_PASSWORD; or have the database take the one that stands there: sudo tars doctor --fix --only data.postgres --yes";
    Ok(Finding::fail("postgres", problem, hint).of("postgres").fix(Fix::SetPassword).into())
}

fn redis(facts: &Facts) -> Result<Answer, NotKnown> {
    if !facts.env.known()?.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let redis = facts.redis.known()?;
    if let Some(why) = &redis.refused {
        let problem = format!("Redis refuses the password of the env file ({why}): it was started with another one");
        let services = vec!["redis".to_owned(), "backend".to_owned()];
        let hint = "start both anew with the password that stands there: sudo tars restart";
        return Ok(Finding::fail("redis", problem, hint)
            .of("redis")
            .fix(Fix::Recreate { services, interrupts: true })
            .into());
    }
    let failing = ["rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"]
        .into_iter()
        .filter(|key| redis.info.get(*key).is_some_and(|value| value == "err"));
    let failing: Vec<_> = failing.collect();
    if !failing.is_empty() {
        let problem = format!(
            "Redis cannot write its data ({}): it refuses writes, and what it has is lost with its next end",
            failing.join(", ")
        );
        let hint = "see why (tars logs redis): mostly a full disk or files of another user below /data; then restart it: docker restart NAME";
        return Ok(Finding::fail("redis", problem, hint)
            .of("redis")
            .fix(Fix::Restart { service: "redis".to_owned(), interrupts: false })
            .into());
    }
    if redis.info.get("aof_enabled").is_some_and(|value| value == "0") {
        let problem = "Redis was told to keep no log of its writes (appendonly no): sessions and queues since the last snapshot are lost with its end";
        let fix = Fix::Restart { service: "redis".to_owned(), interrupts: true };
        return Ok(Finding::fail("redis", problem, "take it back: docker restart NAME starts it as shipped")
            .of("redis")
            .fix(fix)
            .into());
    }
    let number = |key: &str| redis.info.get(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
    let (used, most) = (number("used_memory"), number("maxmemory"));
    if most > 0 && used > most - most / 20 {
        let problem = format!(
            "Redis holds {} of the {} that it may: when it is full it refuses writes",
            human(used),
            human(most)
        );
        return Ok(Finding::warn(
            "redis",
            problem,
            "raise TARS_REDIS_MAXMEMORY in the env file, then: sudo tars restart",
        )
        .of("redis")
        .into());
    }
    Ok(Answer::Well)
}

fn collection(facts: &Facts) -> Result<Answer, NotKnown> {
    let env = facts.env.known()?;
    if !env.present() {
        return Ok(Answer::skipped("no stack is installed here"));
    }
    let (postgres, chroma) = (facts.postgres.known()?, facts.chroma.known()?);
    let Some(holds) = &postgres.holds else { return Ok(Answer::skipped("the backend has not made its tables yet")) };
    let Some(serving) = holds.serving.as_ref().filter(|_| holds.vectors > 0) else {
        return Ok(Answer::Well);
    };
    let again = Fix::Restart { service: "backend".to_owned(), interrupts: true };
    let again_hint = "have the backend bring in what is missing, which it does at its start: sudo tars restart; or make the index anew: sudo tars reindex";
    let about = &serving.collection;
    let Some(found) = chroma.collections.iter().find(|collection| collection.name == *about) else {
        let problem = format!(
            "the collection {about} is not in Chroma, and Postgres knows of {} vectors in it: documents are found by their words alone",
            holds.vectors
        );
        return Ok(Finding::fail(about, problem, again_hint).of("chromadb").fix(again).into());
    };
    if found.ids == 0 || found.ids + ON_THE_WAY < holds.vectors {
        let problem = format!(
            "the collection {about} holds {} of the {} vectors that Postgres knows of: what is missing is not found by its meaning",
            found.ids, holds.vectors
        );
        return Ok(Finding::fail(about, problem, again_hint).of("chromadb").fix(again).into());
    }
    if let Some(dimension) = found.dimension.filter(|dimension| *dimension != serving.dimension) {
        let problem = format!(
            "the vectors in {about} have {dimension} numbers, those of {} have {}: no search by meaning can work",
            serving.model, serving.dimension
        );
        return Ok(Finding::fail(about, problem, "make the index anew: sudo tars reindex").of("chromadb").into());
    }
    if let Some(torn) = torn(facts, about)? {
        return Ok(torn.into());
    }
    if found.ids < holds.vectors {
        let problem = format!(
            "the collection {about} holds {} of {} vectors; a few may be on their way",
            found.ids, holds.vectors
        );
        return Ok(Finding::warn(about, problem, "look again in a minute; if it stays: sudo tars restart")
            .of("chromadb")
            .into());
    }
    let chosen = env.get("TARS_EMBED_MODEL");
    if !chosen.is_empty() && chosen != "none" && !same_model(chosen, &serving.model) {
        let problem = format!(
            "the vectors in {about} are of {}, the settings name {chosen}: nothing uses it before the index is made anew",
            serving.model
        );
        return Ok(Finding::warn(
            about,
            problem,
            "make the index anew with it (sudo tars reindex), or put the old name back",
        )
        .of("chromadb")
        .into());
    }
    Ok(Answer::Well)
}

/// Ids that have lost their vectors; only a deep look shows them.
fn torn(facts: &Facts, about: &str) -> Result<Option<Finding>, NotKnown> {
    let Some(deep) = facts.deep.known()? else { return Ok(None) };
    let vectors = deep.vectors.known().map(Vec::as_slice).unwrap_or_default();
    Ok(vectors.iter().find(|it| it.collection == about && it.vectors < it.ids).map(|it| {
        let seen = super::model::age(deep.at, facts.gathered_at);
        let problem = format!("{} of {} ids in {about} have lost their vectors (looked {seen}): a torn copy of Chroma's files", it.ids - it.vectors, it.ids);
        let hint = "make the index anew (sudo tars reindex), or bring chromadb back: sudo tars restore --component chromadb --backup-file latest; then: sudo tars doctor --deep";
        Finding::fail(about, problem, hint).of("chromadb")
    }))
}
