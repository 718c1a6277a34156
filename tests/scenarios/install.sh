#!/usr/bin/env bash
# The main job: `tars install --yes` on a machine with an engine, no registry and no Ollama ends in GO, retrieval-only;
# a second run changes nothing; compose typed by hand in the home changes nothing. Once with docker-compose 1.29 under
# tars, once with compose v2.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
v2=$(need_compose_v2)
need_compose_v1

# Every argument list of every process while a command runs: secrets must not stand there, not even for a moment.
watch_processes() { while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' || true; done; }

installs() {
  step "install with $1"
  background "$WORK/processes" watch_processes
  local watcher=$CHILD
  try tars install --yes --json
  kill "$watcher" && wait "$watcher" 2>/dev/null || true
  expect_exit 0
  expect_json 'd["data"]["verdict"]' GO
  expect_json 'd["command"], d["exit"], d["ok"], d["errors"]' '["install", 0, true, []]'
  expect_json '[s["name"] for s in d["data"]["steps"]]' \
    '["preflight", "prerequisites", "settings", "nas", "images", "start", "wait", "models", "verdict"]'
  expect_json '[s["status"] for s in d["data"]["steps"] if s["status"] != "done"]' '[]'
  expect_json 'sum(type(s["duration_ms"]) is int for s in d["data"]["steps"])' 9
  expect_json '[w["id"] for w in d["warnings"] if w["id"] == "llm.none"]' '["llm.none"]'
  expect_json 'd["data"]["urls"]["api"]' "http://127.0.0.1:$API_PORT"
  [[ $(json "$OUT" 'd["data"]["steps"][1]["detail"]') == *"compose $2"* ]] || fail "another compose was used than $2"
  grep -qF '[9/9] verdict' "$ERR" || fail "the steps are not told on stderr"
  cp "$OUT" "$WORK/install.out" && cp "$ERR" "$WORK/install.err"
}

serves() {
  step "four services answer, and the backend agrees"
  expect_same "$(running)" "backend chromadb postgres redis "
  expect_same "$(ready_status)" 200 "/ready"
  expect_same "$(json "$WORK/ready" 'd["status"]')" ready
  api /health >"$WORK/health" || fail "/health does not answer"
  for service in postgres redis chromadb backend; do
    within 40 "compose calls $service healthy" is_healthy "$service"
  done
  expect_same "$(setting TARS_LLM)" none "TARS_LLM"
}

keeps_secrets() {
  step "no secret in an argument list, an inspection's command, the output, the logs, the state"
  expect_same "$(secrets | sort -u | grep -cE '^[A-Za-z0-9]{32}$')" 5 "five different secrets of 32 letters and digits"
  expect_same "$(stat -c %a "$(env_file)")" 600 "the env file's mode"
  containers | xargs docker inspect -f '{{.Path}} {{.Args}} {{.Config.Cmd}} {{.Config.Entrypoint}} {{.Config.Healthcheck}} {{.Config.Labels}}' >"$WORK/inspected"
  tars logs --tail 1000 >"$WORK/logs" 2>&1 || fail "tars logs"
  cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >>"$WORK/processes" || true
  grep -q 'docker-compose\|docker compose' "$WORK/processes" || fail "the watch on the processes saw no compose"
  cat "$STACK_HOME"/state/* "$STACK_HOME"/*.yml >"$WORK/state" 2>/dev/null
  expect_no_secret "$WORK/inspected" "$WORK/logs" "$WORK/processes" "$WORK/install.out" "$WORK/install.err" "$WORK/state"
}

changes_nothing() {
  expect_same "$before" "$(fingerprint)" "a container was restarted or made anew by: $1"
  expect_same "$settings" "$(sha256sum <"$(env_file)")" "the env file was changed by: $1"
  expect_no_file "$STACK_HOME/state/journal.json"
}

again() {
  step "again: at most 10 s, nothing restarted, the env file byte-identical"
  before=$(fingerprint) settings=$(sha256sum <"$(env_file)")
  local at=$SECONDS
  try tars install --yes
  expect_go
  [ $((SECONDS - at)) -le 10 ] || fail "the second run took $((SECONDS - at)) s"
  expect_said "retrieval-only"
  changes_nothing "tars install, a second time"
  step "the same compose typed by hand in the home changes nothing"
  try by_hand "${@:2}" up -d
  expect_exit 0
  changes_nothing "$1 up -d, by hand"
  expect_same "$(by_hand "${@:2}" ps -q | sort)" "$(containers)" "what compose by hand sees"
  step "the other compose makes the containers anew (it knows only its own sums), over the same data"
  echo "create table kept as select 42 as n" | psql_
}

other() {
  must by_hand "$@" up -d
  within 30 "the stack is ready again" eval '[ "$(ready_status)" = 200 ]'
  expect_same "$(echo 'select n from kept' | psql_)" 42 "the row in Postgres"
  expect_same "$settings" "$(sha256sum <"$(env_file)")" "the env file"
}

v1_by_hand=(docker-compose) v2_by_hand=(env "DOCKER_CONFIG=$v2" docker compose)

new_stack
installs "docker-compose 1.29" 1.29
serves
keeps_secrets
again "docker-compose" "${v1_by_hand[@]}"
other "${v2_by_hand[@]}"
must tars uninstall --yes --delete-data "$PROJECT"

export DOCKER_CONFIG=$v2
new_stack
installs "compose v2" 2.
serves
again "docker compose" "${v2_by_hand[@]}"
other "${v1_by_hand[@]}"
