#!/usr/bin/env bash
# `kill -9` of a backup at each of its steps, then the next changing command: what ran runs again, and nothing of the
# dead run is left. Then the engine goes away in the middle.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images

kill_at=$repo/tests/lib/kill_at.py
left() {
  find "$STACK_HOME/backups" -name '*.partial'
  find "$STACK_HOME/state/work" -mindepth 1 2>/dev/null
  docker ps -aq --filter "label=io.tars.run.home=$STACK_HOME"
  ls "$STACK_HOME/state/journal.json" 2>/dev/null
  true
}

new_stack
must tars install --yes
seed_postgres 20000
seed_redis 2000
seed_chroma 1500 8
seed_documents
all="backend chromadb postgres redis "
rows=$(psql_ <<<'select count(*) from notes')

ready() { [ "$(ready_status)" = 200 ]; }

for line in "looking at" "stopping the backend" "taking snapshots" "stopping chromadb" "copying chromadb" "starting again" "saving the rest" "verifying"; do
  for after in 0 0.15; do
    step "killed ${after} s after: $line"
    how=$(python3 "$kill_at" --line "$line" --after "$after" "$WORK/killed.err" "$TARS_BIN" --home "$STACK_HOME" backup) || fail "could not be killed ($how)"
    ran=$(running)
    if [ -e "$STACK_HOME/state/journal.json" ]; then
      try tars start --recover
      expect_exit 0
      expect_said "tars backup"
    else
      expect_same "$ran" "$all" "without a journal nothing may be stopped"
    fi
    expect_same "$(running)" "$all" "what runs after the recovery"
    within 60 "the API is ready again" ready
    must tars start
    expect_same "$(left)" "" "left of the dead run"
  done
done
expect_same "$(psql_ <<<'select count(*) from notes')" "$rows" "rows"

step "what was stopped on purpose before stays so"
docker stop "$(container redis)" >/dev/null
python3 "$kill_at" --line "copying chromadb" "$WORK/killed.err" "$TARS_BIN" --home "$STACK_HOME" backup --skip-redis >/dev/null || fail "could not be killed"
try tars start --recover
expect_same "$(running)" "backend chromadb postgres " "Redis was stopped on purpose"
must tars start

step "the next backup recovers by itself"
python3 "$kill_at" --line "copying chromadb" "$WORK/killed.err" "$TARS_BIN" --home "$STACK_HOME" backup >/dev/null || fail "could not be killed"
try tars --json backup
expect_exit 0
expect_json 'len(d["data"]["recovered"]) > 0' true
expect_same "$(running)" "$all"
expect_same "$(left)" ""
