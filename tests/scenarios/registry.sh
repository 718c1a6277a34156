#!/usr/bin/env bash
# Images from a registry: a real one that works, and bad ones: busy for a while, busy for good, broken, silent, absent.
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=tests/lib/registry.sh
. "$repo/tests/lib/registry.sh"
need_images
need_compose_v1

registry_start "$(mktemp -d "$WORK/registry.XXXX")"
children+=("$REGISTRY_PID")
registry_push tars-home/postgres:15-bookworm postgres:15-bookworm
registry_push tars-home/redis:7.0-bookworm redis:7.0-bookworm
registry_push tars-home/chroma:1.5.9-bookworm chroma:1.5.9-bookworm

# from HOST:PORT: a new stack whose images are that registry's. No such image is in the engine.
from() {
  new_stack "TARS_IMAGE_POSTGRES=$1/postgres:15-bookworm" "TARS_IMAGE_REDIS=$1/redis:7.0-bookworm" \
    "TARS_IMAGE_CHROMA=$1/chroma:1.5.9-bookworm"
  at_end+=("docker rmi '$1/postgres:15-bookworm' '$1/redis:7.0-bookworm' '$1/chroma:1.5.9-bookworm'")
}

bad() { # bad MODE [OPTIONS…]: a registry that fails; BAD=HOST:PORT
  : >"$WORK/bad.port"
  python3 "$repo/tests/lib/bad_registry.py" "$@" >"$WORK/bad.port" 2>"$WORK/bad.log" &
  BAD_PID=$!
  children+=("$BAD_PID")
  within 10 "the bad registry listens" test -s "$WORK/bad.port"
  BAD=127.0.0.1:$(cat "$WORK/bad.port")
}

step "a registry that works: pulled, GO"
from "$REGISTRY"
try tars install --yes --images registry --model none --json
expect_exit 0
expect_json 'd["data"]["verdict"]' GO
[[ $(json "$OUT" 'd["data"]["steps"][4]["detail"]') == "pulled: chromadb, postgres, redis"* ]] || fail "the images step: $(json "$OUT" 'd["data"]["steps"][4]["detail"]')"
expect_same "$(docker inspect -f '{{.Config.Image}}' "$(container redis)")" "$REGISTRY/redis:7.0-bookworm"
expect_same "$(setting TARS_IMAGES)" registry
must tars uninstall --yes --delete-data "$PROJECT"

step "busy at first (429): asked again, said so, GO"
bad 429 --times 2 --upstream "$REGISTRY"
from "$BAD"
try tars install --yes --model none
expect_go
expect_said "asking again in"
expect_said "toomanyrequests"
expect_said "pulled: "
expect_unsaid "from packages: "
must tars uninstall --yes --delete-data "$PROJECT"
kill "$BAD_PID"

# fails WORDS: NO-GO in the images step, in time, nothing started, no fall-back.
fails() {
  local at=$SECONDS
  try tars install --yes --model none --json
  expect_exit "${2:-1}"
  expect_json 'd["data"]["verdict"]' NO-GO
  expect_json 'd["data"]["steps"][-1]["name"], d["data"]["steps"][-1]["status"]' '["images", "failed"]'
  expect_json '"could not get the image" in d["errors"][0]["message"]' true
  expect_json 'bool(d["errors"][0]["hint"]) and len(d["errors"][0]["causes"]) > 0' true
  expect_said "$1"
  expect_unsaid "built from packages"
  expect_same "$(containers)$(volumes)" "" "something was made"
  expect_no_file "$STACK_HOME/state/journal.json"
  [ $((SECONDS - at)) -le "${3:-90}" ] || fail "it took $((SECONDS - at)) s"
}

step "busy for good (429): a failure that says so, not packages"
bad 429
from "$BAD"
fails toomanyrequests 
step "the same command when it has recovered"
kill "$BAD_PID" && wait "$BAD_PID" 2>/dev/null || true
python3 "$repo/tests/lib/bad_registry.py" upstream --upstream "$REGISTRY" --port "${BAD#*:}" >"$WORK/bad.port" 2>"$WORK/bad.log" &
BAD_PID=$!
children+=("$BAD_PID")
within 10 "the registry is back" eval "(exec 3<>/dev/tcp/127.0.0.1/${BAD#*:}) 2>/dev/null"
try tars install --yes --model none
expect_go
must tars uninstall --yes --delete-data "$PROJECT"
kill "$BAD_PID"

step "broken (500)"
bad 500
from "$BAD"
fails "could not get the image"
kill "$BAD_PID"

step "an image it does not know"
bad not-found
from "$BAD"
fails "manifest unknown"
kill "$BAD_PID"

step "nobody listens there: no registry, and no package source for an image of one's own"
from "127.0.0.1:$(test_port)"
fails "refused" 69

step "silent: it takes the connection and never answers"
bad hang
from "$BAD"
fails "could not get the image" 1 150
