#!/usr/bin/env bash
# An archive of the bash scripts: restored whole into a stack with other data, drilled, undone; its SQL is code, and runs
# only where it can do no harm.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
. "$repo/tests/lib/old_archive.sh"
need_images

rows() { psql_ <<<"select count(*) || ' ' || md5(string_agg(body, '' order by id)) from notes"; }
keys() { redis_keys; }
vectors() { python3 "$seed" count "http://$(address chromadb):8000" docs; }
litter() {
  docker ps -a --filter "label=io.tars.run.home=$STACK_HOME" --format '{{.Names}}'
  docker network ls --filter "label=io.tars.run.home=$STACK_HOME" --format '{{.Name}}'
  docker volume ls -q --filter "label=io.tars.run.home=$STACK_HOME"
}

new_stack
must tars install --yes
seed_postgres 3000
seed_redis 500
seed_chroma 1200 16
old_archive "$WORK/archives"
good=$ARCHIVE
was="$(rows) $(keys) $(vectors)"

step "a drill of it passes and leaves nothing"
before=$(fingerprint)
try tars restore --backup-file "$good" --drill --json
expect_exit 0
expect_json 'd["data"]["verdict"]' pass
expect_json 'd["data"]["generation"]' null
expect_same "$before" "$(fingerprint)" "a drill restarted something"
expect_same "$(litter)" "" "the drill left something"
expect_same "$(volumes | grep -c '\.g')" 0 "the drill left a generation"

step "restored into a stack with other data: no merge, and all of it there"
psql_ <<<"delete from notes where id > 10; create table later(id int); insert into later values (1)"
redis_ set later 1 >/dev/null
seed_chroma 1250 16
other="$(rows) $(keys) $(vectors)"
try tars restore --backup-file "$good" --yes --json
expect_exit 0
expect_json 'd["data"]["verdict"]' pass
expect_same "$(rows) $(keys) $(vectors)" "$was" "what was restored"
expect_same "$(psql_ <<<"select to_regclass('later') is null")" t "a table of the other data"
expect_same "$(redis_ exists later)" 0 "a key of the other data"
ttl=$(redis_ ttl k:10)
[ "$ttl" -gt 80000 ] || fail "the key's time to live is $ttl"
expect_same "$(psql_ <<<"select rolname from pg_roles where rolname = 'loader'")" "" "the throw-away role came along"
expect_same "$(litter)" "" "the restore left something"

step "undone, and redone"
try tars restore --undo --yes --json
expect_exit 0
expect_same "$(rows) $(keys) $(vectors)" "$other" "after the undo"
must tars restore --undo --yes
expect_same "$(rows) $(keys) $(vectors)" "$was" "after the redo"

step "commands of psql in the dump are refused before anything is made"
before=$(fingerprint)
append() { cat - "$WORK/appended"; }
for command in '\! touch /tmp/owned' "\copy notes from program 'id'" '\connect postgres'; do
  printf '%s\n' "$command" >"$WORK/appended"
  old_archive "$WORK/bad" append
  before=$(fingerprint)
  try tars restore --backup-file "$ARCHIVE" --yes
  expect_exit 1 "$command"
  expect_said "psql's command"
  expect_same "$before" "$(fingerprint)" "something was restarted: $command"
  rm -f "$WORK"/bad/*
done

step "SQL that asks for more than its own database fails, and none of it counts"
for sql in "create role evil superuser;" "copy notes from program 'id';" "select 1/0;"; do
  printf '%s\n' "$sql" >"$WORK/appended"
  old_archive "$WORK/bad" append
  before=$(fingerprint)
  try tars restore --backup-file "$ARCHIVE" --yes --json
  expect_exit 1 "$sql"
  expect_json 'd["data"]["verdict"]' fail
  expect_same "$before" "$(fingerprint)" "something was restarted: $sql"
  expect_same "$(litter)" "" "left after: $sql"
  rm -f "$WORK"/bad/*
done
expect_same "$(rows) $(keys)" "${was% * *}" "the live data"
