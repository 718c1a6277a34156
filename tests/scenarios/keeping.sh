#!/usr/bin/env bash
# What is round the archives: the register, a destination that goes away in every way, retention, keys, the schedule.
# Needs root: it mounts, freezes and unmounts small file systems of its own.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images
need_packages e2fsprogs util-linux systemd || fail "e2fsprogs, util-linux and systemd are needed"
[ "$(id -u)" = 0 ] || fail "this needs root, to mount"

archives_in() { find "$1" -maxdepth 1 -name 'tars-backup-*.tar.gz*' ! -name '*.sha256' 2>/dev/null | sort; }
count_in() { archives_in "$1" | wc -l; }
mounted() { mountpoint -q "$WORK/nas"; }
disk() { truncate -s 96M "$WORK/$1.img" && mkfs.ext4 -q "$WORK/$1.img"; }
mount_disk() { mount -o "loop${2:+,$2}" "$WORK/$1.img" "$WORK/nas"; }
register() { json "$STACK_HOME/state/backups.json" "$1"; }
# The names of archives have seconds: two in one second is a mistake of this script, not a case.
next_second() { local now; now=$(date +%s); while [ "$(date +%s)" = "$now" ]; do :; done; }
backup() { next_second; try tars --json backup "$@"; }

new_stack
must tars install --yes
seed_postgres 200
own=$STACK_HOME/backups
mkdir -p "$WORK/nas"
disk one && disk two
at_end+=("umount -l $WORK/nas; fsfreeze -u $WORK/nas")

step "without a backup, status says so and fails nothing"
try tars status --json
expect_exit 0
expect_json 'd["data"]["last_backup"]' null
expect_json 'sorted(w["id"] for w in d["warnings"] if w["id"].startswith("backup."))' '["backup.key", "backup.none"]'
try tars backup list
expect_exit 0
expect_out "there is no archive yet"

step "a directory that was never used and is not there: 69, and nothing is made"
backup --output-dir "$WORK/nas/b"
expect_exit 69
expect_json 'd["errors"][0]["hint"]' "mount what belongs there, then make the directory: mkdir -p $WORK/nas/b"
expect_no_file "$WORK/nas/b"

step "a chosen disk takes archives; list, status and verify know them"
mount_disk one && mkdir "$WORK/nas/b"
backup --output-dir "$WORK/nas/b"
expect_exit 0
first=$(json "$OUT" 'd["data"]["archive"]')
expect_same "$(json "$OUT" 'len([w for w in d["warnings"] if w["id"] == "backup.key"])')" 1 "the warning of the key"
try tars backup list --json
expect_exit 0
expect_json '[(a["archive"], a["state"], bool(a["verified"])) for a in d["data"]["archives"]]' "[[\"$first\", \"there\", true]]"
try tars backup verify latest --json
expect_exit 0
expect_json 'd["data"]["read"]' true
try tars status --json
expect_exit 0
expect_json 'd["data"]["last_backup"]["exit"]' 0
expect_json 'd["data"]["last_backup"]["archive"]' "$first"
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("backup.")]' '["backup.key"]'

step "unmounted: nothing in the bare mount point, the archive waits at home, exit 2"
umount "$WORK/nas"
mkdir "$WORK/nas/b" # as a bare mount point may look
backup --output-dir "$WORK/nas/b"
expect_exit 2
expect_same "$(ls -A "$WORK/nas/b")" "" "the bare mount point"
expect_same "$(count_in "$own")" 1 "the archive at home"
expect_same "$(json "$OUT" 'len([w for w in d["warnings"] if w["id"] == "backup.key"])')" 0 "the warning comes once"
expect_same "$(register 'd["archives"][-1]["meant_for"]')" "$WORK/nas/b"
try tars status --json
expect_exit 1
[[ $(json "$OUT" 'str(d["data"]["problems"])') == *"ended with exit 2"* ]] || fail "status does not tell of exit 2"
[[ $(json "$OUT" 'str([w["id"] for w in d["warnings"]])') == *backup.waiting* ]] || fail "status does not tell what waits"
rmdir "$WORK/nas/b"
backup --output-dir "$WORK/nas/b" # not even a directory
expect_exit 2
expect_no_file "$WORK/nas/b"
expect_same "$(count_in "$own")" 2

step "another disk in its place: nothing is written there"
mount_disk two && mkdir "$WORK/nas/b"
backup --output-dir "$WORK/nas/b"
expect_exit 2
expect_same "$(count_in "$WORK/nas/b")" 0
umount "$WORK/nas"

step "read-only"
mount_disk one ro
backup --output-dir "$WORK/nas/b"
expect_exit 2
[[ $(cat "$OUT") == *"is read-only"* ]] || fail "nobody says read-only"
umount "$WORK/nas"

step "a disk that does not answer: ten seconds, then at home; nobody hangs"
mount_disk one
fsfreeze -f "$WORK/nas"
begun_at=$SECONDS
backup --output-dir "$WORK/nas/b"
took=$((SECONDS - begun_at))
fsfreeze -u "$WORK/nas"
expect_exit 2
[[ $(cat "$OUT") == *"did not answer within 10 s"* ]] || fail "nobody says that it is silent"
[ "$took" -ge 10 ] && [ "$took" -lt 90 ] || fail "it took $took s"
waiting=$(count_in "$own")
expect_same "$waiting" 5 "archives that wait"

step "the next good run moves all that waits, with its sidecar"
before=$(count_in "$WORK/nas/b")
backup --output-dir "$WORK/nas/b"
expect_exit 0
expect_same "$(count_in "$own")" 0 "left at home"
expect_same "$(ls "$own")" "" "files at home"
expect_same "$(count_in "$WORK/nas/b")" "$((before + waiting + 1))" "moved"
(cd "$WORK/nas/b" && sha256sum -c --quiet ./*.sha256) || fail "a sum is wrong after the move"
expect_same "$(register '[a for a in d["archives"] if a.get("meant_for")]')" '[]'
try tars status --json
expect_exit 0

step "full: it does not fit there, and goes home"
fallocate -l $(($(df -B1 --output=avail "$WORK/nas" | tail -1) - 1000000)) "$WORK/nas/fill"
backup --output-dir "$WORK/nas/b"
expect_exit 2
rm "$WORK/nas/fill"

step "retention: rehearsed, done, strangers stay, the last good one too"
touch "$WORK/nas/b/mine.txt" "$WORK/nas/b/tars-backup-20200101_000000.tar.gz"
before=$(ls "$WORK/nas/b")
try tars backup prune --dry-run --keep-daily 1 --keep-weekly 0 --keep-monthly 0 --json
expect_exit 0
expect_same "$(ls "$WORK/nas/b")" "$before" "a rehearsal"
expect_json 'len([a for a in d["data"]["archives"] if a["keep"]])' 1
try tars backup prune --keep-daily 1 --keep-weekly 0 --keep-monthly 0 --json
expect_exit 0
expect_same "$(register 'len(d["archives"])')" 1
expect_same "$(($(count_in "$WORK/nas/b") + $(count_in "$own")))" 2 "one of ours and the stranger"
expect_file "$WORK/nas/b/mine.txt"
rm "$WORK/nas/b/tars-backup-20200101_000000.tar.gz"
backup --output-dir "$WORK/nas/b" --keep
backup --output-dir "$WORK/nas/b"
try tars backup prune --keep-daily 1 --keep-weekly 0 --keep-monthly 0 --json
expect_same "$(register 'sorted(a["pinned"] for a in d["archives"])')" '[false, true]'
try tars backup --dry-run prune
expect_exit 64 "a flag of a backup before prune"

step "lost, changed, unknown"
pinned=$(register '[a["file_name"] for a in d["archives"] if a["pinned"]][0]')
mv "$WORK/nas/b/$pinned" "$WORK/away" && rm "$WORK/nas/b/$pinned.sha256"
cp "$WORK/away" "$own/tars-backup-20240229_120000.tar.gz"
try tars backup list --json
expect_json 'sorted(a["state"] for a in d["data"]["archives"])' '["gone", "there", "unknown"]'
try tars backup list
expect_said "is gone"
try tars backup prune --keep-daily 1 --lost --json
expect_exit 0
expect_same "$(register 'len(d["archives"])')" 1
try tars backup verify "$own/tars-backup-20240229_120000.tar.gz"
good=$(register 'd["archives"][0]["dir"] + "/" + d["archives"][0]["file_name"]')
printf 'x' | dd of="$good" bs=1 seek=500 conv=notrunc status=none
try tars backup verify "$good"
expect_exit 1
expect_same "$(register 'd["archives"][0]["verified"]')" null "its proof is gone"
rm "$own"/*

step "keys: shown once, never replaced; an encrypted archive ends the warning"
try tars backup keygen --output "$WORK/key.txt" --use
expect_exit 0
expect_same "$(stat -c %a "$WORK/key.txt")" 600
! grep -q AGE-SECRET-KEY "$OUT" "$ERR" "$(env_file)" "$STACK_HOME/state/runs.jsonl" || fail "the private key is where it must not be"
grep -q AGE-SECRET-KEY "$WORK/key.txt" || fail "the page has no key"
grep -q "^TARS_BACKUP_RECIPIENT=age1" "$(env_file)" || fail "the recipient is not in the env file"
try tars backup keygen --output "$WORK/key.txt"
expect_exit 1
backup --output-dir "$WORK/nas/b"
expect_exit 0
sealed=$(json "$OUT" 'd["data"]["archive"]')
[[ $sealed == *.tar.gz.age ]] || fail "$sealed is not encrypted"
try tars status --json
expect_json '[w["id"] for w in d["warnings"] if w["id"] == "backup.key"]' '[]'
try tars backup verify "$sealed" --json
expect_exit 2 "without a key only its sum can be checked"
expect_json 'd["data"]["read"], d["warnings"][0]["id"]' '[false, "backup.sealed"]'
try tars backup verify "$sealed" --identity "$WORK/key.txt" --json
expect_exit 0
must tars backup keygen --output "$WORK/other.txt"
try tars backup verify "$sealed" --identity "$WORK/other.txt"
expect_exit 1
expect_same "$(register 'bool(d["archives"][-1]["verified"])')" true "a wrong key says nothing about the archive"
try tars backup keygen
expect_exit 0
grep -q AGE-SECRET-KEY "$OUT" || fail "the page is not shown"
set_env TARS_BACKUP_RECIPIENT ""

step "a schedule by cron: the very line runs, every result goes to the command, no secret in it"
[ ! -d /run/systemd/system ] || fail "this step is for a machine without a running systemd"
cron=/etc/cron.d/tars-backup-$PROJECT
at_end+=("rm -f '$cron'")
echo "a phrase of $RANDOM$RANDOM words" >"$WORK/phrase"
try tars backup schedule --daily 4:05 --output-dir "$WORK/nas/b" --passphrase-file "$WORK/phrase" --keep-daily 3 \
  --models weekly --on-result "cat >>'$WORK/results'"
expect_exit 0
expect_file "$cron"
grep -q "^5 4 \* \* \* root /usr/local/bin/tars --home '$STACK_HOME' --quiet backup scheduled$" "$cron" || fail "cron's line is: $(cat "$cron")"
! grep -rqF "$(cat "$WORK/phrase")" "$cron" "$STACK_HOME/state" || fail "the passphrase stands in a file"
expect_same "$(stat -c %a "$STACK_HOME/state/on_result.json")" 600
sum=$(sha256sum "$cron" "$STACK_HOME/state/schedule.json")
must tars backup schedule --daily 04:05 --output-dir "$WORK/nas/b" --passphrase-file "$WORK/phrase" --keep-daily 3 \
  --models weekly --on-result "cat >>'$WORK/results'"
expect_same "$(sha256sum "$cron" "$STACK_HOME/state/schedule.json")" "$sum" "a second time"
line=$(sed -n 's/^5 4 \* \* \* root //p' "$cron" | sed 's/\\%/%/g')
next_second
try env -i PATH=/usr/bin:/bin /bin/sh -c "$line"
expect_exit 0
expect_same "$(cat "$OUT")" "" "silence on success"
expect_same "$(json "$WORK/results" 'd["command"], d["exit"]')" '["backup", 0]'
[[ $(json "$WORK/results" 'd["data"]["archive"]') == "$WORK/nas/b/"*.age ]] || fail "it did not go where it was to go"
try env -i PATH=/usr/bin:/bin /bin/sh -c "$line --if-missed"
expect_exit 0
expect_same "$(grep -c '"schema"' "$WORK/results")" 1 "nothing was missed"
must tars backup schedule --daily 04:05 --output-dir "$WORK/nas/b" --on-result "exit 3"
next_second
try env -i PATH=/usr/bin:/bin /bin/sh -c "$line"
expect_exit 0 "a failing command is only a warning"
umount "$WORK/nas"
next_second
try env -i PATH=/usr/bin:/bin /bin/sh -c "$line"
expect_exit 2
expect_said "is not" # the words that cron mails
try tars backup schedule --remove
expect_exit 0
expect_no_file "$cron"
expect_no_file "$STACK_HOME/state/schedule.json"
expect_no_file "$STACK_HOME/state/on_result.json"
try tars backup schedule --remove
expect_exit 0
try tars backup schedule --daily 25:00
expect_exit 64
try tars backup schedule --drill weekly --encrypt-to "$(sed -n 's/^# public key: //p' "$WORK/key.txt")"
expect_exit 64 "nobody can drill what nobody can open"

step "a schedule by systemd: its own verdict on the units"
# In mounts of its own: only this process sees a systemd, and units in the place where it looks.
cat >"$WORK/systemctl" <<'SH'
#!/bin/sh
echo "$@" >>"$(dirname "$0")/systemctl.log"
SH
chmod 755 "$WORK/systemctl"
try unshare -m bash -ec '
  mount -t tmpfs t /run/systemd && mkdir /run/systemd/system
  mount -t tmpfs t /etc/systemd/system
  PATH=$1:$PATH "$2" --home "$3" backup schedule --daily 03:15
  cat /etc/systemd/system/tars-backup-*.timer
  touch /etc/systemd/system/docker.service
  printf "[Service]\nExecStart=/bin/true\n" >/etc/systemd/system/docker.service
  systemd-analyze verify --man=no /etc/systemd/system/tars-backup-*.service /etc/systemd/system/tars-backup-*.timer
  systemd-analyze calendar "$(sed -n s/OnCalendar=//p /etc/systemd/system/tars-backup-*.timer)"
  PATH=$1:$PATH "$2" --home "$3" backup schedule --remove
  ls /etc/systemd/system/tars-backup-* 2>/dev/null && exit 1 || true
' - "$WORK" "$TARS_BIN" "$STACK_HOME"
expect_exit 0
expect_out "Persistent=true"
expect_same "$(grep -v docker.service "$ERR" | grep -i 'tars-backup' || true)" "" "systemd-analyze complains"
grep -q "^enable --no-reload tars-backup-.*timer$" "$WORK/systemctl.log" || fail "the timer is not enabled: $(cat "$WORK/systemctl.log")"
grep -q "^restart tars-backup-.*timer$" "$WORK/systemctl.log" || fail "the timer is not started"
! grep -q daemon-reload "$WORK/systemctl.log" || fail "a reload"

step "uninstall takes the schedule away"
must tars backup schedule --daily 04:05
expect_file "$cron"
try tars uninstall --yes
expect_exit 0
expect_no_file "$cron"
