# shellcheck shell=bash
# Sourced by every scenario: a home, a project and a port of its own, words for what is done, and a clean end.
#
#   . tests/lib/scenario.sh            (from a file in tests/scenarios/; its name is the scenario's name)
#   new_stack [KEY=VALUE…]             makes a home with a partial env file; install completes it
#   try COMMAND…                       runs it: STATUS, $OUT (a file) and $ERR (a file)
#   tars ARGUMENTS…                    the binary on this scenario's home
#   expect_exit 0 · expect_out TEXT · expect_err TEXT · expect_json 'd["data"]["verdict"]' GO
#   within SECONDS WHAT COMMAND…       waits for a state; fails with WHAT
#
# A scenario ends at its first `fail` (with TEST_GO_ON=1: goes on), which says what failed, where, and what the last
# `try` said. Whatever it made goes at
# its end, also when it is interrupted: by its projects and homes, never by a broad name.
#
# From tests/run: TARS_BIN, TARS_TEST_RUN (part of every name), TARS_TEST_KEPT (images are kept by somebody else),
# TEST_SEED. All have defaults, so that a scenario can be run by itself.
set -Eeuo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scenario=$(basename "$0" .sh)
TARS_BIN=${TARS_BIN:-$repo/target/x86_64-unknown-linux-gnu/release/tars}
TARS_TEST_RUN=${TARS_TEST_RUN:-$$}
TEST_SEED=${TEST_SEED:-$(date +%s)}
export TARS_BIN TARS_TEST_RUN TEST_SEED NO_COLOR=1 LC_ALL=C.UTF-8 COMPOSE_IGNORE_ORPHANS=
unset TARS_HOME COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_IGNORE_ORPHANS
# shellcheck source=tests/lib/setup.sh
. "$repo/tests/lib/setup.sh"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/tars-test-$TARS_TEST_RUN-$scenario.XXXXXX")
OUT=$WORK/out ERR=$WORK/err STATUS=0
: >"$OUT" && : >"$ERR"
stacks=()   # "PROJECT HOME", in the order they were made
children=() # processes of our own that must go
at_end=()   # commands for the end, last first
begun=$SECONDS failures=0

# --- words --------------------------------------------------------------------------------------------------------

step() { echo "== $* (${SECONDS}s)"; }

fail() {
  echo "FAILED: $*"
  local depth
  for ((depth = 1; depth < ${#FUNCNAME[@]}; depth++)); do
    [ "${BASH_SOURCE[$depth]}" = "${BASH_SOURCE[0]}" ] || echo "   at ${BASH_SOURCE[$depth]#"$repo/"}:${BASH_LINENO[$((depth - 1))]}"
  done
  echo "   the last command ended with status $STATUS${LAST:+: $LAST}"
  echo "   --- its stdout" && tail -n 30 "$OUT" | sed 's/^/   /'
  echo "   --- its stderr" && tail -n 40 "$ERR" | sed 's/^/   /'
  failures=$((failures + 1))
  [ -n "${TEST_GO_ON:-}" ] || exit 1
}

# --- running things -----------------------------------------------------------------------------------------------

# Runs a command to its end; the scenario goes on whatever it says.
try() {
  LAST=$*
  STATUS=0
  "$@" >"$OUT" 2>"$ERR" </dev/null || STATUS=$?
}

# by_hand COMMAND…: what an operator types in the home.
by_hand() { (cd "$STACK_HOME" && "$@"); }

tars() { "$TARS_BIN" --home "$STACK_HOME" "$@"; }

# A command that only prepares or looks must succeed.
must() {
  try "$@"
  [ "$STATUS" = 0 ] || fail "could not: $*"
}

# Starts a process of our own that goes at the end: background LOG COMMAND…; its id is in CHILD.
background() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null &
  CHILD=$!
  children+=("$CHILD")
}

# --- expectations -------------------------------------------------------------------------------------------------

expect_exit() { [ "$STATUS" = "$1" ] || fail "expected exit $1, not $STATUS${2:+ ($2)}"; }
expect_out() { grep -qF -- "$1" "$OUT" || fail "stdout does not say: $1"; }
expect_err() { grep -qF -- "$1" "$ERR" || fail "stderr does not say: $1"; }
expect_no_out() { ! grep -qF -- "$1" "$OUT" || fail "stdout says: $1"; }
# Long words are wrapped in the report: blanks and line breaks count as one blank.
said() { tr -s ' \n' '  ' <"$OUT" | grep -qF -- "$1" || tr -s ' \n' '  ' <"$ERR" | grep -qF -- "$1"; }
expect_said() { said "$1" || fail "nothing says: $1"; }
expect_unsaid() { ! said "$1" || fail "somebody says: $1"; }
expect_same() { [ "$1" = "$2" ] || fail "${3:-they differ}:"$'\n'"$(diff <(echo "$1") <(echo "$2") | head -n 20)"; }
expect_file() { [ -e "$1" ] || fail "$1 is not there"; }
expect_no_file() { [ ! -e "$1" ] && [ ! -L "$1" ] || fail "$1 is there"; }

# json FILE EXPRESSION: what the Python expression over the document d is, one word or line.
json() {
  python3 - "$1" "$2" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    d = json.load(file)
value = eval(sys.argv[2])
print(value if isinstance(value, str) else json.dumps(value))
PY
}

# expect_json EXPRESSION VALUE: of the document on the last stdout.
expect_json() {
  local value
  value=$(json "$OUT" "$1" 2>&1) || fail "stdout is no such document: $1: ${value##*$'\n'}"
  [ "$value" = "$2" ] || fail "$1 is $value, not $2"
}

# within SECONDS WHAT COMMAND…: waits until COMMAND succeeds.
within() {
  local seconds=$1 what=$2
  shift 2
  await "$seconds" "$@" || fail "not within $seconds s: $what"
}

expect_go() { expect_exit 0 "the verdict should be GO" && expect_said "GO: the stack answers"; }

# --- stacks -------------------------------------------------------------------------------------------------------

# A port of this machine that nobody has, below those that the kernel gives away.
test_port() {
  python3 - <<'PY'
import random, socket
while True:
    port = random.randrange(20000, 30000)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("0.0.0.0", port))
        except OSError:
            continue
    print(port)
    break
PY
}

# Makes PROJECT, STACK_HOME, API_PORT. KEY=VALUE arguments come into the env file after the usual three.
new_stack() {
  local number=${#stacks[@]}
  PROJECT=tars-test-$TARS_TEST_RUN-$scenario
  [ "$number" = 0 ] || PROJECT+=$number
  STACK_HOME=$WORK/home$number
  API_PORT=$(test_port)
  stacks+=("$PROJECT $STACK_HOME")
  mkdir -p "$STACK_HOME" "$WORK/docs"
  (umask 077 && printf '%s\n' "COMPOSE_PROJECT_NAME=$PROJECT" "TARS_PORT_API=$API_PORT" "TARS_DOCS_DIR=$WORK/docs" \
    "$@" >"$STACK_HOME/tars-home.env")
}

env_file() { echo "$STACK_HOME/tars-home.env"; }
setting() { sed -n "s/^$1=//p" "$(env_file)" | tail -n 1; }

# set_env KEY VALUE: as an operator would edit the file.
set_env() {
  if grep -q "^$1=" "$(env_file)"; then
    sed -i "s|^$1=.*|$1=$2|" "$(env_file)"
  else
    echo "$1=$2" >>"$(env_file)"
  fi
}

secrets() { sed -n -E 's/^TARS_(POSTGRES_PASSWORD|REDIS_PASSWORD|JWT_SECRET|ENCRYPTION_KEY|ADMIN_PASSWORD)=//p' "$(env_file)"; }

# expect_no_secret FILE…: none of the stack's secrets stands in one of these.
expect_no_secret() {
  local secret
  for secret in $(secrets); do
    ! grep -qF -- "$secret" "$@" || fail "a secret ($(grep -o "^[A-Z_]*=$secret" "$(env_file)" | cut -d= -f1)) stands in: $(grep -lF -- "$secret" "$@" | tr '\n' ' ')"
  done
}

containers() { docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$PROJECT" | sort; }
container() { echo "$PROJECT-$1"; }
# Which containers there are and since when each runs: the same line means that nothing was restarted.
fingerprint() { containers | xargs -r docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Running}}' | sort; }
health() { docker inspect -f '{{.State.Health.Status}}' "$(container "$1")"; }
is_healthy() { [ "$(health "$1")" = healthy ]; }
running() { docker ps --format '{{.Names}}' --filter "label=com.docker.compose.project=$PROJECT" | sed "s/^$PROJECT-//" | sort | tr '\n' ' '; }
volumes() { docker volume ls -q | grep "^${PROJECT}_" | sort || true; }
psql_() { docker exec -i "$(container postgres)" sh -c 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -XAtq'; }
redis_() { docker exec "$(container redis)" redis-cli "$@"; }
# The backend counts requests there for a minute, those of an installation's own validation as well: no data of ours.
redis_keys() { redis_ eval "$COUNT_KEYS" 0; }
COUNT_KEYS="return redis.call('dbsize') - #redis.call('keys', 'tars:limit:*')"
api() { curl -sS -m 10 "http://127.0.0.1:$API_PORT$1"; }
ready_status() { curl -s -o "$WORK/ready" -w '%{http_code}' -m 10 "http://127.0.0.1:$API_PORT/ready"; }
# Whether somebody holds the home's lock: an orphan of a killed run, say.
lock_is_free() { flock -n -s "$STACK_HOME/state/lock" true 2>/dev/null || [ ! -e "$STACK_HOME/state/lock" ]; }

# What the images are for stays while this container exists: uninstall removes images only of the last stack.
keep_images() {
  [ -z "${TARS_TEST_KEPT:-}" ] || return 0
  local name=tars-test-keep-$TARS_TEST_RUN
  docker create --name "$name" --label io.tars.stack=1 --label com.docker.compose.project=keep-images \
    tars-home/redis:7.0-bookworm true >/dev/null || fail "the store images are not there: run tests/run --only images first"
  at_end+=("docker rm -f '$name'")
}

# need_images: every scenario with a stack begins with it.
need_images() {
  local image
  for image in tars-home/postgres:15-bookworm tars-home/redis:7.0-bookworm tars-home/chroma:1.5.9-bookworm; do
    docker image inspect "$image" >/dev/null 2>&1 || fail "$image is not in the engine: run tests/run --only images first"
  done
  keep_images
}

# --- the end ------------------------------------------------------------------------------------------------------

# remove_stack PROJECT HOME: by tars itself, then whatever that left.
remove_stack() {
  local project=$1 home=$2 left
  # An orphan of a killed run may still hold the lock, and would go on making containers.
  [ ! -e "$home/state/lock" ] || await 30 flock -n -s "$home/state/lock" true 2>/dev/null || true
  "$TARS_BIN" --home "$home" --quiet uninstall --yes --delete-data "$project" >/dev/null 2>&1 </dev/null || true
  for left in "label=com.docker.compose.project=$project" "label=io.tars.run.home=$home"; do
    docker ps -aq --filter "$left" | xargs -r docker rm -f -v >/dev/null 2>&1 || true
  done
  docker network ls -q --filter "label=com.docker.compose.project=$project" | xargs -r docker network rm >/dev/null 2>&1 || true
  docker volume ls -q | grep "^${project}_" | xargs -r docker volume rm >/dev/null 2>&1 || true
  rm -f "/etc/cron.d/tars-recover-$project" "/etc/systemd/system/tars-recover-$project.service" 2>/dev/null || true
}

finish() {
  local status=$? child index pair
  trap - EXIT
  trap '' INT TERM HUP # cleaning up is short
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  unset DOCKER_HOST
  for pair in "${stacks[@]}"; do
    # shellcheck disable=SC2086
    remove_stack $pair
  done
  for ((index = ${#at_end[@]} - 1; index >= 0; index--)); do eval "${at_end[$index]}" >/dev/null 2>&1 || true; done
  if [ -n "${KEEP_WORK:-}" ]; then echo "kept $WORK"; else rm -rf --one-file-system "$WORK" 2>/dev/null || true; fi
  [ "$failures" = 0 ] || status=1
  [ "$status" != 0 ] || [[ $0 == */bench/* ]] || echo "== $scenario passed ($((SECONDS - begun))s)"
  exit "$status"
}
# A command of the scenario itself that fails unforeseen says where; inside $(…) it is left to whoever reads the value.
trap '[ "$BASH_SUBSHELL" != 0 ] || fail "$BASH_COMMAND"' ERR
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
