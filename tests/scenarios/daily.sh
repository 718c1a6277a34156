#!/usr/bin/env bash
# Day to day: status, stop, start, restart, logs; a dead service; a lost env file; a member of the docker group; two
# runs at once.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_compose_v1

status_is() { try tars status --json && [ "$STATUS" = "$1" ]; }
problems() { json "$OUT" '" / ".join(d["data"]["problems"])'; }

new_stack
must tars install --yes

step "status: a table for people, a document for scripts"
try tars status
expect_exit 0
for word in backend chromadb postgres redis running answers tars-home/redis:7.0-bookworm retrieval-only "http://127.0.0.1:$API_PORT"; do
  expect_out "$word"
done
[ "$(wc -l <"$OUT")" -le 24 ] || fail "status is more than one screen"
try tars status --json
expect_exit 0
expect_json 'd["schema"], d["command"], d["ok"], d["exit"]' '[1, "status", true, 0]'
expect_json 'sorted({"home","project","version","mode","services","problems","last_backup","last_drill","previous_generation"} - set(d["data"]))' '[]'
expect_json 'd["data"]["home"]' "$STACK_HOME"
expect_json 'd["data"]["project"]' "$PROJECT"
expect_json 'd["data"]["mode"]' retrieval-only
expect_json 'sorted(s["name"] for s in d["data"]["services"])' '["backend", "chromadb", "postgres", "redis"]'
expect_json 'sorted({"name","state","health","image","ports"} - set(d["data"]["services"][0]))' '[]'
expect_json '[s["ports"] for s in d["data"]["services"] if s["name"] == "backend"]' "[[\"0.0.0.0:$API_PORT\"]]"
expect_json 'all(s["memory_bytes"] > 1000000 and s["uptime_s"] >= 0 for s in d["data"]["services"])' true
expect_json 'd["data"]["problems"]' '[]'
cp "$OUT" "$WORK/document"
python3 -c 'import sys; assert open(sys.argv[1]).read().count("\n{") == 0' "$WORK/document" || fail "more than one document"

step "stop: nothing runs, status says so with exit 1, data stays"
echo "create table kept as select 42 as n" | psql_
try tars stop
expect_exit 0
expect_same "$(running)" ""
expect_same "$(containers | wc -l)" 4 "the containers stay"
try tars status --json
expect_exit 1
expect_json '[s["state"] for s in d["data"]["services"]]' '["stopped", "stopped", "stopped", "stopped"]'
for service in backend chromadb postgres redis; do
  [[ $(problems) == *"$service does not run"* ]] || fail "status does not name $service: $(problems)"
done
expect_no_file "$STACK_HOME/state/journal.json"
try tars stop # already so
expect_exit 0

step "start: it waits until the stack answers"
try tars start
expect_exit 0
expect_same "$(ready_status)" 200 "/ready at the end of start"
expect_same "$(echo 'select n from kept' | psql_)" 42 "the row in Postgres"
before=$(fingerprint)
try tars start
expect_exit 0
expect_same "$before" "$(fingerprint)" "a second start restarts nothing"

step "restart reads the env file again: another port, another log level"
old_port=$API_PORT
API_PORT=$(test_port)
set_env TARS_PORT_API "$API_PORT"
set_env LOG_LEVEL debug
try tars restart
expect_exit 0
expect_said "http://127.0.0.1:$API_PORT"
expect_same "$(ready_status)" 200 "/ready on the new port"
! curl -s -m 2 "http://127.0.0.1:$old_port/ready" >/dev/null || fail "the old port still answers"
expect_same "$(docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$(container backend)" | grep ^LOG_LEVEL=)" LOG_LEVEL=debug
expect_same "$(echo 'select n from kept' | psql_)" 42 "the row in Postgres"

step "restart refuses broken settings before anything stops"
before=$(fingerprint)
cp "$(env_file)" "$WORK/env"
echo "this is no setting" >>"$(env_file)"
try tars restart
expect_exit 1
expect_said "line $(wc -l <"$(env_file)")"
expect_same "$before" "$(fingerprint)" "something was restarted"
cat "$WORK/env" >"$(env_file)"

step "logs: each line with its service, secrets hidden unless --raw"
password=$(setting TARS_POSTGRES_PASSWORD)
# A statement that fails is logged by Postgres as it was typed; the passwords of two stores, plain and in an address.
echo "select leak('$password', 'postgres://tars:$password@postgres:5432/x', '$(setting TARS_REDIS_PASSWORD)')" | psql_ 2>/dev/null || true
try tars logs
expect_exit 0
for service in backend chromadb postgres redis; do grep -q "^$service *|" "$OUT" || fail "no line of $service"; done
expect_out "select leak("
expect_no_secret "$OUT" "$ERR"
expect_out "[REDACTED"
try tars logs postgres --raw
expect_exit 0
expect_out "$password"
try tars logs postgres --tail 3
expect_same "$(grep -c '^postgres' "$OUT")" 3 "--tail 3"
expect_no_out "chromadb"
try tars logs --json --since 1h postgres
expect_exit 0
expect_json 'sorted(set(l["service"] for l in d["data"]["lines"]))' '["postgres"]'
expect_no_secret "$OUT"
try tars logs --since yesterday
expect_exit 64
try tars logs nonsense
expect_exit 64
try tars logs --json --follow
expect_exit 64
"$TARS_BIN" --home "$STACK_HOME" logs --follow --tail 0 postgres >"$WORK/followed" 2>/dev/null & follower=$!
children+=("$follower")
within 5 "logs --follow is connected" eval 'echo "select a_line_to_follow" | psql_ 2>/dev/null; grep -q a_line_to_follow "$WORK/followed"'
kill -INT "$follower" 2>/dev/null && wait "$follower" || code=$?
expect_same "${code:-0}" 130 "logs --follow after Ctrl-C"

step "a killed service: status names it, the API stays degraded, start mends it"
docker update --restart=no "$(container redis)" >/dev/null
docker kill "$(container redis)" >/dev/null
try tars status --json
expect_exit 1
[[ $(problems) == *"redis does not run (exit status 137)"* ]] || fail "status says: $(problems)"
expect_same "$(ready_status)" 200 "/ready without Redis"
expect_same "$(json "$WORK/ready" 'd["status"]')" degraded
docker kill "$(container postgres)" >/dev/null
expect_same "$(ready_status)" 503 "/ready without Postgres"
try tars start
expect_exit 0
expect_same "$(ready_status)" 200
try tars status
expect_exit 0

step "a paused service is named"
docker pause "$(container chromadb)" >/dev/null
try tars status --json
docker unpause "$(container chromadb)" >/dev/null
expect_exit 1
[[ $(problems) == *"chromadb is paused"* ]] || fail "status says: $(problems)"
within 20 "the API is ready again" eval '[ "$(ready_status)" = 200 ]'

step "two runs at once: the second is told who holds the lock"
mkfifo "$WORK/hold"
flock "$STACK_HOME/state/lock" cat "$WORK/hold" & holder=$!
children+=("$holder")
exec 7>"$WORK/hold"
within 5 "the lock is held" eval '! lock_is_free'
for verb in start stop restart "install --yes" "uninstall --yes"; do
  # shellcheck disable=SC2086
  try tars $verb
  expect_exit 75 "$verb"
  expect_said "another run changes this stack right now (process "
done
try tars status
expect_exit 0
exec 7>&-
wait "$holder" || true
expect_same "$(running)" "backend chromadb postgres redis "

step "the second of two real runs"
"$TARS_BIN" --home "$STACK_HOME" restart >/dev/null 2>&1 & first=$!
children+=("$first")
within 10 "the first has the lock" eval '! lock_is_free'
try tars restart
expect_exit 75
expect_said "(process $first:"
wait "$first" || fail "the first restart failed"

step "a member of the docker group without sudo"
if [ "$(id -u)" = 0 ]; then
  user=tarstest$$
  getent group docker >/dev/null || fail "there is no group docker"
  useradd --system --no-create-home --groups docker "$user"
  at_end+=("userdel '$user'")
  chmod 755 "$WORK"
  cp "$TARS_BIN" "$WORK/tars" && chmod 755 "$WORK/tars"
  as_user() { setpriv --reuid "$user" --regid "$user" --init-groups --reset-env env PATH="$PATH" NO_COLOR=1 "$WORK/tars" --home "$STACK_HOME" "$@"; }
  try as_user status
  said "may not read $(env_file)" || fail "status does not say what it could not read"
  for word in backend chromadb postgres redis running; do expect_out "$word"; done
  try as_user logs --tail 20
  expect_exit 0
  expect_no_secret "$OUT" "$ERR"
  try as_user logs --tail 2000 # the env file is not readable: what is secret must be known another way
  expect_out "select leak("
  expect_no_secret "$OUT" "$ERR"
  for verb in "install --yes" start stop restart "uninstall --yes"; do
    # shellcheck disable=SC2086
    try as_user $verb
    expect_exit 77 "$verb as a member of the docker group"
    expect_said sudo
  done
  expect_same "$(running)" "backend chromadb postgres redis "
else
  fail "this needs root, to make a user"
fi

step "the env file gone: status, logs and stop still work and say it; start does not guess"
mv "$(env_file)" "$WORK/env"
try tars status --json
expect_exit 1
expect_json 'sorted(s["name"] for s in d["data"]["services"])' '["backend", "chromadb", "postgres", "redis"]'
expect_json 'd["data"]["project"]' "$PROJECT"
[[ $(problems) == *"tars-home.env is gone"* ]] || fail "status says: $(problems)"
try tars logs --tail 5
expect_exit 0
expect_out "postgres"
try tars start
expect_exit 69
expect_said "tars-home.env does not exist"
try tars stop
expect_exit 0
expect_same "$(running)" "" "stop without the env file"
mv "$WORK/env" "$(env_file)"
try tars start
expect_exit 0
expect_same "$(echo 'select n from kept' | psql_)" 42 "the row in Postgres"
