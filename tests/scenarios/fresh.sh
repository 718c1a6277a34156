#!/usr/bin/env bash
# A fresh Debian host without Docker: `tars install --yes --images FILE` installs the engine and compose, starts them,
# loads the images and ends in GO. Again: quick, unchanged. Uninstall: the stack and its images go, Docker stays.
. "$(dirname "$0")/../lib/scenario.sh"
need_images

name=t$TARS_TEST_RUN-fresh
fresh=$repo/tests/roots/fresh.sh
mkdir "$WORK/share"
cp "$TARS_BIN" "$WORK/share/tars"
docker save -o "$WORK/share/images.tar" tars-home/postgres:15-bookworm tars-home/redis:7.0-bookworm tars-home/chroma:1.5.9-bookworm
must "$fresh" --keep --mount "$WORK/share:/mnt/share:ro" "$name" true
at_end+=("'$fresh' --rm '$name'")
inside() { "$fresh" --exec "$name" "$@"; }
# The nested engine's own list.
stack() { inside docker ps -a --no-trunc --format '{{.ID}} {{.Names}}' | sort; }

step "no Docker, and --dry-run says so"
! inside sh -c 'command -v docker dockerd docker-compose' || fail "the root has Docker already"
try inside /mnt/share/tars install --dry-run --images /mnt/share/images.tar
expect_exit 0
expect_said "install Docker"
expect_said "install compose"
! inside sh -c 'command -v dockerd' || fail "--dry-run installed Docker"

step "no answer can be had and no --yes: 64, nothing installed"
try inside /mnt/share/tars install --images /mnt/share/images.tar
expect_exit 64
expect_said "Docker is not installed"
! inside sh -c 'command -v dockerd' || fail "Docker was installed without consent"

step "a second apt holds the lock: it waits and says so"
inside sh -c 'apt-get update -qq >/dev/null 2>&1' || fail "the root cannot reach its package source"
# A record lock as dpkg takes it (struct flock of x86-64), held for 15 s.
cat >"$WORK/share/hold" <<'PERL'
use Fcntl;
open(my $file, '>>', '/var/lib/dpkg/lock-frontend') or die;
my $lock = pack('s s x4 q q l x4', F_WRLCK, 0, 0, 0, 0);
fcntl($file, F_SETLK, $lock) or die "not held: $!";
open(my $mark, '>', '/tmp/held') and close($mark);
sleep 15;
PERL
inside sh -c 'perl /mnt/share/hold >/tmp/hold.log 2>&1 &'
within 10 "another process holds apt's lock" eval 'inside test -e /tmp/held || { inside cat /tmp/hold.log; false; }'
try inside /mnt/share/tars install --yes --images /mnt/share/images.tar
expect_go
expect_said "Docker installed"
expect_said "engine started by"
expect_said "waiting"

step "GO: four services, the home of root, the API, the binary"
expect_same "$(inside docker ps --format '{{.Names}}' | sort | tr '\n' ' ')" "tars-home-backend tars-home-chromadb tars-home-postgres tars-home-redis "
inside test -s /opt/tars/tars-home.env || fail "the home is not /opt/tars"
expect_same "$(inside stat -c %a /opt/tars/tars-home.env)" 600
inside cmp /usr/local/bin/tars /mnt/share/tars || fail "/usr/local/bin/tars is another binary"
try inside tars status --json
expect_exit 0
expect_json 'd["data"]["home"]' /opt/tars
ready() { inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/8000; printf "GET /ready HTTP/1.0\r\nHost: x\r\n\r\n" >&3; head -n 1 <&3 | cut -d" " -f2'; }
expect_same "$(ready)" 200 "/ready inside"

step "again: quick, nothing made anew; also without the FILE"
before=$(stack) settings=$(inside sha256sum /opt/tars/tars-home.env)
at=$SECONDS
try inside tars install --yes
expect_go
[ $((SECONDS - at)) -le 15 ] || fail "it took $((SECONDS - at)) s"
expect_same "$(stack)" "$before" "containers"
expect_same "$(inside sha256sum /opt/tars/tars-home.env)" "$settings" "the env file"

step "the engine dies: status says it, start begins it again or names the way"
inside sh -c 'kill $(cat /var/run/docker.pid)'
within 30 "the engine is gone" eval '! inside docker version >/dev/null 2>&1'
try inside tars status
expect_exit 1
expect_said "no Docker engine"
try inside tars start
expect_exit 69
try inside tars install --yes
expect_go
expect_said "engine started by"

step "uninstall: stack, images and binary go; data, home and Docker stay"
try inside /mnt/share/tars uninstall --yes
expect_exit 0
expect_same "$(stack)" ""
expect_same "$(inside docker images -q --filter label=io.tars.recipe)" "" "images that tars made"
inside docker volume inspect tars-home_postgres_data >/dev/null || fail "the data is gone"
inside test -s /opt/tars/tars-home.env || fail "the settings are gone"
! inside test -e /usr/local/bin/tars || fail "the binary stays"
inside docker version >/dev/null || fail "Docker is gone"
