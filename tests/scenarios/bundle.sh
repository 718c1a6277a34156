#!/usr/bin/env bash
# The support bundle on a live stack full of canaries: secrets known and unknown, questions, documents and their names in
# every place that is collected, and not one of them in the bundle. Then bad days: logs that never end, a service that
# hangs, no engine, no rights, no room, a kill in the middle, a backup at the same time.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
image=$("$repo/tests/ollama_double/image.sh")

canaries=$WORK/canaries
: >"$canaries"
# canary NAME: a new value of letters and digits, remembered under that name.
canary() {
  local value
  value=$(head -c 600 /dev/urandom | base64 -w 0 | tr -dc 'a-zA-Z0-9' | head -c 24)
  printf '%s\t%s\n' "$1" "$value" >>"$canaries"
  echo "$value"
}
# words NAME: what a person would write, with a canary of words in it.
words() {
  local value="zanzibar $RANDOM marzipan $RANDOM"
  printf '%s\t%s\n' "$1" "$value" >>"$canaries"
  echo "$value"
}
bundle_of() { json "$OUT" 'd["data"]["archive"]'; }
# member NAME: a member of the last bundle.
member() { tar -xzOf "$BUNDLE" --wildcards "*/$1"; }
# bundled ARGUMENTS…: makes one, measured; BUNDLE, MS and KIB (of memory) are set.
bundled() {
  try python3 "$repo/tests/lib/measured.py" "$OUT.json" "$TARS_BIN" --home "$STACK_HOME" --json support-bundle "$@"
  KIB=$(tail -n 1 "$OUT")
  mv "$OUT.json" "$OUT"
  BUNDLE=$(bundle_of 2>/dev/null) || BUNDLE=
  MS=$(json "$OUT" 'd["data"]["duration_ms"]' 2>/dev/null) || MS=
  echo "   bundle: ${MS:-?} ms, $KIB KiB of memory, $(stat -c %s "$BUNDLE" 2>/dev/null || echo '?') bytes"
}
expect_clean() {
  local said
  said=$(python3 "$repo/tests/lib/leaks.py" "$1" "$canaries") || fail "the bundle $1 is not clean ($?):"$'\n'"$said"
}
# Figures are of an idle machine; TEST_SLOW gives a factor for one that is not.
expect_ms() { [ "${MS:-999999}" -le $(($1 * ${TEST_SLOW:-1})) ] || fail "it took $MS ms, more than $1"; }
expect_member() { grep -q "/$1\$" <(tar -tzf "$BUNDLE") || fail "the bundle holds no $1"; }
# holds MEMBER PATTERN…: grep's own arguments; not a pipe, whose writer would die of a reader that has seen enough.
holds() { local name=$1; shift; grep "$@" <(member "$name") >/dev/null; }
note_on() { json "$OUT" '[n["why"] for n in d["data"]["notes"] if n["about"].startswith("'"$1"'")]'; }
# What a service's own process would write; in the container only that process may.
own_output() { echo "/proc/$(docker inspect -f '{{.State.Pid}}' "$(container "$1")")/fd/1"; }
say_in() { cat >"$(own_output "$1")"; }

new_stack "TARS_IMAGE_OLLAMA=$image" TARS_RATE_LIMIT=0
chmod 755 "$WORK" "$WORK/docs"
name=$(words 'a document name')
folder=$(words 'a folder name')
text=$(words 'a document text')
mkdir "$WORK/docs/$folder"
echo "The $text lies here." >"$WORK/docs/$folder/$name.md"
echo "more of $text" >"$WORK/docs/$folder/$name (2).txt"
must tars install --yes
for secret in $(secrets); do printf 'a secret of the env file\t%s\n' "$secret" >>"$canaries"; done

step "canaries in every place that is looked at"
cat >>"$(env_file)" <<KEYS
SMTP_PASSWORD=$(canary 'an unknown password in the env file')
MY_OWN_THING=$(words 'an unknown value in the env file')
WEBHOOK=https://bot:$(canary 'a password in an address')@hooks.example.net/x
KEYS
argv=$(canary 'a password in a command line')
cat >"$STACK_HOME/docker-compose.mine.yml" <<YAML
services:
  backend:
    environment:
      EXTRA_TOKEN: $(canary 'a token in an override')
      EXTRA_WORDS: $(words 'a text in an override')
    labels:
      proxy.auth.password: $(canary 'a password in a label')
      proxy.note: $(words 'a text in a label')
  sleeper:
    image: tars-home/redis:7.0-bookworm
    container_name: $PROJECT-sleeper
    entrypoint: ["sh", "-c", "tail -f /dev/null # --password $argv"]
    labels:
      io.tars.stack: "1"
YAML
set_env COMPOSE_FILE "docker-compose.home.yml:docker-compose.mine.yml"
must tars restart
is_ready() { [ "$(ready_status)" = 200 ]; }
within 60 "the stack is ready" is_ready
background "$WORK/argv.log" bash -c "exec -a 'worker --password=$(canary 'a password of a process')' sleep 600"

redis_secret=$(setting TARS_REDIS_PASSWORD)
jwt="eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.$(printf '{"sub":"%s"}' "$(canary 'a token in a log')" | base64 -w 0 | tr -d '=' | tr '/+' '_-').c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4tb25lMTIzNDU2Nzg"
printf 'a token\t%s\n' "${jwt:37}" >>"$canaries"
for service in redis postgres chromadb ollama; do
  say_in "$service" <<LOG
connecting with $redis_secret as it is
connecting with $(printf %s "$redis_secret" | base64 -w 0) in base64
connecting with $(printf %s "$redis_secret" | xxd -p -c 99) in hex
authorization: Bearer $jwt
{"level":"DEBUG","prompt":"$(words "a prompt in the log of $service")","ms":12}
level=DEBUG msg="chat" query="$(words "a question in the log of $service")" took=3
could not read /documents/$folder/$name.md
could not read $name (2).txt at all
DB_PASSWORD=$(canary "a password in the log of $service")
$(printf '\033[1;31mpass\033[0mword: %s' "$(canary "a coloured password in the log of $service")")
-----BEGIN RSA PRIVATE KEY-----
$(key=$(head -c 200 /dev/urandom | base64 -w 64); echo "$key"; printf 'a key block\t%s\n' "$(echo "$key" | head -n 1)" >>"$canaries")
-----END RSA PRIVATE KEY-----
kept-$service: this line tells what support needs
LOG
done
sql_text=$(words 'a text in a statement')
for statement in "select '$sql_text'::int" "insert into nowhere values ('$sql_text')" "do \$\$ begin raise exception '$sql_text'; end \$\$" \
  "create role canary login password '$(canary 'a password in a statement')'; select 1/0"; do
  psql_ <<<"$statement" >/dev/null 2>&1 || true
done
redis_ acl setuser canary on ">$(canary 'a password of a Redis user')" >/dev/null
redis_ set "$(words 'a Redis key')" "$(words 'a Redis value')" >/dev/null
chroma=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container chromadb)"):8000
curl -sSf -m 10 -H 'Content-Type: application/json' -o "$WORK/made" \
  -d "{\"name\":\"canaries\",\"metadata\":{\"note\":\"$(words 'metadata of a collection')\"}}" \
  "http://$chroma/api/v2/tenants/default_tenant/databases/default_database/collections"
cron=/etc/cron.d/tars-canary-$TARS_TEST_RUN
echo "# 0 0 1 1 * root" >"$cron"
echo "0 0 1 1 * root CANARY_PASSWORD=$(canary 'a password in a crontab') /usr/local/bin/tars status" >>"$cron"
at_end+=("rm -f '$cron'")
echo "CIFS: canary: mount with password=$(canary 'a password in the log of the kernel')" >/dev/kmsg 2>/dev/null || echo "   the kernel takes no lines here"
TOKEN=$(curl -sS -m 20 -H 'Content-Type: application/json' -d "{\"username\":\"admin\",\"password\":\"$(setting TARS_ADMIN_PASSWORD)\"}" \
  "http://127.0.0.1:$API_PORT/auth/token" | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
printf 'a token of the API\t%s\n' "${TOKEN:40}" >>"$canaries"
as_admin() { curl -sS -m 60 -o "$WORK/answer" -H "Authorization: Bearer $TOKEN" "$@"; }
echo "Nobody but $(words 'the text of an upload') knows." >"$WORK/$name upload.md"
as_admin -F "file=@$WORK/$name upload.md" "http://127.0.0.1:$API_PORT/rag/documents"
as_admin -H 'Content-Type: application/json' -d "{\"query\":\"$(words 'a question') and where?\"}" "http://127.0.0.1:$API_PORT/rag/query"
as_admin -H 'Content-Type: application/json' -d '{broken' "http://127.0.0.1:$API_PORT/rag/query"

step "not one of them is in the bundle, and what support needs is"
note="since $name.md came, it fails with $redis_secret and $(canary 'a password in the note' | sed 's/^/password=/')"
bundled --note "$note"
expect_exit 0
expect_clean "$BUNDLE"
expect_ms 6000
[ "$KIB" -le 102400 ] || fail "it took $KIB KiB of memory"
expect_same "$(stat -c %a "$BUNDLE")" 600 "the mode"
(cd "$(dirname "$BUNDLE")" && sha256sum -c "$(basename "$BUNDLE").sha256" >/dev/null) || fail "the sum is another"
expect_same "$(sha256sum "$BUNDLE" | cut -d ' ' -f 1)" "$(json "$OUT" 'd["data"]["sha256"]')" "the reported sum"
for file in README.txt manifest.json redactions.json summary.html note.txt facts.json verdicts/doctor.txt system/os.txt system/kernel.log \
  engine/info.json engine/events.log engine/volumes.json "containers/$PROJECT-redis.json" "logs/$PROJECT-postgres.log" stack/settings.txt \
  stack/compose.yml stack/compose.diff stack/files.txt stack/state/runs.jsonl stores/postgres.txt stores/redis.txt stores/chroma.json \
  stores/backend.json stores/backend-summary.json stores/backend-metrics.txt gpu/gpu.txt nas/nas.txt network/host.txt network/subnets.txt; do
  expect_member "$file"
done
for service in redis chromadb ollama; do
  holds "logs/$PROJECT-$service.log" -q "kept-$service" || fail "the log of $service lost what it should tell"
done
holds "logs/$PROJECT-postgres.log" -q 'invalid input syntax for type integer' || fail "Postgres' error is gone"
holds stores/postgres.txt -q schema_migrations || fail "no tables of Postgres"
holds stores/postgres.txt -qE '^(11|12|[0-9]+) \| ' || fail "no level of the schema"
holds stores/chroma.json -q canaries || fail "no collections"
holds stores/redis.txt -q redis_version || fail "no INFO of Redis"
holds stores/backend-metrics.txt -q '^# TYPE' || fail "no metrics"
holds stack/settings.txt -q '^? SMTP_PASSWORD: ' || fail "an unknown setting is not named"
holds stack/settings.txt -q "\* TARS_PORT_API: $API_PORT" || fail "what differs from the default is not marked"
holds stack/compose.diff -q '^+  sleeper:' || fail "the override is not told"
holds "containers/$PROJECT-sleeper.json" -q 'tail -f /dev/null' || fail "the command is gone"
holds "logs/$PROJECT-redis.log" -q 'doc#[0-9]*\.md' || fail "no document is told by its number"
holds summary.html -q "The operator&#39;s note\|The operator's note" || fail "the note is not in the summary"
holds summary.html -qE '(src|href)=.?https?:' && fail "the summary wants a network"
member manifest.json >"$WORK/manifest"
expect_same "$(json "$WORK/manifest" 'd["left_out_by_the_proof"]')" "[]"
expect_same "$(json "$WORK/manifest" 'sum(f["replaced"] for f in d["files"]) > 20')" true

step "names on wish, names of people and machines not; --dry-run writes nothing"
bundled --with-names
holds "logs/$PROJECT-redis.log" -qF "$name.md" || fail "--with-names left the names out"
host=$(cat /proc/sys/kernel/hostname)
bundled --obfuscate
expect_clean "$BUNDLE"
if [ "${#host}" -gt 2 ] && [ "$host" != localhost ]; then
  member system/os.txt >"$WORK/os"
  ! grep -qw -- "$host" <(tar -xzOf "$BUNDLE") || fail "--obfuscate left the host's name"
fi
before=$(find "$STACK_HOME/support" | sort)
try tars support-bundle --dry-run
expect_exit 0
expect_out "nothing was written"
expect_out "stores/postgres.txt"
expect_same "$before" "$(find "$STACK_HOME/support" | sort)" "--dry-run wrote something"

step "a small limit: the oldest lines go, and the manifest says so"
for service in redis postgres chromadb; do
  { shuf -i 100000-999999 -n 100000 | paste -sd ' ' | fold -w 700; echo; echo "last of $service"; } | say_in "$service"
done
bundled --max-size 256K --include-all-logs
expect_exit 0
[ "$(stat -c %s "$BUNDLE")" -le 262144 ] || fail "it has $(stat -c %s "$BUNDLE") bytes"
member manifest.json >"$WORK/manifest"
expect_same "$(json "$WORK/manifest" 'sum(f["oldest_lines_left_out"] for f in d["files"]) > 100')" true "lines left out"
expect_same "$(json "$WORK/manifest" 'd["left_out_for_size"]')" "[]"
holds "logs/$PROJECT-chromadb.log" -q "last of chromadb" || fail "the newest line went"

step "logs that never end, NULs, a container that writes while it is read"
{ head -c 30000000 /dev/zero | tr '\0' x; head -c 100000 /dev/urandom; printf '\0\0\n'; } | say_in redis
background "$WORK/writer.log" bash -c "while :; do echo busy; done >'$(own_output chromadb)'"
writer=$CHILD
bundled --include-all-logs
kill "$writer" 2>/dev/null || true
expect_exit 0
expect_clean "$BUNDLE"
expect_ms 6000
[ "$KIB" -le 102400 ] || fail "it took $KIB KiB of memory"

step "a service that hangs is a note; half a stack is one"
pids() { docker top "$(container postgres)" -o pid | tail -n +2; }
# shellcheck disable=SC2046
kill -STOP $(pids)
bundled
# shellcheck disable=SC2046
kill -CONT $(pids)
expect_exit 0
expect_ms 8000
[[ $(note_on stores/postgres) != '[]' ]] || fail "nothing says that Postgres hangs"
expect_member "logs/$PROJECT-postgres.log"
docker stop -t 1 "$(container chromadb)" "$(container backend)" >/dev/null
docker pause "$(container redis)" >/dev/null
bundled
docker unpause "$(container redis)" >/dev/null
docker start "$(container chromadb)" "$(container backend)" >/dev/null
expect_exit 0
expect_ms 8000
expect_clean "$BUNDLE"
holds summary.html -q "is \(exited\|paused\)" || fail "the summary does not say what stands still"

step "no engine, no rights, settings that cannot be read"
DOCKER_HOST=unix:///nonexistent.sock bundled
expect_exit 0
expect_ms 8000
expect_clean "$BUNDLE"
[[ $(note_on engine) == *"no Docker engine"* ]] || fail "nothing says that there is no engine: $(note_on engine)"
expect_member facts.json
cp -a "$(env_file)" "$WORK/env"
printf 'this line is "broken %s\n' "$(canary 'a secret in a broken line')" >>"$(env_file)"
bundled
expect_exit 0
expect_clean "$BUNDLE"
cp -a "$WORK/env" "$(env_file)"
install -m 755 "$TARS_BIN" "$WORK/tars"
mkdir -m 777 "$WORK/nobody"
try setpriv --reuid 65534 --regid 65534 --clear-groups env -C "$WORK/nobody" "$WORK/tars" --home "$STACK_HOME" --json support-bundle
expect_exit 0
BUNDLE=$(bundle_of)
case $BUNDLE in "$WORK"/nobody/*) ;; *) fail "a bundle of nobody is in $BUNDLE" ;; esac
expect_clean "$BUNDLE"
expect_json '[w["id"] for w in d["warnings"]]' '["bundle.elsewhere"]'
try "$TARS_BIN" --home "$WORK/nowhere" --json support-bundle --output-dir "$WORK/bare"
expect_exit 0
expect_file "$(bundle_of)"
expect_no_file "$WORK/nowhere"

step "a full disk leaves nothing; a kill leaves nothing that the next run does not take away"
mkdir "$WORK/small"
if mount -t tmpfs -o size=16k tmpfs "$WORK/small" 2>/dev/null; then
  at_end+=("umount '$WORK/small'")
  try tars support-bundle --output-dir "$WORK/small"
  expect_exit 1
  expect_err "--output-dir"
  expect_same "$(ls -A "$WORK/small")" "" "a full disk keeps half a bundle"
fi
mkdir "$WORK/killed"
for tenths in 02 05 08 11 14 17 20; do
  timeout -s KILL "${tenths:0:1}.${tenths:1}" "$TARS_BIN" --home "$STACK_HOME" --quiet support-bundle --output-dir "$WORK/killed" >/dev/null 2>&1 </dev/null || true
done
must tars support-bundle --output-dir "$WORK/killed"
expect_same "$(find "$WORK/killed" -name '*.partial')" "" "half bundles are left"
for file in "$WORK"/killed/*.tar.gz; do
  expect_file "$file.sha256"
  expect_clean "$file"
done

step "beside a backup, neither waits for the other"
background "$WORK/backup.log" "$TARS_BIN" --home "$STACK_HOME" --yes backup
backup=$CHILD
bundled
expect_exit 0
expect_clean "$BUNDLE"
wait "$backup" || fail "the backup failed: $(tail -n 5 "$WORK/backup.log")"

step "the secrets are in the stack still: the search would have found them"
grep -aqF "$redis_secret" <(docker logs "$(container ollama)" 2>&1) || fail "the canaries are in no log: this scenario proves nothing"
mkdir "$WORK/proof" && docker logs "$(container ollama)" >"$WORK/proof/log" 2>&1 && tar -czf "$WORK/proof.tar.gz" -C "$WORK" proof
! python3 "$repo/tests/lib/leaks.py" "$WORK/proof.tar.gz" "$canaries" >/dev/null || fail "the search finds nothing in a raw log"
