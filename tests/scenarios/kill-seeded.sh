#!/usr/bin/env bash
# `kill -9` at 20 moments from a printed seed: 12 of first installations, 8 of one that has to make a container anew
# under a stack that runs. A plain re-run ends in GO every time, in the state of a run that nobody killed.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/kills.sh"
need_images
need_compose_v1

new_stack
step "an unkilled installation, for comparison; seed $TEST_SEED"
reference
moments() { # moments COUNT UPTO SALT
  python3 -c 'import random, sys; r = random.Random(f"{sys.argv[4]}-{sys.argv[3]}"); print(*[f"{r.uniform(0, float(sys.argv[2])):.3f}" for _ in range(int(sys.argv[1]))])' "$1" "$2" "$3" "$TEST_SEED"
}
step "12 kills of a first installation (it takes $TOTAL s)"
for moment in $(moments 12 "$TOTAL" first); do
  new_home
  kill_and_rerun "${moment} s" --after "$moment"
done

step "8 kills of an installation that makes the backend anew"
toggle() {
  if [ "$(setting LOG_LEVEL)" = debug ]; then other=info; else other=debug; fi
  echo "select 1" | psql_ >/dev/null || fail "Postgres does not run before the kill"
  set_env LOG_LEVEL "$other"
  END_STATE=$(sed "s/^LOG_LEVEL=.*/LOG_LEVEL=$other/" <<<"$END_STATE")
}
toggle
must python3 "$kill_at" "$ERR" "$TARS_BIN" --home "$STACK_HOME" install --yes
again=$(tail -n 1 "$OUT" | cut -d' ' -f1)
echo "   unkilled it takes $again s"
for moment in $(moments 8 "$again" again); do
  toggle
  kill_and_rerun "${moment} s" --after "$moment"
  expect_same "$(docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$(container backend)" | grep ^LOG_LEVEL=)" "LOG_LEVEL=$other"
done
[ "$hits" -ge 14 ] || fail "only $hits of 20 moments were before the end: the measure is wrong"
expect_same "$kills" 20 "kills"
