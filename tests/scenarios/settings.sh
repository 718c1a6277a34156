#!/usr/bin/env bash
# The operator's own words survive; what is broken, lost, taken, full or not permitted is a clear error with its exit
# code, and nothing is half-written.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_compose_v1

# Everything of the home but the list of runs, with modes.
home_sums() { (cd "$STACK_HOME" 2>/dev/null && find . -type f ! -name 'runs*.jsonl' -printf '%m %p ' -exec sha256sum {} \; | sort) || true; }
unchanged() { # unchanged WHAT: since the last `remember`
  expect_same "$(home_sums)" "$sums" "the home was changed by $1"
  expect_same "$(fingerprint)" "$prints" "containers were changed by $1"
  expect_same "$(volumes)" "$volumes_before" "volumes were changed by $1"
  expect_no_file "$STACK_HOME/state/journal.json"
}
remember() { sums=$(home_sums) prints=$(fingerprint) volumes_before=$(volumes); }

new_stack
cat >>"$(env_file)" <<'ENV'
# The operator's own words: é, "quotes", $dollars.
MY_OWN_KEY='value with $dollars'   # and a remark
export LOG_LEVEL = "debug"

TARS_CORS_ORIGINS=http://a.example,http://b.example # last
ENV
operators=$(cat "$(env_file)")

step "wrong usage: 64, and nothing is made"
remember
try tars install --no-such-flag
expect_exit 64
expect_err "--no-such-flag"
try tars nonsense
expect_exit 64
try tars
expect_exit 64
try tars install --yes --model none --ollama-url http://127.0.0.1:1
expect_exit 64
try tars install --yes --ollama-url 'http://[broken'
expect_exit 64
try tars install --yes --images ''
expect_exit 64
try env DOCKER_HOST=tcp://192.0.2.1:2375 "$TARS_BIN" --home "$STACK_HOME" start
expect_exit 64
expect_said "another machine's engine"
try env DOCKER_HOST=tcp://192.0.2.1:2375 "$TARS_BIN" --home "$STACK_HOME" install --yes
expect_exit 64
unchanged "wrong usage"

step "no engine: 69 for start, a finding for status"
export DOCKER_HOST=unix:///nonexistent.sock
try tars start
expect_exit 69
expect_said "no Docker engine runs on this machine"
try tars stop
expect_exit 69
try tars logs
expect_exit 69
try tars status --json
expect_exit 1
expect_json 'd["errors"]' '[]'
expect_json 'any("no Docker engine" in p for p in d["data"]["problems"])' true
unset DOCKER_HOST

step "the operator's words, key and order survive"
must tars install --yes
head -n "$(echo "$operators" | wc -l)" "$(env_file)" >"$WORK/head"
expect_same "$(cat "$WORK/head")" "$operators" "the operator's lines"
expect_same "$(stat -c %a "$(env_file)")" 600
expect_same "$(docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$(container backend)" | grep ^LOG_LEVEL)" LOG_LEVEL=debug
chmod 644 "$(env_file)"
must tars install --yes
expect_same "$(stat -c %a "$(env_file)")" 600 "an env file that others could read"

step "a key that is new in this version is added with its comment, nothing else changes"
sed -i -e '/^TARS_WAIT_S=/d' "$(env_file)"
cp "$(env_file)" "$WORK/env"
must tars install --yes
expect_same "$(head -n "$(wc -l <"$WORK/env")" "$(env_file)")" "$(cat "$WORK/env")" "the lines before"
expect_same "$(setting TARS_WAIT_S)" 120

step "an edited compose file is kept and its difference shown; an unedited old one is replaced"
main=$STACK_HOME/docker-compose.home.yml
cp "$main" "$WORK/shipped.yml"
sed -i 's/stop_grace_period: 15s/stop_grace_period: 16s/' "$main"
edited=$(sha256sum <"$main")
try tars install --yes
expect_go
expect_same "$(sha256sum <"$main")" "$edited" "the edited compose file"
grep -q '^ *+    stop_grace_period: 16s$' "$OUT" "$ERR" || fail "the difference is not shown as lines"
expect_said "docker-compose.home.yml was edited and is kept"
try tars install --yes --json
expect_json '[w["id"] for w in d["warnings"] if w["id"] == "compose.edited"]' '["compose.edited"]'
# As an older version wrote it: its sum stands in deployed.json.
python3 - "$STACK_HOME" <<'PY'
import hashlib, json, sys
home = sys.argv[1]
record = json.load(open(f"{home}/state/deployed.json"))
record["files"]["docker-compose.home.yml"] = hashlib.sha256(open(f"{home}/docker-compose.home.yml", "rb").read()).hexdigest()
record["of_a_later_version"] = {"kept": True}
json.dump(record, open(f"{home}/state/deployed.json", "w"))
PY
try tars install --yes
expect_go
expect_unsaid "was edited"
expect_same "$(sha256sum <"$main")" "$(sha256sum <"$WORK/shipped.yml")" "the compose file"
expect_same "$(json "$STACK_HOME/state/deployed.json" 'd["of_a_later_version"]')" '{"kept": true}' "unknown fields"

step "a broken env file: the line, the exit code, nothing changed"
cp "$(env_file)" "$WORK/env"
for broken in 'this is no setting' "OPEN='never closed" '=nothing' '9KEY=x'; do
  cp "$WORK/env" "$(env_file)"
  echo "$broken" >>"$(env_file)"
  line=$(wc -l <"$(env_file)")
  remember
  for verb in "install --yes" start restart; do
    # shellcheck disable=SC2086
    try tars $verb
    expect_exit 1 "$verb with: $broken"
    expect_said "line $line"
    unchanged "$verb with a broken env file"
  done
  try tars status
  expect_exit 1
  expect_said "line $line"
done
cp "$WORK/env" "$(env_file)"
cp "$(env_file)" "$WORK/secret" && sed -i 's/^\(TARS_POSTGRES_PASSWORD\)=.*/\1 hunter2secret/' "$(env_file)"
try tars install --yes
expect_exit 1
expect_unsaid hunter2secret # a broken line is never quoted
cp "$WORK/env" "$(env_file)"

step "the database's password lost: refused with the way out, never keyed anew"
sed -i 's/^TARS_POSTGRES_PASSWORD=.*/TARS_POSTGRES_PASSWORD=/' "$(env_file)"
remember
try tars install --yes
expect_exit 1
expect_said "has no TARS_POSTGRES_PASSWORD: a new password would not open it"
unchanged "an install without the password"
mv "$(env_file)" "$WORK/gone"
printf 'COMPOSE_PROJECT_NAME=%s\n' "$PROJECT" >"$(env_file)"
try tars install --yes
expect_exit 1
expect_said "put the old env file back"
cp "$WORK/env" "$(env_file)"

step "another image family under existing data: refused, with the way over"
remember
docker tag tars-home/postgres:15-bookworm "tars-test/postgres:15-alpine-$TARS_TEST_RUN"
docker tag tars-home/postgres:15-bookworm "tars-test/postgres:16-bookworm-$TARS_TEST_RUN"
at_end+=("docker rmi tars-test/postgres:15-alpine-$TARS_TEST_RUN tars-test/postgres:16-bookworm-$TARS_TEST_RUN")
for other in 15-alpine 16-bookworm; do
  set_env TARS_IMAGE_POSTGRES "tars-test/postgres:$other-$TARS_TEST_RUN"
  cp "$(env_file)" "$WORK/other"
  for verb in "install --yes" start restart; do
    # shellcheck disable=SC2086
    try tars $verb
    expect_exit 1 "$verb with postgres:$other"
    expect_said "must not be opened with"
    expect_said "backup"
    expect_same "$(cat "$(env_file)")" "$(cat "$WORK/other")" "the env file after $verb"
    expect_same "$(fingerprint)" "$prints" "containers after $verb"
  done
done
cp "$WORK/env" "$(env_file)"
must tars start

step "a port that is taken at a later start: a clear error, and the old port still serves"
taken=$(test_port)
background "$WORK/listener" python3 -c "import socket, time; s = socket.socket(); s.bind(('0.0.0.0', $taken)); s.listen(); time.sleep(3600)"
listener=$CHILD
within 5 "the port is taken" eval "! python3 -c 'import socket; socket.socket().bind((\"0.0.0.0\", $taken))' 2>/dev/null"
set_env TARS_PORT_API "$taken"
remember
try tars install --yes
expect_exit 1
expect_said "port $taken (TARS_PORT_API) is taken by the process python3"
unchanged "an install with a taken port"
for verb in start restart; do
  try tars "$verb"
  expect_exit 1 "$verb with a taken port"
  expect_said "$taken"
done
cp "$WORK/env" "$(env_file)"
try tars start
expect_exit 0
expect_same "$(ready_status)" 200
must tars uninstall --yes --delete-data "$PROJECT"

step "a port that is taken at the first install: the next free one, with a warning"
new_stack
sed -i '/^TARS_PORT_API=/d' "$(env_file)" # nobody chose it: the default
kill "$listener" 2>/dev/null || true
background "$WORK/listener" python3 -c "
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try: s.bind(('0.0.0.0', 8000)); s.listen()
except OSError: pass  # somebody else has it: that does as well
time.sleep(3600)"
within 5 "port 8000 is taken" eval "(exec 3<>/dev/tcp/127.0.0.1/8000) 2>/dev/null"
try tars install # another port has to be agreed to, and there is no terminal and no --yes
expect_exit 64
expect_said "there is no terminal"
expect_said "add --yes"
expect_same "$(containers)$(volumes)" "" "something was made"
try tars install --yes --json
expect_exit 0
expect_json '[w["id"] for w in d["warnings"] if w["id"] == "port.conflict"]' '["port.conflict"]'
API_PORT=$(setting TARS_PORT_API)
[ "$API_PORT" -gt 8000 ] || fail "TARS_PORT_API is $API_PORT"
expect_json 'd["data"]["urls"]["api"]' "http://127.0.0.1:$API_PORT"
expect_same "$(ready_status)" 200
try tars install --yes
expect_go
expect_same "$(setting TARS_PORT_API)" "$API_PORT" "the port after a second run"
must tars uninstall --yes --delete-data "$PROJECT"

step "a home on a read-only file system"
new_stack
rm -rf "$STACK_HOME" && mkdir "$STACK_HOME"
mount -t tmpfs -o size=4m,ro tmpfs "$STACK_HOME"
at_end+=("umount -l '$STACK_HOME'")
try tars install --yes
expect_exit 1
expect_said "is mounted read-only"
expect_said "--home DIR"
expect_same "$(containers)$(volumes)" "" "something was made"
umount "$STACK_HOME"

step "a home without the room that is forecast: refused before anything is written"
mount -t tmpfs -o size=2m tmpfs "$STACK_HOME"
printf '%s\n' "COMPOSE_PROJECT_NAME=$PROJECT" >"$(env_file)"
try tars install --yes
expect_exit 1
expect_said "MiB free"
expect_same "$(find "$STACK_HOME" -type f ! -path '*/state/*')" "$(env_file)" "files in the home"
expect_same "$(containers)$(volumes)" "" "something was made"
umount "$STACK_HOME"

# full_at ROOM_KIB: installs into a home that has room when it is looked at and is full from the second step on.
full_at() {
  local line
  (umask 077 && printf '%s\n' "COMPOSE_PROJECT_NAME=$PROJECT" "TARS_PORT_API=$API_PORT" "TARS_DOCS_DIR=$WORK/docs" >"$(env_file)")
  LAST="tars install --yes, full at the second step with $1 KiB left" STATUS=0
  : >"$ERR"
  exec 6> >(while IFS= read -r line; do
    case $line in *'[2/9]'*) mount -o "remount,size=$(($(df --output=used "$STACK_HOME" | tail -n 1) + $1))k" "$STACK_HOME" ;; esac
    echo "$line" >>"$ERR"
  done)
  "$TARS_BIN" --home "$STACK_HOME" install --yes >"$OUT" 2>&6 </dev/null || STATUS=$?
  exec 6>&-
}

step "a home whose file system fills up on the way: nothing half-written; with room the same command ends in GO"
for room in 0 8 16 24 32 40; do # KiB left: it fills up at another file each time
  mount -t tmpfs -o size=600m tmpfs "$STACK_HOME"
  full_at "$room"
  expect_exit 1 "with $room KiB left"
  expect_said "No space left on device"
  # The env file is the old one or a whole new one, never a part.
  if [ "$(wc -l <"$(env_file)")" != 3 ]; then
    for key in COMPOSE_PROJECT_NAME TARS_POSTGRES_PASSWORD TARS_VOLUME_LOGS TARS_IMAGE_BACKEND; do
      grep -q "^$key=" "$(env_file)" || fail "the env file is cut off: no $key ($room KiB left)"
    done
  fi
  for file in "$STACK_HOME"/*.yml "$STACK_HOME"/state/*.json; do
    case $file in
      */'*'*) ;;
      *.yml) cmp -s "$file" "$repo/deploy/$(basename "$file")" || fail "$file is not whole ($room KiB left)" ;;
      *) python3 -m json.tool "$file" >/dev/null || fail "$file is not whole ($room KiB left)" ;;
    esac
  done
  expect_same "$(find "$STACK_HOME" -type f ! -name 'tars-home.env' ! -name '*.yml' ! -path '*/state/*.json*' ! -path '*/state/lock')" "" "litter ($room KiB left)"
  before=$(secrets)
  mount -o remount,size=600m "$STACK_HOME"
  if [ "$room" = 0 ] || [ "$room" = 16 ] || [ "$room" = 40 ]; then
    try tars install --yes
    expect_go
    [ -z "$before" ] || expect_same "$(secrets)" "$before" "the secrets that stood there already"
    must tars uninstall --yes
    docker volume ls -q | grep "^${PROJECT}_" | xargs -r docker volume rm >/dev/null
  fi
  umount "$STACK_HOME"
done
