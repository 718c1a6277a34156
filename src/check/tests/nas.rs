//! The network shares, from recorded facts: there is no NAS in a test.

use super::super::Severity;
use super::broken::Case;
use super::*;
use crate::operate::nas::table;
use serde_json::json;
use std::path::Path;

/// For each check the fact that breaks it.
pub(super) fn cases() -> Vec<Case> {
    use Severity::{Fail, Warn};
    let at = |field: &'static str, value| (field, value);
    vec![
        ("nas.configured", vec![at("/nas/known/0/problem", json!("\"\" is no share"))], Fail, "is no share", "--share"),
        ("nas.configured", vec![at("/nas/known/0/persists", json!(false))], Warn, "after a restart", "tars nas mount"),
        ("nas.reachable", vec![at("/nas/known/0/reach", json!("no_name"))], Fail, "name nas.lan", "getent hosts"),
        ("nas.reachable", vec![at("/nas/known/0/reach", json!("refused"))], Fail, "port 445", "switch CIFS on"),
        (
            "nas.reachable",
            vec![at("/nas/known/0/reach", json!({"silent": "no answer within 3 s"}))],
            Fail,
            "no answer",
            "is on",
        ),
        (
            "nas.login",
            vec![
                at("/nas/known/0/mounted", json!(null)),
                at("/nas/known/0/login", json!({"refused": "NT_STATUS_LOGON_FAILURE"})),
            ],
            Fail,
            "refuses the login of reader",
            "after --credentials",
        ),
        (
            "nas.login",
            vec![
                at("/nas/known/0/mounted", json!(null)),
                at("/nas/known/0/login", json!({"no_share": "NT_STATUS_BAD_NETWORK_NAME"})),
            ],
            Fail,
            "does not open",
            "--share NAME",
        ),
        ("nas.mounted", vec![at("/nas/known/0/mounted", json!(null))], Fail, "is not mounted", "tars nas mount"),
        (
            "nas.mounted",
            vec![at("/nas/known/0/mounted/source", json!("//other/docs"))],
            Fail,
            "//other/docs",
            "tars nas mount",
        ),
        (
            "nas.readable",
            vec![at("/nas/known/0/entries", json!({"Err": "Permission denied"}))],
            Fail,
            "cannot be listed",
            "mount it anew",
        ),
        (
            "nas.away",
            vec![at("/nas/known/0/entries", json!({"Ok": 0}))],
            Warn,
            "is mounted and empty",
            "put the documents back",
        ),
        ("nas.stale", vec![at("/nas/known/0/seen", json!("other"))], Fail, "folder from before", "tars restart"),
        ("nas.credentials", vec![at("/nas/known/0/credentials/1", json!(0o644))], Fail, "mode 644", "chmod 600"),
    ]
}

#[test]
fn a_server_that_is_away_is_one_finding() {
    let facts = changed(&[
        ("/nas/known/0/reach", json!({"silent": "no route to host"})),
        ("/nas/known/0/mounted", json!(null)),
        ("/nas/known/0/entries", json!({"Ok": 0})),
        ("/nas/known/0/login", json!({"not_tried": "the server cannot be reached"})),
    ]);
    let found: Vec<_> =
        run(ALL, &facts).into_iter().filter(|outcome| !outcome.answer.findings().is_empty()).map(|o| o.id).collect();
    assert_eq!(found, ["nas.reachable"]);
}

#[test]
fn without_a_nas_its_checks_are_skipped() {
    let facts = changed(&[("/nas/known", json!([]))]);
    for check in ALL.iter().filter(|check| check.id.starts_with("nas.")) {
        assert!(matches!(ask(check.id, &facts), Answer::Skipped(why) if why.contains("TARS_NAS=none")), "{}", check.id);
    }
}

/// Recorded on an Ubuntu host with an automount, on a Synology client, and on a host whose share is gone.
#[test]
fn the_mount_tables_of_known_hosts_are_read() {
    const CIFS: &str = "\
25 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro
98 25 0:47 / /mnt/llm_docs rw,relatime shared:52 - autofs systemd-1 rw,fd=54,pgrp=1,timeout=0,minproto=5,maxproto=5,direct,pipe_ino=20415
610 98 0:63 / /mnt/llm_docs ro,nosuid,nodev,noexec,relatime shared:311 - cifs //nas.lan/docs rw,vers=3.1.1,cache=strict,username=reader,uid=0,noforceuid,gid=0,addr=192.168.1.20,file_mode=0644,dir_mode=0755,soft,nounix";
    const NFS: &str = "\
25 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
55 25 0:51 / /mnt/llm_docs ro,nosuid,nodev,noexec,relatime shared:30 - nfs4 nas.lan:/volume1/docs rw,vers=4.1,rsize=131072,wsize=131072,namlen=255,soft,proto=tcp,timeo=100,retrans=2,sec=sys";
    let at = |table: &str| table::at(table, Path::new("/mnt/llm_docs"));
    let cifs = at(CIFS).unwrap();
    assert_eq!(
        (cifs.kind.as_str(), cifs.source.as_str(), cifs.device.as_str(), cifs.read_write),
        ("cifs", "//nas.lan/docs", "0:63", false)
    );
    let nfs = at(NFS).unwrap();
    assert_eq!((nfs.kind.as_str(), nfs.source.as_str()), ("nfs4", "nas.lan:/volume1/docs"));
    let healthy =
        |mount: &table::Mount| with("nas.mounted", "/nas/known/0/mounted", serde_json::to_value(mount).unwrap());
    assert_eq!(healthy(&cifs), Answer::Well);
    assert_eq!(only(&healthy(&nfs)).1, "run: sudo tars nas mount --name documents");
    assert_eq!(at(CIFS.lines().next().unwrap()), None, "the automounter alone is no mount");
    assert_eq!(at(&CIFS.lines().take(2).collect::<Vec<_>>().join("\n")), None);
}
