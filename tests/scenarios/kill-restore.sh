#!/usr/bin/env bash
# `kill -9` of a restore and of an undo at every step of their journal. The next changing command, or the recovery unit
# after a reboot, leaves the stack as before or as after, never between; and what ran runs again.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
. "$repo/tests/lib/old_archive.sh"
need_images
need_compose_v1

kill_at=$repo/tests/lib/kill_at.py
steps=("load" "loaded" "switch: stop" "switch: remove" "switch: rename" "switch: create" "switch: look" "switch: start" "switch: wait")

data() { echo "$(psql_ <<<"select count(*) from notes") $(redis_keys) $(python3 "$seed" count "http://$(address chromadb):8000" docs)"; }
# What each container mounts is what the env file names.
mounts_agree() {
  local pair
  for pair in chromadb=CHROMA=/data postgres=POSTGRES=/var/lib/postgresql/data redis=REDIS=/data; do
    IFS="=" read -r service key path <<<"$pair"
    expect_same "$(docker inspect -f "{{range .Mounts}}{{if eq .Destination \"$path\"}}{{.Name}}{{end}}{{end}}" "$(container "$service")")" \
      "$(setting "TARS_VOLUME_$key")" "$1: the volume of $service"
  done
}
litter() {
  docker ps -a --filter "label=io.tars.run.home=$STACK_HOME" --format '{{.Names}}'
  docker network ls --filter "label=io.tars.run.home=$STACK_HOME" --format '{{.Name}}'
  docker volume ls -q --filter "label=io.tars.run.home=$STACK_HOME"
}
# A reboot: every container dies, and the engine starts those again that nobody had stopped.
reboot() {
  local ran
  ran=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT"; docker ps -q --filter "label=io.tars.run.home=$STACK_HOME")
  # shellcheck disable=SC2086
  [ -z "$ran" ] || docker kill $ran >/dev/null
  ran=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" --filter status=exited --filter exited=137)
  # shellcheck disable=SC2086
  [ -z "$ran" ] || docker start $ran >/dev/null
}

# killed WHAT STEP COMMAND…: kills it at the step, recovers, and holds the result against before and after.
killed() {
  local what=$1 at=$2 how now
  shift 2
  how=$(python3 "$kill_at" --line "$at" "$WORK/killed.err" "$TARS_BIN" --home "$STACK_HOME" -v "$@") || fail "could not be killed: $what ($how)"
  if [ "$recovery" = unit ]; then
    within 90 "the killed run's children have ended" lock_is_free
    reboot
    try tars start --recover
  else
    within 90 "the killed run's children have ended" lock_is_free
    try tars start
  fi
  expect_exit 0 "recovery after: $what"
  within 60 "the stack answers: $what" eval '[ "$(ready_status)" = 200 ]'
  now=$(data)
  case $now in
  "$old") side=before ;;
  "$new") side=after ;;
  *) fail "$what: the data is $now, neither $old nor $new" ;;
  esac
  expect_same "$(running)" "backend chromadb postgres redis " "$what: what runs"
  mounts_agree "$what"
  expect_same "$(litter)" "" "$what: left behind"
  expect_no_file "$STACK_HOME/state/journal.json"
  expect_same "$(json "$STACK_HOME/state/generations.json" 'sum("loading" in g for g in d["generations"])')" 0 "$what: half-filled generations"
  before=$(fingerprint)
  by_hand docker-compose up -d >/dev/null 2>&1
  expect_same "$before" "$(fingerprint)" "$what: docker compose up by hand changes something"
  printf '   %-40s %-8s → %s\n' "$what, $recovery" "$how" "$side"
}

new_stack
must tars install --yes
seed_postgres 400
seed_redis 50
seed_chroma 120 8
old_archive "$WORK/archives"
good=$ARCHIVE
new=$(data)
# The live data is another: what is there afterwards says which side it is.
psql_ <<<"delete from notes where id > 7"
redis_ set other 1 >/dev/null
seed_chroma 130 8
old=$(data)
[ "$old" != "$new" ] || fail "the two states are one"

for recovery in start unit; do
  for at in "${steps[@]}"; do
    step "a restore killed at ${at}, then $recovery"
    killed "restore at $at" "$at" restore --backup-file "$good" --yes
    if [ "$side" = after ]; then
      must tars restore --undo --yes
      expect_same "$(data)" "$old" "the undo of what was finished"
    fi
  done
  # An undo is the same switch with other names: half of its steps with each kind of recovery.
  undone=("switch: remove" "switch: create" "switch: wait")
  [ "$recovery" = start ] || undone=("switch: stop" "switch: rename" "switch: start")
  must tars restore --backup-file "$good" --yes
  for at in "${undone[@]}"; do
    step "an undo killed at ${at}, then $recovery"
    expect_same "$(data)" "$new" "before the undo"
    killed "undo at $at" "$at" restore --undo --yes
    # An undo goes from the restored data (after a restore) to the old one: bring the restored one back.
    if [ "$side" = before ]; then must tars restore --undo --yes; fi
  done
  must tars restore --undo --yes
  expect_same "$(data)" "$old"
done
