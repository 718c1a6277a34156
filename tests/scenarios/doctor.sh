#!/usr/bin/env bash
# The doctor on files, settings, archives and the clock: before an installation, without an engine, on a healthy stack fifty
# times, and after each thing that an operator or a disk can do to the home.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/doctor.sh"
need_images
need_compose_v1
image=$("$repo/tests/ollama_double/image.sh")

step "before an installation only that is said, and nothing is made"
new_stack "TARS_IMAGE_OLLAMA=$image"
mv "$(env_file)" "$WORK/env"
finds env.file
expect_exit 1
expect_json 'any("no stack is installed" in f["problem"] for f in d["data"]["findings"])' true
expect_no_file "$STACK_HOME/state"
mv "$WORK/env" "$(env_file)"

step "without an engine that is the one finding, within seven seconds; a silent engine as well"
export DOCKER_HOST=unix://$WORK/nothing.sock
begun_at=$(date +%s%N)
try tars doctor --json
expect_exit 1
expect_json '[f["id"] for f in d["data"]["findings"] if f["id"].startswith("engine")]' '["engine.running"]'
expect_json '[f["id"] for f in d["data"]["findings"] if f["id"].split(".")[0] in ("service", "data", "api", "port")]' '[]'
background "$WORK/silent.log" python3 -c 'import socket,sys,time
s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); print("up", flush=True)
held=[]
while True: held.append(s.accept())' "$WORK/silent.sock"
within 10 "the silent engine listens" grep -q up "$WORK/silent.log"
DOCKER_HOST=unix://$WORK/silent.sock
begun_at=$(date +%s%N)
try tars doctor --json
took=$((($(date +%s%N) - begun_at) / 1000000))
expect_exit 1
expect_json '[f["id"] for f in d["data"]["findings"] if f["id"].startswith("engine")]' '["engine.running"]'
echo "   a silent engine costs $took ms"
[ "$took" -le 7000 ] || fail "it took $took ms"
unset DOCKER_HOST

step "a healthy stack: a document, a verified backup, a drill, a schedule"
printf 'The lighthouse keeper of Skagen is called Ingrid Holm.\n' >"$WORK/docs/keeper.txt"
must tars install --yes
documents 1
must tars backup
must tars restore --drill --backup-file latest
must tars backup schedule --daily 03:15
at_end+=("'$TARS_BIN' --home '$STACK_HOME' backup schedule --remove")
healthy
expect_json 'd["data"]["summary"]["fail"], d["data"]["summary"]["warn"], d["data"]["summary"]["unknown"]' '[0, 0, 0]'
expect_no_secret "$OUT"
try tars doctor
expect_exit 0
expect_said "the models were never read to their end"
try tars doctor --quiet
expect_exit 0
expect_same "$(cat "$OUT" "$ERR")" "" "--quiet on a healthy stack"

step "fifty looks, one result"
: >"$WORK/times"
for _ in $(seq 50); do
  try tars doctor --json
  expect_exit 0
  json "$OUT" '[(c["id"], c["status"]) for c in d["data"]["checks"]]' >>"$WORK/results"
  json "$OUT" 'd["data"]["took_ms"]' >>"$WORK/times"
done
[ "$(sort -u "$WORK/results" | wc -l)" = 1 ] || fail "the results differ: $(sort "$WORK/results" | uniq -c | sort -rn | cut -c1-2000)"
median=$(sort -n "$WORK/times" | sed -n 25p)
echo "   a look takes $median ms (median of 50; slowest $(sort -n "$WORK/times" | tail -n 1) ms)"

step "--list, explain, --only, --facts, and what they refuse"
try tars doctor --list --json
expect_exit 0
ids=$(json "$OUT" '" ".join(c["id"] for c in d["data"]["checks"])')
for id in $ids; do
  try tars doctor explain "$id"
  expect_exit 0 "explain $id"
done
try tars doctor explain no.such
expect_exit 64
try tars doctor --only no.such
expect_exit 64
try tars doctor --only backup,env.weak --json
expect_json '{c["id"].split(".")[0] for c in d["data"]["checks"]} == {"backup", "env"}' true
try tars doctor --facts "$repo/src/facts/healthy.json" --json
expect_exit 0
try tars doctor --facts "$WORK/nothing.json"
expect_exit 69
echo '{}' >"$WORK/none.json"
try tars doctor --facts "$WORK/none.json"
expect_exit 64

step "permissions and folders: found, mended"
chmod 777 "$STACK_HOME" && finds home.permissions && mended
chmod 644 "$(env_file)" && finds env.permissions && mended
expect_same "$(stat -c %a "$(env_file)")" 600 "the mode of the env file"
rmdir "$STACK_HOME/support" && finds home.folders && expect_exit 1 && mended
expect_file "$STACK_HOME/support"
printf '{"schema": 1, "command": "true"}' >"$STACK_HOME/state/on_result.json" && chmod 644 "$STACK_HOME/state/on_result.json"
finds home.permissions && mended
rm "$STACK_HOME/state/on_result.json"

step "settings: each thing wrong with them is found as that"
cp -p "$(env_file)" "$WORK/env.good"
undo_env() { cp -p "$WORK/env.good" "$(env_file)"; }
echo 'LOG_LEVEL=debug' >>"$(env_file)" && finds env.duplicate && undo_env
set_env TARS_JWT_SECRET changeme-please && finds env.placeholder && expect_exit 1 && undo_env
set_env TARS_JWT_SECRET short && finds env.weak && undo_env
set_env TARS_JWT_SECRET "$(setting TARS_ENCRYPTION_KEY)" && finds env.weak && undo_env
set_env TARS_JWT_SECRET '' && finds env.required && expect_exit 1
try tars doctor --fix --json
expect_exit 1 "a secret that is in use is not made anew unasked"
mended --yes
[ -n "$(setting TARS_JWT_SECRET)" ] || fail "no secret was generated"
undo_env
set_env TARS_ENCRYPTION_KEY '' && finds env.required && undo_env
echo "BROKEN LINE 'x" >>"$(env_file)" && finds env.syntax && expect_exit 1 && undo_env
mv "$(env_file)" "$WORK/away" && finds env.file && expect_exit 1 && mv "$WORK/away" "$(env_file)"
healthy "after the settings"

step "compose files"
compose=$STACK_HOME/docker-compose.home.yml
cp -p "$compose" "$WORK/compose.good"
echo '# mine' >>"$compose" && finds compose.edited && expect_exit 0 && cp -p "$WORK/compose.good" "$compose"
echo '  nonsense: [' >>"$compose" && finds compose.valid && expect_exit 1 && cp -p "$WORK/compose.good" "$compose"
rm "$compose" && finds compose.valid && mended
cmp -s "$compose" "$WORK/compose.good" || fail "the shipped file was not written again"

step "the clock, a run that was cut off, another version"
touch -d '+1 hour' "$STACK_HOME/state/backups.json" && finds clock.skew && touch "$STACK_HOME/state/backups.json"
cat >"$STACK_HOME/state/journal.json" <<END
{"schema": 1, "run": "gone", "command": "restart", "began": "2026-01-01T00:00:00Z", "step": "stop", "goal": {"running": ["redis"]}}
END
finds journal.pending && mended
expect_no_file "$STACK_HOME/state/journal.json"
cp "$TARS_BIN" "$WORK/tars" && printf 'x' >>"$WORK/tars"
try "$WORK/tars" --home "$STACK_HOME" doctor --json
expect_same "$(found)" update.version

step "archives: each thing wrong with them"
state=$STACK_HOME/state
edit() { python3 - "$state/$1" "$2" <<'PY'
import json, sys
path, change = sys.argv[1:]
d = json.load(open(path))
exec(change)
json.dump(d, open(path, "w"))
PY
}
keep() { cp -p "$state/$1" "$WORK/$1"; }
back() { cp -p "$WORK/$1" "$state/$1"; }
keep backups.json && edit backups.json 'd["archives"][-1]["verified"] = None'
finds backup.verified && back backups.json
edit backups.json 'd["archives"][-1]["drilled"]["verdict"] = "fail"'
finds backup.drilled && expect_exit 1 && back backups.json
keep last_backup.json && edit last_backup.json 'd["exit"] = 1; d["errors"] = ["the disk is full"]'
finds backup.recent && expect_exit 1 && back last_backup.json
cron=$(find /etc/cron.d /etc/systemd/system -maxdepth 1 -name "*backup*$PROJECT*" \( -name "*.timer" -o -path "/etc/cron.d/*" \) 2>/dev/null | head -n 1)
if [ -n "$cron" ]; then
  mv "$cron" "$WORK/cron" && finds backup.schedule && expect_exit 1 && mv "$WORK/cron" "$cron"
fi
set_env TARS_BACKUP_DIR "$WORK/no/such" && finds backup.destination && expect_exit 1 && undo_env
if mkdir "$WORK/small" && mount -t tmpfs -o size=2m none "$WORK/small" 2>/dev/null; then
  at_end+=("umount '$WORK/small'")
  set_env TARS_BACKUP_DIR "$WORK/small" && finds disk.space && expect_exit 1 && undo_env
  umount "$WORK/small"
fi
# After the first day more is asked for: another disk, and the key somewhere else. What was declined is not.
keep generations.json && edit generations.json 'd["generations"][0]["made"] = "2026-01-01T00:00:00Z"'
try tars doctor --only backup.same_disk,backup.key --json
if [ "$(stat -c %d "$STACK_HOME/backups")" = "$(stat -c %d /var/lib/docker)" ]; then
  expect_same "$(found)" "backup.key backup.same_disk"
else
  expect_same "$(found)" backup.key
fi
set_env TARS_BACKUP none
try tars doctor --only backup --json
expect_json '{c["status"] for c in d["data"]["checks"]} == {"skip"}' true
undo_env && back generations.json
healthy "after the archives"

step "status names what fails"
set_env TARS_JWT_SECRET changeme-please
try tars status --json
expect_json 'd["data"]["failing"]' '["env.placeholder"]'
undo_env

step "what may go, shown and removed"
: >"$STACK_HOME/backups/tars-backup-20200101_000000.tar.gz.partial"
for n in 1 2; do echo x >"$STACK_HOME/support/tars-support-$n.tar.gz" && touch -d "-$((9 - n)) days" "$STACK_HOME/support/tars-support-$n.tar.gz"; done
try tars clean --dry-run --json
expect_exit 0
expect_json 'sorted(i["name"].rsplit("/", 1)[-1] for i in d["data"]["items"] if "/" in i["name"])' \
  '["tars-backup-20200101_000000.tar.gz.partial", "tars-support-1.tar.gz"]'
expect_file "$STACK_HOME/support/tars-support-1.tar.gz"
try tars clean
expect_exit 64 "nobody to ask"
