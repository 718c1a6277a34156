//! What can be wrong with an installed stack: each check with the fact that breaks it.

use super::super::Severity;
use super::broken::Case;
use super::*;
use serde_json::json;

#[expect(clippy::too_many_lines, reason = "a table: one row for each way to be broken")]
pub(super) fn cases() -> Vec<Case> {
    use Severity::{Fail, Warn};
    let container = |n: usize, field: &str| -> &'static str { format!("/containers/known/{n}/{field}").leak() };
    let setting = |key: &str, field: &str| -> &'static str { format!("/env/known/settings/{key}/{field}").leak() };
    let place = json!({"unusable": "/mnt/usb is not there"});
    vec![
        ("env.file", vec![("/env/known/mode", json!(null))], Fail, "is gone", "tars install"),
        (
            "env.file",
            vec![("/env/known/mode", json!(null)), ("/home/known/newest", json!(null))],
            Fail,
            "no stack is installed in /opt/tars",
            "sudo tars install",
        ),
        (
            "env.required",
            vec![(setting("TARS_JWT_SECRET", "set"), json!(false))],
            Fail,
            "TARS_JWT_SECRET",
            "doctor --fix",
        ),
        ("env.required", vec![(setting("TARS_ENCRYPTION_KEY", "set"), json!(false))], Fail, "is empty", "old value"),
        (
            "env.required",
            vec![(setting("TARS_VOLUME_REDIS", "set"), json!(false))],
            Fail,
            "is empty",
            "generations.json",
        ),
        ("env.required", vec![(setting("TARS_IMAGE_REDIS", "set"), json!(false))], Fail, "is empty", "tars install"),
        (
            "env.duplicate",
            vec![("/env/known/duplicates", json!({"LOG_LEVEL": [3, 9]}))],
            Warn,
            "lines 3, 9",
            "all but one",
        ),
        (
            "env.placeholder",
            vec![(setting("TARS_JWT_SECRET", "flaw"), json!("placeholder"))],
            Fail,
            "never filled in",
            "generate",
        ),
        (
            "env.weak",
            vec![(setting("TARS_REDIS_PASSWORD", "flaw"), json!({"short": 6}))],
            Warn,
            "has 6 characters",
            "tars restart",
        ),
        (
            "env.weak",
            vec![(setting("TARS_POSTGRES_PASSWORD", "flaw"), json!({"same_as": "TARS_JWT_SECRET"}))],
            Warn,
            "the same as TARS_JWT_SECRET",
            "doctor --fix",
        ),
        (
            "home.folders",
            vec![("/home/known/missing", json!(["/opt/tars/support"]))],
            Fail,
            "/opt/tars/support",
            "mkdir -p",
        ),
        ("home.folders", vec![("/folder/known/there", json!(false))], Fail, "TARS_DOCS_DIR", "mkdir -p /mnt/llm_docs"),
        (
            "home.permissions",
            vec![("/home/known/loose", json!([["/opt/tars/state/on_result.json", 0o644]]))],
            Warn,
            "mode 644",
            "chmod 600",
        ),
        (
            "compose.valid",
            vec![("/files/known/absent", json!(["docker-compose.home.yml"]))],
            Fail,
            "not there",
            "tars install",
        ),
        (
            "compose.valid",
            vec![("/files/known/refusal", json!({"refused": "yaml: line 3"}))],
            Fail,
            "yaml: line 3",
            "mend",
        ),
        (
            "compose.edited",
            vec![("/files/known/shapes", json!({"docker-compose.home.yml": {"edited": 4}}))],
            Warn,
            "4 lines",
            "of your own",
        ),
        (
            "port.exposed",
            vec![(container(2, "ports"), json!([{"address": "0.0.0.0", "host": 5432, "container": 5432}]))],
            Fail,
            "postgres is published at 0.0.0.0:5432",
            "127.0.0.1",
        ),
        ("port.exposed", vec![("/network/known/public", json!(["8.8.4.4"]))], Warn, "8.8.4.4:8000", "TARS_BIND"),
        (
            "port.exposed",
            vec![
                (container(4, "ports"), json!([{"address": "::", "host": 8000, "container": 8000}])),
                ("/network/known/public", json!(["2a01::1"])),
            ],
            Warn,
            "[2a01::1]:8000",
            "TARS_BIND",
        ),
        (
            "disk.space",
            vec![("/backups/known/place/known", json!({"usable": {"free": 1000, "id": 2}}))],
            Fail,
            "the next backup",
            "backup prune",
        ),
        ("memory.available", vec![("/memory/known/available", json!(1000))], Warn, "can be had now", "docker stats"),
        (
            "clock.skew",
            vec![("/home/known/newest", json!(["/opt/tars/state/x", "2026-11-21T12:00:00Z"]))],
            Warn,
            "set back",
            "set-ntp",
        ),
        (
            "clock.skew",
            vec![("/gathered_at", json!("2001-01-01T00:00:00Z"))],
            Fail,
            "before this program was made",
            "set-ntp",
        ),
        ("clock.skew", vec![("/api/known/health/known/ahead_s", json!(-90))], Warn, "differ by 90 s", "set-ntp"),
        ("gpu.driver", vec![("/gpu/known/library", json!("580.95.05"))], Warn, "its library 580.95.05", "reboot"),
        ("gpu.container", vec![(container(0, "gpus"), json!(false))], Warn, "without the GPU", "tars restart"),
        (
            "gpu.container",
            vec![
                ("/models/known/cards", json!({"none": "Failed to initialize NVML"})),
                (setting("TARS_GPU", "value"), json!("on")),
            ],
            Fail,
            "has lost it (Failed to initialize NVML)",
            "tars restart",
        ),
        (
            "gpu.used",
            vec![("/models/known/loaded", json!([["llama3.2:3b", "48%/52% CPU/GPU"]]))],
            Warn,
            "48%/52% CPU/GPU",
            "smaller model",
        ),
        ("service.missing", vec![(container(3, "labels"), json!({}))], Fail, "redis has no container", "tars start"),
        ("service.missing", vec![("/containers/known", json!([]))], Fail, "no service of the stack", "tars start"),
        (
            "service.stopped",
            vec![(container(3, "status"), json!("exited"))],
            Fail,
            "redis does not run",
            "tars logs redis",
        ),
        ("service.stopped", vec![(container(3, "status"), json!("paused"))], Fail, "frozen", "docker unpause"),
        (
            "service.restarting",
            vec![(container(2, "status"), json!("restarting"))],
            Fail,
            "again and again",
            "tars logs postgres",
        ),
        (
            "service.restarting",
            vec![(container(2, "restarts"), json!(9)), (container(2, "started_at"), json!("2026-11-21T08:59:30Z"))],
            Fail,
            "restarted 9 times",
            "tars logs postgres",
        ),
        ("service.oom", vec![(container(1, "oom_killed"), json!(true))], Warn, "want of memory", "smaller model"),
        (
            "service.oom",
            vec![(container(1, "oom_killed"), json!(true)), (container(1, "status"), json!("exited"))],
            Fail,
            "chromadb was killed",
            "tars start",
        ),
        (
            "service.unhealthy",
            vec![("/live/known/1/how", json!("silent"))],
            Fail,
            "does not answer it",
            "docker restart tars-home-chromadb",
        ),
        (
            "service.unhealthy",
            vec![("/live/known/3/how", json!({"failed": "NOAUTH"}))],
            Fail,
            "fails: NOAUTH",
            "tars logs redis",
        ),
        (
            "service.probe",
            vec![(
                container(1, "health"),
                json!({"status": "unhealthy", "last_output": "curl: not found", "failing": 7}),
            )],
            Warn,
            "curl: not found",
            "doctor --fix",
        ),
        ("service.image", vec![(container(3, "image"), json!("redis:6"))], Warn, "runs from redis:6", "tars restart"),
        (
            "service.image",
            vec![("/images/known/3/id", json!("sha256:other"))],
            Warn,
            "another image by now",
            "docker tag redis redis:7.2-alpine",
        ),
        ("service.image", vec![("/images/known/3/id", json!(null))], Fail, "not there any more", "tars install"),
        ("service.logs", vec![(container(3, "log_max"), json!(""))], Warn, "without bound", "max-size"),
        ("data.mount", vec![(container(3, "mounts"), json!([]))], Fail, "nothing mounted at /data", "docker cp"),
        (
            "data.mount",
            vec![(setting("TARS_VOLUME_REDIS", "value"), json!("tars-home_redis_data.g2"))],
            Fail,
            "writes to tars-home_redis_data, the settings name tars-home_redis_data.g2",
            "tars restart",
        ),
        (
            "data.mount",
            vec![("/beside/known", json!([{"service": "chromadb", "paths": ["/chroma/chroma.sqlite3"]}]))],
            Fail,
            "beside its volume, at /chroma/chroma.sqlite3",
            "docker cp tars-home-chromadb:/chroma/chroma.sqlite3",
        ),
        ("data.mount", vec![("/redis/known/info/dir", json!("/tmp"))], Fail, "in /tmp", "dir"),
        (
            "data.volume",
            vec![("/volumes/known/0/live", json!(false))],
            Fail,
            "tars-home_postgres_data with the data of postgres is gone",
            "restore",
        ),
        (
            "data.volume",
            vec![("/volumes/known/0/inside", json!({"empty": true, "uid": 70, "file_uid": null}))],
            Fail,
            "is empty",
            "tars restore --backup-file latest",
        ),
        (
            "data.volume",
            vec![("/volumes/known/0/inside", json!({"empty": false, "uid": 0, "file_uid": 0}))],
            Fail,
            "belongs to another user (uid 0)",
            "doctor --fix",
        ),
        (
            "data.volume",
            vec![("/undo_gone/known", json!(["tars-home_redis_data"]))],
            Warn,
            "cannot be undone",
            "tars restore lists",
        ),
        (
            "data.postgres",
            vec![("/postgres/known/refused", json!("password authentication failed"))],
            Fail,
            "authentication failed",
            "old password",
        ),
        ("data.redis", vec![("/redis/known/refused", json!("WRONGPASS"))], Fail, "WRONGPASS", "tars restart"),
        (
            "data.redis",
            vec![("/redis/known/info/rdb_last_bgsave_status", json!("err"))],
            Fail,
            "rdb_last_bgsave_status",
            "docker restart",
        ),
        ("data.redis", vec![("/redis/known/info/aof_enabled", json!("0"))], Fail, "appendonly no", "docker restart"),
        (
            "data.redis",
            vec![("/redis/known/info/used_memory", json!("536000000"))],
            Warn,
            "refuses writes",
            "TARS_REDIS_MAXMEMORY",
        ),
        ("data.collection", vec![("/chroma/known/collections", json!([]))], Fail, "is not in Chroma", "reindex"),
        ("data.collection", vec![("/chroma/known/collections/0/ids", json!(0))], Fail, "holds 0 of the 40", "reindex"),
        ("data.collection", vec![("/chroma/known/collections/0/ids", json!(39))], Warn, "39 of 40", "look again"),
        (
            "data.collection",
            vec![("/chroma/known/collections/0/dimension", json!(384))],
            Fail,
            "have 384 numbers",
            "tars reindex",
        ),
        (
            "data.collection",
            vec![("/deep/known/vectors/known/0/vectors", json!(30))],
            Fail,
            "10 of 40 ids",
            "doctor --deep",
        ),
        (
            "data.collection",
            vec![(setting("TARS_EMBED_MODEL", "value"), json!("all-minilm"))],
            Warn,
            "name all-minilm",
            "reindex",
        ),
        (
            "model.missing",
            vec![("/models/known/there", json!(["nomic-embed-text:latest"]))],
            Fail,
            "llama3.2:3b (OLLAMA_MODEL)",
            "model pull",
        ),
        (
            "model.missing",
            vec![
                (setting("TARS_LLM", "value"), json!("url")),
                (
                    "/api/known/ready/known/checks/ollama",
                    json!({"status": "failed", "error": "host:11434 does not have the model llama3.2:3b"}),
                ),
            ],
            Fail,
            "llama3.2:3b",
            "model pull",
        ),
        (
            "model.corrupt",
            vec![("/deep/known/corrupt/known", json!(["sha256-ab"]))],
            Fail,
            "sha256-ab",
            "tars model remove",
        ),
        (
            "api.health",
            vec![("/api/known/health", json!({"unknown": "connection refused"}))],
            Fail,
            "connection refused",
            "tars logs backend",
        ),
        (
            "api.ready",
            vec![("/api/known/ready/known/status", json!("unavailable"))],
            Fail,
            "cannot work",
            "tars status",
        ),
        (
            "api.ready",
            vec![("/api/known/ready/known/status", json!("degraded"))],
            Warn,
            "without a part",
            "tars status",
        ),
        (
            "api.auth",
            vec![("/weak_admins/known", json!(["admin"]))],
            Fail,
            "lets the administrator admin in",
            "tars user passwd admin",
        ),
        ("backup.recent", vec![("/backups/known/good", json!(null))], Warn, "no good backup", "tars backup"),
        (
            "backup.recent",
            vec![("/backups/known/good/created", json!("2026-11-19T03:15:00Z"))],
            Warn,
            "every night, but",
            "tars backup",
        ),
        (
            "backup.recent",
            vec![("/backups/known/last/exit", json!(1)), ("/backups/known/last/errors", json!(["the disk is full"]))],
            Fail,
            "exit 1: the disk is full",
            "tars backup",
        ),
        (
            "backup.verified",
            vec![("/backups/known/newest/verified", json!(false))],
            Warn,
            "never read again",
            "backup verify",
        ),
        (
            "backup.verified",
            vec![("/backups/known/newest/complete", json!(false))],
            Warn,
            "lacks a part",
            "tars backup",
        ),
        ("backup.drilled", vec![("/backups/known/drill", json!(null))], Warn, "ever rehearsed", "--drill"),
        ("backup.drilled", vec![("/backups/known/drill/1", json!(false))], Fail, "found the archive bad", "--drill"),
        (
            "backup.drilled",
            vec![("/backups/known/drill/0", json!("2026-10-01T03:30:00Z"))],
            Warn,
            "2026-10-01",
            "--drill",
        ),
        ("backup.schedule", vec![("/backups/known/schedule", json!(null))], Warn, "by itself", "TARS_BACKUP=none"),
        (
            "backup.schedule",
            vec![("/backups/known/schedule/gone", json!(["/etc/cron.d/tars-backup"]))],
            Fail,
            "/etc/cron.d/tars-backup is gone",
            "backup schedule",
        ),
        (
            "backup.schedule",
            vec![("/backups/known/schedule/started", json!(false))],
            Warn,
            "nothing on this machine",
            "install cron",
        ),
        (
            "backup.destination",
            vec![("/backups/known/place/known", place)],
            Fail,
            "/mnt/usb is not there",
            "TARS_BACKUP_DIR",
        ),
        (
            "backup.same_disk",
            vec![("/backups/known/place/known/usable/id", json!(1))],
            Warn,
            "same disk",
            "TARS_BACKUP_DIR",
        ),
        ("backup.key", vec![("/backups/known/key_at_risk", json!(true))], Warn, "dies with this disk", "--stack-key"),
        (
            "update.version",
            vec![("/versions/known/image", json!("tars-backend:1.0.13-ff"))],
            Warn,
            "1.0.13-ff",
            "tars restart",
        ),
        (
            "update.version",
            vec![("/versions/known/installed", json!("1.0.11"))],
            Warn,
            "version 1.0.11",
            "tars install",
        ),
        (
            "update.version",
            vec![("/files/known/shapes", json!({"docker-compose.home.yml": "older"}))],
            Warn,
            "another version",
            "tars install",
        ),
    ]
}

fn found(outcomes: &[super::super::Outcome]) -> Vec<&'static str> {
    outcomes.iter().filter(|outcome| !outcome.answer.findings().is_empty()).map(|outcome| outcome.id).collect()
}

/// What a dead server makes unknown or failing round it is one finding.
#[test]
fn a_dead_server_is_one_finding() {
    let facts = changed(&[
        ("/containers/known/2/status", json!("exited")),
        ("/postgres", json!({"unknown": "postgres does not run"})),
        ("/live/known", json!([{"service": "redis", "how": "well"}])),
        ("/api/known/ready/known/status", json!("unavailable")),
    ]);
    let outcomes = run(ALL, &facts);
    assert_eq!(found(&outcomes), ["service.stopped"]);
    assert!(outcomes.iter().all(|outcome| !matches!(outcome.answer, Answer::Unknown(_))), "{outcomes:#?}");
    assert!(outcomes.iter().filter(|outcome| outcome.fails()).count() == 1);
}

#[test]
fn a_server_that_hangs_is_one_finding() {
    let facts = changed(&[
        ("/live/known/2/how", json!("silent")),
        ("/postgres", json!({"unknown": "postgres did not answer within 2.8 s"})),
        ("/containers/known/2/health", json!({"status": "unhealthy", "last_output": "", "failing": 3})),
        ("/api/known/ready", json!({"unknown": "/ready did not answer within 4.5 s"})),
    ]);
    assert_eq!(found(&run(ALL, &facts)), ["service.unhealthy"]);
}

#[test]
fn a_full_disk_speaks_for_what_it_breaks() {
    let facts = changed(&[
        ("/engine_disk/known/free", json!(0)),
        ("/home_disk/known/free", json!(0)),
        ("/home_disk/known/write", json!({"failed": "No space left on device"})),
        ("/redis/known/info/aof_last_write_status", json!("err")),
        ("/backups/known/place/known", json!({"unusable": "No space left on device"})),
        (
            "/clutter/known",
            json!([{"what": {"image": "sha256:1"}, "name": "image tars-backend:1", "note": "n", "bytes": 30_000_000}]),
        ),
    ]);
    let outcomes = run(ALL, &facts);
    assert_eq!(found(&outcomes), ["disk.space"]);
    let space = outcomes.iter().find(|outcome| outcome.id == "disk.space").unwrap();
    assert!(space.answer.findings()[0].hint.contains("tars clean"), "{space:?}");
}

#[test]
fn before_an_installation_only_that_is_said() {
    let facts = changed(&[
        ("/env/known/mode", json!(null)),
        ("/env/known/settings", json!({})),
        ("/home/known/owned", json!(null)),
        ("/home/known/newest", json!(null)),
        ("/containers/known", json!([])),
        ("/volumes/known", json!([])),
        ("/filled/known", json!(false)),
    ]);
    assert_eq!(found(&run(super::super::doctor(), &facts)), ["env.file"]);
}

#[test]
fn what_was_declined_and_what_is_young_is_skipped_with_its_reason() {
    let young = [
        ("/backups/known/installed", json!("2026-11-21T08:00:00Z")),
        ("/backups/known/good", json!(null)),
        ("/backups/known/drill", json!(null)),
    ];
    let declined = [("/env/known/settings/TARS_BACKUP", json!({"value": "none", "set": true, "chosen": true}))];
    for id in ["backup.recent", "backup.drilled"] {
        assert!(matches!(ask(id, &changed(&young)), Answer::Skipped(_)), "{id}");
        assert!(
            matches!(ask(id, &changed(&declined)), Answer::Skipped(why) if why.contains("TARS_BACKUP=none")),
            "{id}"
        );
    }
    let none = [("/env/known/settings/TARS_LLM/value", json!("none"))];
    assert!(matches!(ask("model.missing", &changed(&none)), Answer::Skipped(why) if why.contains("declined")));
    let empty = [("/postgres/known/holds/vectors", json!(0)), ("/chroma/known/collections", json!([]))];
    assert_eq!(ask("data.collection", &changed(&empty)), Answer::Well, "no documents, no vectors");
}

#[test]
fn a_weak_password_of_the_administrator_is_said_once() {
    let facts = changed(&[
        ("/env/known/settings/TARS_ADMIN_PASSWORD/flaw", json!("placeholder")),
        ("/weak_admins/known", json!(["admin"])),
    ]);
    assert_eq!(found(&run(ALL, &facts)), ["api.auth"]);
}

#[test]
fn a_remedy_that_interrupts_is_never_unasked() {
    for (id, changes, ..) in cases() {
        let answer = ask(id, &changed(&changes));
        for fix in answer.findings().iter().filter_map(|finding| finding.fix.as_ref()) {
            assert!(!fix.description().is_empty() && !fix.command().is_empty());
            assert!(!(matches!(fix, Fix::RestartStack | Fix::SetPassword) && fix.safe()), "{id}");
        }
    }
    let mend = ask(
        "service.probe",
        &changed(&[
            ("/containers/known/1/health", json!({"status": "unhealthy", "last_output": "x", "failing": 7})),
            ("/files/known/shapes", json!({"docker-compose.home.yml": {"edited": 2}})),
        ]),
    );
    assert!(matches!(fix(&mend), Some(Fix::MendCompose { part, .. }) if part == "healthcheck"));
}
