#!/usr/bin/env bash
# `kill -9` while an image is built from packages (the smallest recipe, Redis), at three moments, in an engine of its
# own; a plain re-run ends in GO and nothing of the killed builds is left.
. "$(dirname "$0")/../lib/scenario.sh"
need_images

name=t$TARS_TEST_RUN-kill
fresh=$repo/tests/roots/fresh.sh
mkdir "$WORK/share"
cp "$TARS_BIN" "$WORK/share/tars"
# The base image is there only where the store images were built on this machine; otherwise the first run makes it.
known=(tars-home/postgres:15-bookworm tars-home/chroma:1.5.9-bookworm)
if docker image inspect tars-home/base:bookworm >/dev/null 2>&1; then known+=(tars-home/base:bookworm); fi
must docker save -o "$WORK/share/images.tar" "${known[@]}"
must "$fresh" --keep --engine --mount "$WORK/share:/mnt/share:ro" "$name" true
at_end+=("'$fresh' --rm '$name'")
inside() { "$fresh" --exec "$name" "$@"; }

inside sh -c 'setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &'
within 40 "the engine in the root answers" eval 'inside docker version >/dev/null 2>&1'
must inside docker load -i /mnt/share/images.tar

# Containers of a run; a service is none, whatever labels its image has.
builder() { inside docker ps -a --filter label=io.tars.run --format '{{.ID}} {{.Label "com.docker.compose.service"}}' | awk 'NF == 1'; }
# killed WHAT CONDITION: installs, and kills when the condition holds; asked inside, so that little time is lost.
killed() {
  step "killed: $1"
  cat >"$WORK/share/kill-when" <<SH
nohup /mnt/share/tars install --yes --images packages >/tmp/out 2>&1 &
pid=\$!
builder() { docker ps -aq --filter label=io.tars.run --filter status=running; }
for try in \$(seq 4000); do # a base image takes a minute
  kill -0 \$pid 2>/dev/null || { echo "it ended before it could be killed"; exit 1; }
  if $2; then kill -9 \$pid; exit; fi
  sleep 0.05
done
echo "that never came"; exit 1
SH
  try inside sh /mnt/share/kill-when
  expect_exit 0 "$1: $(inside tail -n 3 /tmp/out)"
}

killed "the build container is there" '[ -n "$(builder)" ]'
killed "the recipe has fetched package lists" 'docker exec "$(builder)" sh -c "ls /var/lib/apt/lists | grep -q Packages" 2>/dev/null'
killed "the package is installed" 'docker exec "$(builder)" test -x /usr/bin/redis-server 2>/dev/null'

step "a plain re-run"
try inside /mnt/share/tars install --yes --images packages
expect_go
expect_said "built from packages: redis"
expect_same "$(builder)" "" "build containers"
expect_same "$(inside docker images -q --filter dangling=true)" "" "images without a name"
expect_same "$(inside sh -c 'ls -A /opt/tars/state/work 2>/dev/null; ls /opt/tars/state/journal.json 2>/dev/null' || true)" "" "left in the state"
expect_same "$(inside docker ps --format '{{.Names}}' | sort | tr '\n' ' ')" "tars-home-backend tars-home-chromadb tars-home-postgres tars-home-redis "
expect_same "$(inside docker run --rm --entrypoint redis-server tars-home/redis:7.0-bookworm --version | cut -d' ' -f1-2)" "Redis server"

step "once more: what was built here is not taken for something that a run left behind"
before=$(inside docker ps -aq --no-trunc | sort)
try inside /mnt/share/tars install --yes
expect_go
expect_same "$(inside docker ps -aq --no-trunc | sort)" "$before" "containers"
try inside /mnt/share/tars restart
expect_exit 0
expect_same "$(inside docker ps -aq --no-trunc | sort)" "$before" "containers after restart"
