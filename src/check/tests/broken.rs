//! For each check the fact that breaks it, and what is then said.

use super::super::{Severity, blocking};
use super::*;
use serde_json::json;

const GIB: u64 = 1 << 30;

/// id, the facts that break it, how bad that is, and words of problem and hint.
pub(super) type Case = (&'static str, Vec<(&'static str, serde_json::Value)>, Severity, &'static str, &'static str);

#[expect(clippy::too_many_lines, reason = "a table: one row for each way to be broken")]
fn cases() -> Vec<Case> {
    use Severity::{Fail, Warn};
    let silent =
        json!({"state": {"silent": "no Docker engine runs on this machine"}, "installed": [{"package": "docker.io"}]});
    let none = json!({"state": {"silent": "no Docker engine runs on this machine"}, "installed": []});
    let lacking = ("/images/known/0/present", json!(null));
    let old = json!({"project": "deploy", "containers": [["tars-home-postgres", true], ["tars-home-chromadb", true]],
        "volumes": ["deploy_postgres_data"], "folder": "/srv/deploy", "env_file": "/srv/deploy/tars-home.env"});
    vec![
        (
            "host.os",
            vec![("/host/known/os_version", json!("11"))],
            Warn,
            "is none of Ubuntu",
            "nothing has to be installed",
        ),
        (
            "host.os",
            vec![("/host/known/os_version", json!("11")), ("/engine/known", none.clone())],
            Fail,
            "would have to be installed",
            "install Docker Engine",
        ),
        ("host.arch", vec![("/host/known/arch", json!("aarch64"))], Fail, "aarch64", "64-bit Intel"),
        (
            "host.rights",
            vec![("/host/known/uid", json!(1000)), ("/compose/known", json!(null))],
            Fail,
            "may not install",
            "sudo tars install",
        ),
        (
            "host.rights",
            vec![("/host/known/uid", json!(1000)), ("/home_disk/known/write", json!("not_permitted"))],
            Fail,
            "/opt/tars",
            "sudo",
        ),
        ("memory.available", vec![("/memory/known/total", json!(GIB))], Fail, "1 GiB", "memory"),
        (
            "memory.available",
            vec![("/memory/known/total", json!(6 * GIB))],
            Warn,
            "8 GiB are comfortable",
            "--ollama-url",
        ),
        ("engine.installed", vec![("/engine/known", none)], Fail, "no Docker engine is installed", "tars install"),
        (
            "engine.running",
            vec![("/engine/known", silent)],
            Fail,
            "though the package docker.io is installed",
            "systemctl start docker",
        ),
        (
            "engine.running",
            vec![("/engine/known/state", json!({"remote": "DOCKER_HOST is elsewhere"}))],
            Fail,
            "elsewhere",
            "unset DOCKER_HOST",
        ),
        (
            "engine.permission",
            vec![("/engine/known/state", json!({"not_permitted": "refuses this user"}))],
            Fail,
            "refuses",
            "usermod -aG docker",
        ),
        (
            "engine.snap",
            vec![("/engine/known/state/answers/root", json!("/var/snap/docker/common/var-lib-docker"))],
            Fail,
            "hides /opt and /mnt",
            "snap remove docker",
        ),
        (
            "engine.snap",
            vec![("/engine/known/installed", json!([{"package": "docker.io"}, "snap"]))],
            Warn,
            "beside",
            "snap remove docker",
        ),
        (
            "engine.version",
            vec![("/engine/known/state/answers/version", json!("19.03.15"))],
            Fail,
            "19.03.15",
            "upgrade",
        ),
        ("compose.installed", vec![("/compose/known", json!(null))], Fail, "neither", "docker-compose-v2"),
        ("compose.installed", vec![("/compose/known/version", json!("1.25.0"))], Fail, "1.25.0", "tars install"),
        (
            "compose.installed",
            vec![("/compose/known/version", json!("1.29.2")), ("/engine/known/state/answers/version", json!("29.1.3"))],
            Fail,
            "too old to speak",
            "docker-compose-v2",
        ),
        ("home.other", vec![("/other_homes/known", json!(["/srv/tars"]))], Fail, "/srv/tars", "--home /srv/tars"),
        ("home.permissions", vec![("/home/known/owned/mode", json!(0o777))], Warn, "mode 777", "chmod 755 /opt/tars"),
        ("home.permissions", vec![("/home/known/owned/uid", json!(1000))], Warn, "user 1000", "chown root:"),
        ("home.writable", vec![("/home_disk/known/read_only", json!(true))], Fail, "read-only", "--home DIR"),
        (
            "home.writable",
            vec![("/home_disk/known/write", json!({"failed": "No space left on device"}))],
            Fail,
            "No space left",
            "--home DIR",
        ),
        (
            "env.syntax",
            vec![("/env/known/problems", json!([{"line": 7, "what": "the quote is never closed"}]))],
            Fail,
            "tars-home.env, line 7: the quote",
            "KEY=value",
        ),
        ("env.permissions", vec![("/env/known/mode", json!(0o644))], Warn, "mode 644", "chmod 600"),
        (
            "data.password",
            vec![("/env/known/settings/TARS_POSTGRES_PASSWORD/set", json!(false))],
            Fail,
            "tars-home_postgres_data exists",
            "docker inspect",
        ),
        (
            "data.password",
            vec![("/env/known/mode", json!(null)), ("/env/known/settings", json!({}))],
            Fail,
            "is gone",
            "uninstall --delete-data tars-home",
        ),
        ("journal.pending", vec![("/journal/known/present", json!(true))], Warn, "cut off", "sudo tars start"),
        ("legacy.deployment", vec![("/legacy/known", old)], Fail, "compose project deploy", "pg_dump"),
        (
            "port.conflict",
            vec![("/ports/known/0/holder", json!({"process": {"pid": 7, "name": "nginx"}}))],
            Fail,
            "nginx (7)",
            "TARS_PORT_API=8001",
        ),
        (
            "port.conflict",
            vec![("/ports/known/0/holder", json!({"container": {"name": "web", "project": "shop"}}))],
            Fail,
            "web of the project shop",
            "docker stop web",
        ),
        (
            "port.conflict",
            vec![("/ports/known/0/holder", json!("no_such_address"))],
            Fail,
            "not an address",
            "TARS_BIND",
        ),
        (
            "port.conflict",
            vec![("/ports/known/0/port", json!(null)), ("/ports/known/0/value", json!("x"))],
            Fail,
            "no port",
            "65535",
        ),
        ("disk.space", vec![("/engine_disk/known/free", json!(GIB / 4))], Fail, "still to come", "data-root"),
        ("disk.space", vec![("/engine_disk/known/free", json!(GIB))], Warn, "tight", "data-root"),
        ("disk.inodes", vec![("/engine_disk/known/inodes_free", json!(5000))], Fail, "5000 more files", "du --inodes"),
        (
            "registry.reachable",
            vec![lacking.clone(), ("/registry/known", json!({"too_many": 30}))],
            Warn,
            "429",
            "in 30 s",
        ),
        (
            "registry.reachable",
            vec![lacking.clone(), ("/registry/known", json!({"answers": 502}))],
            Warn,
            "HTTP 502",
            "proxy",
        ),
        (
            "registry.reachable",
            vec![lacking, ("/registry/known", json!({"unreachable": {"why": "no route", "timed_out": false}}))],
            Warn,
            "no route",
            "--images FILE",
        ),
        ("gpu.driver", vec![("/gpu/known/driver", json!(null))], Warn, "0000:01:00.0", "nvidia-driver"),
        ("gpu.runtime", vec![("/gpu/known/toolkit", json!(false))], Warn, "toolkit is not installed", "--cpu-only"),
        (
            "gpu.runtime",
            vec![("/engine/known/state/answers/runtimes", json!(["runc"]))],
            Warn,
            "not told",
            "nvidia-ctk runtime configure",
        ),
    ]
}

#[test]
fn every_check_finds_what_is_broken_and_says_what_to_do() {
    for (id, changes, severity, problem, hint) in cases().into_iter().chain(super::nas::cases()).chain(ills::cases()) {
        let answer = ask(id, &changed(&changes));
        let found = only(&answer);
        assert!(found.0.contains(problem) && found.1.contains(hint), "{id}: {answer:#?}");
        assert_eq!(answer.findings()[0].severity, severity, "{id}: {answer:#?}");
    }
}

#[test]
fn no_check_is_without_a_broken_case() {
    let cases: Vec<_> = cases().into_iter().chain(super::nas::cases()).chain(ills::cases()).collect();
    for check in ALL {
        assert!(cases.iter().any(|(id, ..)| *id == check.id), "{} is never seen failing", check.id);
    }
}

#[test]
fn a_missing_engine_is_one_finding_and_can_be_mended() {
    let facts = changed(&[
        ("/engine/known", json!({"state": {"silent": "no engine"}, "installed": []})),
        ("/containers", json!({"unknown": "no engine"})),
        ("/other_homes", json!({"unknown": "no engine"})),
        ("/volumes", json!({"unknown": "no engine"})),
        ("/images", json!({"unknown": "no engine"})),
        ("/legacy", json!({"unknown": "no engine"})),
        ("/ports/known/0/holder", json!("nobody")),
    ]);
    let outcomes = run(ALL, &facts);
    let found: Vec<_> =
        outcomes.iter().filter(|outcome| !outcome.answer.findings().is_empty()).map(|outcome| outcome.id).collect();
    assert_eq!(found, ["engine.installed"]);
    assert_eq!(blocking(&outcomes).count(), 0);
    assert_eq!(fix(&ask("engine.installed", &facts)), Some(&Fix::InstallEngine));
}

#[test]
fn a_port_that_nobody_chose_moves_to_the_next_free_one() {
    let taken = ("/ports/known/0/holder", json!({"process": {"pid": 7, "name": "nginx"}}));
    let answer = ask("port.conflict", &changed(&[taken, ("/env/known/settings/TARS_PORT_API/chosen", json!(false))]));
    assert_eq!(answer.findings()[0].severity, Severity::Warn);
    assert_eq!(fix(&answer), Some(&Fix::UsePort { setting: "TARS_PORT_API".into(), port: 8001 }));
}

#[test]
fn a_port_that_may_be_ours_is_not_judged_without_the_containers() {
    let facts =
        changed(&[("/ports/known/0/holder", json!("unseen")), ("/containers", json!({"unknown": "not permitted"}))]);
    assert!(matches!(ask("port.conflict", &facts), Answer::Unknown(why) if why.contains("not permitted")));
}

#[test]
fn what_does_not_apply_is_skipped_with_its_reason() {
    let skipped = |id: &str, pointer: &str, value: serde_json::Value| match with(id, pointer, value) {
        Answer::Skipped(why) => why,
        other => panic!("{id}: {other:?}"),
    };
    assert!(skipped("gpu.driver", "/env/known/settings/TARS_GPU/value", json!("off")).contains("TARS_GPU=off"));
    assert!(skipped("gpu.runtime", "/env/known/settings/TARS_LLM/value", json!("url")).contains("TARS_LLM=url"));
    assert!(
        skipped(
            "gpu.driver",
            "/gpu/known",
            json!({"cards": [], "driver": null, "nvidia_smi": false, "toolkit": false})
        )
        .contains("no NVIDIA GPU")
    );
    assert!(skipped("registry.reachable", "/registry/known", json!("not_asked")).contains("not asked"));
    assert!(skipped("env.permissions", "/env/known/mode", json!(null)).contains("no env file"));
    assert!(skipped("home.permissions", "/home/known/owned", json!(null)).contains("not exist"));
    assert!(
        skipped("journal.pending", "/journal/known", json!({"present": true, "lock_holder": 7})).contains("process 7")
    );
}

#[test]
fn retrieval_only_from_packages_needs_little_disk() {
    let little = ("/engine_disk/known/free", json!(4 * GIB));
    let none = ("/env/known/settings/TARS_LLM/value", json!("none"));
    let offline = ("/registry/known", json!({"unreachable": {"why": "no route", "timed_out": false}}));
    assert_eq!(ask("disk.space", &changed(&[little.clone(), none])), Answer::Well);
    assert_eq!(ask("disk.space", &changed(&[little, offline, ("/images/known", json!([]))])), Answer::Well);
}

#[test]
fn images_that_do_not_show_make_a_full_disk_a_warning() {
    let facts =
        changed(&[("/engine_disk/known/free", json!(5 * GIB)), ("/images", json!({"unknown": "not permitted"}))]);
    assert_eq!(ask("disk.space", &facts).findings()[0].severity, Severity::Warn);
}

#[test]
fn the_old_deployment_is_saved_before_it_goes() {
    let old = json!({"project": "deploy", "containers": [["tars-home-chromadb", true], ["tars-home-redis", false]], "volumes": [], "folder": null, "env_file": null});
    let answer = with("legacy.deployment", "/legacy/known", old);
    let (_, hint) = only(&answer);
    let at = |text: &str| hint.find(text).unwrap_or_else(|| panic!("no {text} in {hint}"));
    assert!(at("docker cp tars-home-chromadb:/data") < at("docker rm tars-home-chromadb"));
    assert!(at("redis-cli SAVE") < at("docker rm") && !hint.contains("pg_dump"));
}

#[test]
fn a_port_of_the_old_deployment_is_not_said_twice() {
    let old = json!({"project": "deploy", "containers": [["tars-home-backend", true]], "volumes": [], "folder": null, "env_file": null});
    let holder = json!({"container": {"name": "tars-home-backend", "project": "deploy"}});
    assert_eq!(
        ask("port.conflict", &changed(&[("/legacy/known", old), ("/ports/known/0/holder", holder)])),
        Answer::Well
    );
}
