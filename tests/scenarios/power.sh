#!/usr/bin/env bash
# The engine dies in the middle of a backup and of a restore, and then the power: `tars` killed with its engine and
# every container, the host up again, and nothing but the recovery unit run. The stack is as before or as after.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images

name=t$TARS_TEST_RUN-power
host=tars-fresh-$name
fresh=$repo/tests/roots/fresh.sh
mkdir "$WORK/share"
cp "$TARS_BIN" "$WORK/share/tars"
docker save -o "$WORK/share/images.tar" tars-home/postgres:15-bookworm tars-home/redis:7.0-bookworm tars-home/chroma:1.5.9-bookworm
must "$fresh" --keep --engine --mount "$WORK/share:/mnt/share" "$name" true
at_end+=("'$fresh' --rm '$name'")
inside() { "$fresh" --exec "$name" "$@"; }
tars() { inside /mnt/share/tars "$@"; }
engine_up() { inside docker version >/dev/null 2>&1; }
sql() { inside docker exec -i tars-home-postgres sh -c 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -XAtq'; }
# This machine's Python in the host's network: its containers' addresses are reachable there.
seed_py() {
  local address
  address=$(inside docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' tars-home-chromadb)
  nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$host")" -n python3 "$seed" "$1" "http://$address:8000" "${@:2}"
}
data() {
  echo "$(sql <<<'select count(*) from notes') $(inside docker exec tars-home-redis redis-cli eval "$COUNT_KEYS" 0) $(seed_py count docs)"
}
runs() { inside docker ps --format '{{.Names}}' | sed 's/^tars-home-//' | sort | tr '\n' ' '; }
ready() { [ "$(inside timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8000; printf "GET /ready HTTP/1.0\r\nHost: x\r\n\r\n" >&3; head -n 1 <&3 | cut -d" " -f2')" = 200 ]; }
left() {
  inside sh -c 'find /opt/tars/backups -name "*.partial"; find /opt/tars/state/work -mindepth 1 2>/dev/null; ls /opt/tars/state/journal.json 2>/dev/null;
    docker ps -aq --filter label=io.tars.run.home=/opt/tars; docker network ls -q --filter label=io.tars.run.home=/opt/tars; docker volume ls -q --filter label=io.tars.run.home=/opt/tars; true'
}
engine_starts() {
  inside sh -c 'rm -f /var/run/docker.pid; setsid --fork sh -c "exec dockerd >>/var/log/dockerd.log 2>&1 </dev/null"'
  within 60 "the engine answers" engine_up
}
# begun TEXT ARGUMENTS…: tars at work in the background, until it has said TEXT (or has ended).
begun_at() {
  local text=$1
  shift
  background "$WORK/run" "$fresh" --exec "$name" sh -c 'exec /mnt/share/tars -v "$@"' sh "$@"
  RUN=$CHILD
  within 60 "tars says: $text" eval "grep -qF '$text' '$WORK/run' || ! kill -0 $RUN 2>/dev/null"
}
# Everything dies at once, and the host comes up with its engine, which starts what ran.
power_cut() {
  docker kill "$host" >/dev/null
  wait "$RUN" || true
  docker start "$host" >/dev/null
  # /run is not empty here as after a real boot, and its numbers of processes mean others now.
  docker exec "$host" sh -c 'rm -rf /run/docker /run/containerd; fresh-prepare'
  engine_starts
}
# The recovery unit alone. An engine that keeps a port from before the crash needs the restart that the hint asks for.
unit() {
  try tars start --recover
  if kept_port; then try tars start --recover; fi
  expect_exit 0
}
# kept_port: whether the last command met such an engine; it is then restarted.
kept_port() {
  [ "$STATUS" = 1 ] && said "the engine kept it from before a crash" || return 1
  echo "   (an engine that kept a port)"
  engine_is_told_to_end
  engine_has_ended
  engine_starts
}
# An engine that ends removes its file, also when the next one has written its own: so its process is waited for.
engine_is_told_to_end() { old=$(inside cat /var/run/docker.pid) && inside kill "$old"; }
engine_has_ended() { within 60 "the engine has ended" eval '! inside test -e "/proc/$old/exe"'; }
settled() { # WHAT: after the recovery
  expect_same "$(runs)" "backend chromadb postgres redis " "$1: what runs"
  within 60 "the API is ready: $1" ready
  # Without a journal nothing is pending: what is left of the dead run goes with the next changing command.
  must tars start
  expect_same "$(left)" "" "$1: left behind"
}

must tars install --yes --images /mnt/share/images.tar
sql >/dev/null <<<"create table notes(id bigint primary key, body text not null); insert into notes select i, repeat(md5(i::text), 10) from generate_series(1, 60000) i;"
inside docker exec tars-home-redis redis-cli eval "for i=1,300 do redis.call('set','k:'..i,i) end" 0 >/dev/null
seed_py fill docs 600 16
was=$(data)
must tars backup --json
good=$(json "$OUT" 'd["data"]["archive"]')

step "the engine dies while a backup copies, and comes back: the backup waits, and what ran runs again"
begun_at "copying chromadb" backup
inside sh -c 'kill -9 $(cat /var/run/docker.pid); pkill docker-proxy; pkill -9 containerd; true'
within 60 "tars notices" grep -q "the Docker engine went away" "$WORK/run"
engine_starts
STATUS=0 && wait "$RUN" || STATUS=$?
cp "$WORK/run" "$ERR" && LAST="backup while its engine dies"
# The dumps may have been at work, and are then named as failed.
if kept_port; then must tars start; elif [ "$STATUS" != 0 ]; then expect_exit 2; fi
settled "the engine died under a backup"
expect_same "$(data)" "$was" "data"

step "the engine is restarted while a restore loads: nothing has changed"
sql <<<"delete from notes where id > 9"
other=$(data)
begun_at "load" restore --backup-file "$good" --yes
engine_is_told_to_end
STATUS=0 && wait "$RUN" || STATUS=$?
cp "$WORK/run" "$ERR" && LAST="restore while its engine is restarted"
[ "$STATUS" != 0 ] || fail "a restore without an engine says that all is well"
expect_said "error:"
engine_has_ended
engine_starts
try tars start
expect_exit 0
settled "the engine was restarted under a restore"
expect_same "$(data)" "$other" "data"

for at in "stopping the backend" "copying chromadb" "saving the rest"; do
  step "the power goes while a backup is at: $at"
  begun_at "$at" backup
  power_cut
  unit
  settled "backup at $at"
  expect_same "$(data)" "$other" "data"
done

for at in "load" "switch: stop" "switch: remove" "switch: rename" "switch: create" "switch: start"; do
  step "the power goes while a restore is at: $at"
  begun_at "$at" restore --backup-file "$good" --yes
  power_cut
  unit
  settled "restore at $at"
  now=$(data)
  case $now in
  "$other") echo "   as before" ;;
  "$was") echo "   as after" && must tars restore --undo --yes && expect_same "$(data)" "$other" "the undo" ;;
  *) fail "neither before ($other) nor after ($was): $now" ;;
  esac
done

step "the power goes in the middle of an undo"
must tars restore --backup-file "$good" --yes
begun_at "switch: rename" restore --undo --yes
power_cut
unit
settled "undo"
now=$(data)
[ "$now" = "$was" ] || [ "$now" = "$other" ] || fail "neither before nor after: $now"
