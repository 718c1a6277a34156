# shellcheck shell=bash
# Sourced by the kill scenarios, after scenario.sh: what a kill must leave possible.
#
#   reference                       one unkilled installation: END_STATE, TOTAL (its seconds) and "$WORK/times"
#   kill_and_rerun WHAT [--line TEXT] [--after SECONDS]     on the present stack; ends in GO and in END_STATE

kill_at=$repo/tests/lib/kill_at.py
kills=0 hits=0

# Everything that one installation leaves, without what differs between two: ids, times, secrets, work directories.
end_state() {
  containers | xargs -r docker inspect -f '{{.Name}} {{.Config.Image}} {{.State.Status}} ' | sort
  containers | xargs -r docker inspect -f '{{$name := .Name}}{{range .Mounts}}{{$name}} {{.Name}}:{{.Destination}}{{println}}{{end}}' | sort
  volumes
  docker network ls --format '{{.Name}}' --filter "label=com.docker.compose.project=$PROJECT"
  (cd "$STACK_HOME" && find . ! -name 'runs*.jsonl' -printf '%m %y %p %l\n' | sort)
  sed -E '/^TARS_(POSTGRES_PASSWORD|REDIS_PASSWORD|JWT_SECRET|ENCRYPTION_KEY|ADMIN_PASSWORD)=[A-Za-z0-9]{32}$/ s/=.*/=(a secret)/' "$(env_file)"
  sed '/"made"/d' "$STACK_HOME/state/generations.json"
  docker ps -a --filter "label=io.tars.run.home=$STACK_HOME" --format 'left of a run: {{.Names}}'
  ls "/etc/cron.d/tars-recover-$PROJECT" "/etc/systemd/system/tars-recover-$PROJECT.service" 2>/dev/null || true
}

reference() {
  python3 "$kill_at" "$ERR" "$TARS_BIN" --home "$STACK_HOME" install --yes >"$WORK/times" || fail "the unkilled installation failed"
  TOTAL=$(tail -n 1 "$WORK/times" | cut -d' ' -f1)
  END_STATE=$(end_state)
  [[ $END_STATE != *"left of a run"* ]] || fail "an unkilled run leaves something: $END_STATE"
  [ "$(grep -c '' <<<"$END_STATE")" -gt 70 ] || fail "the end state is no end state: $END_STATE"
}

# When a step began and how long it took, in the unkilled run.
step_begins() { awk -v tag="[$1/9]" 'index($0, tag) { print $1; exit }' "$WORK/times"; }
step_took() {
  awk -v tag="[$1/9]" -v mark="✓" 'index($0, tag) { from = $1 } from && index($0, mark) { print $1 - from; exit }' "$WORK/times"
}

new_home() { # as new_stack made it, the same project and port again
  tars --quiet uninstall --yes --delete-data "$PROJECT" >"$OUT" 2>"$ERR" || true
  expect_same "$(containers)$(volumes)" "" "something is left of the run before"
  mkdir -p "$STACK_HOME"
  (umask 077 && printf '%s\n' "COMPOSE_PROJECT_NAME=$PROJECT" "TARS_PORT_API=$API_PORT" "TARS_DOCS_DIR=$WORK/docs" >"$(env_file)")
}

kill_and_rerun() {
  local what=$1 how at=$SECONDS secrets_before
  shift
  how=$(python3 "$kill_at" "$@" "$WORK/killed.err" "$TARS_BIN" --home "$STACK_HOME" install --yes) || fail "could not be killed at: $what ($how)"
  # Whatever the env file held when it died is what the stores may have been made with.
  secrets_before=$(secrets)
  # Orphans of the killed run (compose) finish their work and hold the lock meanwhile: the re-run is refused till then.
  if ! lock_is_free; then
    try tars install --yes
    if [ "$STATUS" = 75 ]; then
      expect_said "another run changes this stack right now"
      within 90 "the orphans of the killed run let the lock go" lock_is_free
    fi
  fi
  try tars install --yes
  if [ "$STATUS" != 0 ]; then
    cp "$WORK/killed.err" "$WORK/shown" && echo "killed at: $what; its last lines:" && tail -n 5 "$WORK/shown"
  fi
  expect_go
  expect_same "$(end_state)" "$END_STATE" "killed at: $what; the end state is another than after an unkilled run"
  [ -z "$secrets_before" ] || expect_same "$(secrets)" "$secrets_before" "killed at: $what; the secrets were made anew"
  expect_same "$(ready_status)" 200 "/ready after a kill at: $what"
  kills=$((kills + 1))
  [ "$how" != killed ] || hits=$((hits + 1))
  printf '   %-34s %-8s then GO (%s s)\n' "$what" "$how" $((SECONDS - at))
}
