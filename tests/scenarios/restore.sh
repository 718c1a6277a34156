#!/usr/bin/env bash
# A restore: checked before anything changes, loaded beside the live data, compared, switched; undone; drilled; and what
# is refused.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images
need_compose_v1

rows() { psql_ <<<"select count(*) || ' ' || md5(string_agg(body, '' order by id)) from notes"; }
vectors() { python3 "$seed" count "http://$(address chromadb):8000" docs; }
documents() {
  local dir
  dir=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")
  (cd "$dir" && find . -type f -printf '%m %U:%G %s %p\n' | sort && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}
data() { rows && redis_keys && vectors && documents; }
litter() {
  docker ps -a --filter "label=io.tars.run.home=$STACK_HOME" --format '{{.Names}}'
  docker network ls --filter "label=io.tars.run.home=$STACK_HOME" --format '{{.Name}}'
  docker volume ls -q --filter "label=io.tars.run.home=$STACK_HOME"
}
# Nothing was made, stopped or switched since `before` was taken.
untouched() {
  expect_same "$before" "$(fingerprint)" "$1: something was restarted"
  expect_same "$had" "$(volumes)" "$1: volumes"
  expect_same "$(litter)" "" "$1: left behind"
  expect_no_file "$STACK_HOME/state/journal.json"
}
look() { before=$(fingerprint) had=$(volumes); }
archive() {
  must tars backup --output-dir "$WORK/archives" --json
  ARCHIVE=$(json "$OUT" 'd["data"]["archive"]')
}

new_stack
must tars install --yes
mkdir -p "$WORK/archives"
set_env TARS_BACKUP_DIR "$WORK/archives"
seed_postgres 3000
seed_redis 500
seed_chroma 1500 16
seed_documents
archive
good=$ARCHIVE
was=$(data)

step "a rehearsal shows what would come, and changes nothing"
look
try tars restore --backup-file "$good" --dry-run --json
expect_exit 0
expect_json 'sorted(r["name"] for r in d["data"]["components"] if r["status"] == "skipped")' '["chromadb", "documents", "postgres", "redis"]'
untouched "a rehearsal"
try tars restore --backup-file "$WORK/nothing.tar.gz"
expect_exit 69
try tars restore
expect_exit 64
expect_out "$good"

step "a drill passes, and leaves nothing"
try tars restore --backup-file "$good" --drill --json
expect_exit 0
expect_json 'd["data"]["verdict"]' pass
untouched "a drill"

step "a wrong archive is refused before anything is made"
head -c -1000 "$good" >"$WORK/archives/cut.tar.gz" && cp "$good.sha256" "$WORK/archives/cut.tar.gz.sha256"
try tars restore --backup-file "$WORK/archives/cut.tar.gz" --skip-validation --yes
expect_exit 1
untouched "a cut archive"
try tars restore --backup-file "$WORK/archives/cut.tar.gz" --skip-validation --drill --json
expect_exit 1
expect_json 'd["data"]["verdict"]' fail
mv "$good.sha256" "$WORK/sum"
try tars restore --backup-file "$good" --yes
expect_exit 1
expect_said "--skip-validation"
untouched "no sum beside it"
mv "$WORK/sum" "$good.sha256"

step "a record that does not hold: the drill fails, a restore switches nothing"
# The same archive, its sums right, with another count in its record.
wrong=$WORK/archives/wrong-$(basename "$good")
python3 "$repo/tests/lib/rewrite.py" "$good" "$wrong" outcome.json 're.sub(rb"(notes.:\s*)3000", rb"\g<1>3001", content)'
look
try tars restore --backup-file "$wrong" --skip-validation --drill --json
expect_exit 1
expect_json 'd["data"]["verdict"]' fail
expect_said "3000 rows, the record says 3001"
untouched "a drill that fails"
try tars restore --backup-file "$wrong" --skip-validation --yes --json
expect_exit 1
expect_json 'd["data"]["verdict"]' fail
untouched "a restore that fails"

step "restored into a stack with other data"
psql_ <<<"delete from notes where id > 10; create table later(id int); insert into later values (1)"
redis_ set later 1 >/dev/null
seed_chroma 1550 16
rm -rf "$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")"/ab
other=$(data)
try tars restore --backup-file "$good" --json </dev/null
expect_exit 64
expect_said "there is no terminal"
try tars restore --backup-file "$good" --yes --json
expect_exit 0
expect_json 'd["data"]["verdict"]' pass
expect_json 'd["data"]["generation"]' '{"from": 1, "to": 2}'
grep -q "notes has 10 rows now, 3000 in the archive" "$OUT" || fail "it does not say what is newer"
echo "   down for $(json "$OUT" 'd["data"]["downtime_ms"]') ms of $(json "$OUT" 'd["data"]["duration_ms"]') ms"
expect_same "$(data)" "$was" "what was restored"
expect_same "$(psql_ <<<"select to_regclass('later') is null")" t "a table of the other data"
expect_same "$(redis_ exists later)" 0 "a key of the other data"
ttl=$(redis_ ttl k:10)
[ "$ttl" -gt 80000 ] || fail "the key's time to live is $ttl"
expect_same "$(litter)" "" "left behind"
expect_same "$(docker volume inspect -f '{{index .Labels "com.docker.compose.volume"}}' "$(setting TARS_VOLUME_CHROMA)")" chroma_data "compose's label"

step "docker compose up by hand, and a restart, change nothing"
look
must by_hand docker-compose up -d
untouched "compose by hand"
must tars restart
expect_same "$(data)" "$was" "after a restart"

step "undone, although the live servers do not start; and redone"
docker stop "$(container chromadb)" >/dev/null
dir=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_CHROMA)")
cp "$dir/chroma.sqlite3" "$WORK/kept.sqlite3" && echo rubbish >"$dir/chroma.sqlite3"
rm -f "$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_POSTGRES)")/global/pg_control"
docker kill "$(container postgres)" >/dev/null
try tars restore --undo --yes --json
expect_exit 0
expect_same "$(data)" "$other" "after the undo"
look
must by_hand docker-compose up -d
untouched "compose by hand after an undo"
try tars restore --undo --yes --json
expect_exit 1
expect_said "the old data is live again"
expect_same "$(data)" "$other" "after a redo onto data that is damaged"
expect_no_file "$STACK_HOME/state/journal.json"

step "an older generation goes once a newer one has passed"
must tars restore --backup-file "$good" --yes
expect_same "$(setting TARS_VOLUME_CHROMA)" "${PROJECT}_chroma_data.g3" "the third generation"
expect_same "$(volumes | grep -c '\.g2$')" 0 "volumes of the second generation"
expect_same "$(data)" "$was"

step "a volume of the generation before is gone: said before anything stops"
gone=$(json "$STACK_HOME/state/generations.json" 'd["generations"][0]["volumes"]["TARS_VOLUME_REDIS"]')
docker volume rm "$gone" >/dev/null
look
try tars restore --undo --yes
expect_exit 69
expect_said "$gone"
untouched "an undo that cannot be"
try tars status --json
expect_json 'd["data"]["previous_generation"]["gone"]' "[\"$gone\"]"

step "parts: Postgres alone needs --force, Redis does not"
look
try tars restore --backup-file "$good" --component postgres --yes
expect_exit 64
expect_said "--force"
untouched "half of what belongs together"
redis_ flushall >/dev/null
must tars restore --backup-file "$good" --component redis --yes
expect_same "$(redis_keys)" 500
expect_same "$(data)" "$was"

step "Ctrl-C while it loads: exit 130, nothing left"
look
STATUS=0
python3 - "$TARS_BIN" "$STACK_HOME" "$good" >"$OUT" 2>"$ERR" <<'PY' || STATUS=$?
import signal, subprocess, sys
tars, home, archive = sys.argv[1:]
run = subprocess.Popen([tars, "--home", home, "-v", "restore", "--backup-file", archive, "--yes"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
for line in run.stderr:
    sys.stderr.write(line)
    if line.strip() == "load":
        run.send_signal(signal.SIGINT)
sys.exit(run.wait())
PY
expect_exit 130
untouched "an interrupted restore"

step "the whole stack lost: a clean home, and everything comes back"
must tars uninstall --yes --delete-data "$PROJECT"
new_stack
must tars install --yes
try tars restore --backup-file "$good" --yes --json
expect_exit 0
expect_same "$(data)" "$was" "on a clean home"

step "live volumes lost: a restore brings the stack back"
must tars stop
docker rm -f "$(container postgres)" "$(container chromadb)" >/dev/null
docker volume rm "$(setting TARS_VOLUME_POSTGRES)" "$(setting TARS_VOLUME_CHROMA)" >/dev/null
try tars start
expect_exit 1
must tars restore --backup-file "$good" --yes
expect_same "$(data)" "$was" "after lost volumes"

step "a drill's copy on loopback for a look, gone with the next drill"
try tars restore --backup-file "$good" --drill --keep --json
expect_exit 0
port=$(docker port "$PROJECT-drill-chromadb" 8000 | sed 's/.*://')
expect_same "$(docker port "$PROJECT-drill-chromadb" 8000 | sed 's/:[0-9]*$//')" 127.0.0.1 "where it listens"
expect_same "$(python3 "$seed" count "http://127.0.0.1:$port" docs)" "1500 1500"
must tars restart # what is kept on purpose is no litter
docker inspect "$PROJECT-drill-chromadb" >/dev/null || fail "a restart took the drill's copy"
must tars restore --backup-file "$good" --drill
expect_same "$(litter)" "" "left behind"
