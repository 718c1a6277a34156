#!/usr/bin/env bash
# Archives that go elsewhere: to servers of other versions, to a host that has nothing but the key, and with models.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images
need_compose_v1
ollama=$("$repo/tests/ollama_double/image.sh")

data() {
  psql_ <<<"select count(*) || ' ' || md5(string_agg(body, '' order by id)) from notes"
  redis_keys
  python3 "$seed" count "http://$(address chromadb):8000" docs
}
# The same image under a tag that names another version.
tagged() {
  docker tag "$1" "$2" && at_end+=("docker rmi '$2'")
}
untouched() {
  expect_same "$(fingerprint)$(volumes)" "$before" "$1: something changed"
  expect_no_file "$STACK_HOME/state/journal.json"
}
look() { before=$(fingerprint)$(volumes); }
archive() { # FLAGS…
  must tars backup --output-dir "$WORK/archives" --json "$@"
  ARCHIVE=$(json "$OUT" 'd["data"]["archive"]')
}

new_stack "TARS_IMAGE_OLLAMA=$ollama"
must tars install --yes
mkdir -p "$WORK/archives"
seed_postgres 800
seed_redis 200
seed_chroma 700 16
was=$(data)
python3 "$seed" ids "http://$(address chromadb):8000" docs | sort >"$WORK/ids"

step "models: every blob once, checked against its name, never a private key"
docker exec "$(container ollama)" sh -c 'echo "-----BEGIN OPENSSH PRIVATE KEY-----" >/root/.ollama/id_ed25519'
archive --include-models --export-vectors
models=$ARCHIVE
expect_json '[c["status"] for c in d["data"]["components"] if c["name"] == "models"]' '["saved"]'
tar -tzf "$models" >"$WORK/members"
grep -q '/ollama/models/blobs/sha256-' "$WORK/members" || fail "no blob is in the archive"
! grep -q id_ed25519 "$WORK/members" || fail "the private key is in the archive"
archive --export-vectors
plain=$ARCHIVE

step "models come back from the archive, and nothing is pulled"
docker exec "$(container ollama)" sh -c 'ls /root/.ollama/models/blobs | sort' >"$WORK/blobs"
docker exec "$(container ollama)" sh -c 'rm -rf /root/.ollama/models'
try tars restore --backup-file "$models" --component models --yes --json
expect_exit 0
expect_same "$(docker exec "$(container ollama)" sh -c 'ls /root/.ollama/models/blobs | sort')" "$(cat "$WORK/blobs")" "blobs"
docker exec "$(container ollama)" ollama list >"$WORK/list"
grep -q nomic-embed-text "$WORK/list" || fail "the models are not there: $(cat "$WORK/list")"

step "a server that is too old: refused before any change, with the way round"
tagged tars-home/postgres:15-bookworm "tars-home/postgres:14-test-$TARS_TEST_RUN"
tagged tars-home/redis:7.0-bookworm "tars-home/redis:6.0-test-$TARS_TEST_RUN"
tagged tars-home/chroma:1.5.9-bookworm "tars-home/chroma:1.4.0-test-$TARS_TEST_RUN"
for pair in "POSTGRES postgres:14" "REDIS redis:6.0"; do
  read -r key image <<<"$pair"
  kept=$(setting "TARS_IMAGE_$key")
  look
  set_env "TARS_IMAGE_$key" "tars-home/$image-test-$TARS_TEST_RUN"
  try tars restore --backup-file "$plain" --yes
  expect_exit 1 "an old $image"
  expect_said "TARS_IMAGE_$key"
  untouched "an old $image"
  set_env "TARS_IMAGE_$key" "$kept"
done

step "Chroma's files are of a newer version: the records come from vectors/"
psql_ <<<"delete from notes where id > 10"
kept=$(setting TARS_IMAGE_CHROMA)
set_env TARS_IMAGE_CHROMA "tars-home/chroma:1.4.0-test-$TARS_TEST_RUN"
try tars restore --backup-file "$plain" --drill --json
expect_exit 0
expect_said "its records come from vectors/"
try tars restore --backup-file "$plain" --yes --json
expect_exit 0
expect_json 'd["data"]["verdict"]' pass
expect_said "its records come from vectors/"
expect_same "$(data)" "$was" "through the API"
python3 "$seed" ids "http://$(address chromadb):8000" docs | sort | cmp - "$WORK/ids" || fail "ids through the API"
# Beside it the backend has its own index by now.
found=$(curl -sf "http://$(address chromadb):8000/api/v2/tenants/default_tenant/databases/default_database/collections" | python3 -c 'import json,sys; print([(c["name"], c["dimension"]) for c in json.load(sys.stdin) if c["name"] == "docs"])')
expect_same "$found" "[('docs', 16)]" "collections"

step "and without vectors/ it is refused"
archive
set_env TARS_IMAGE_CHROMA "tars-home/chroma:1.3.0-test-$TARS_TEST_RUN"
tagged tars-home/chroma:1.5.9-bookworm "tars-home/chroma:1.3.0-test-$TARS_TEST_RUN"
look
try tars restore --backup-file "$ARCHIVE" --yes
expect_exit 1
expect_said "--export-vectors"
untouched "an old Chroma"
set_env TARS_IMAGE_CHROMA "$kept"
try tars restart
expect_exit 1 "files of one family under a server of another"

step "Redis cannot be loaded: a warning, the rest is restored"
python3 "$repo/tests/lib/rewrite.py" "$plain" "$WORK/archives/tars-backup-broken.tar.gz" redis/dump.rdb 'content[:9] + b"\xff" * 64'
redis_ set here 1 >/dev/null
psql_ <<<"delete from notes where id > 10"
try tars restore --backup-file "$WORK/archives/tars-backup-broken.tar.gz" --skip-validation --yes --json
expect_exit 2
expect_json '[w["id"] for w in d["warnings"] if w["id"] == "restore.redis"]' '["restore.redis"]'
expect_same "$(data | sed -n 1p)" "$(sed -n 1p <<<"$was")" "Postgres"
expect_same "$(redis_ exists here)" 1 "the live cache stays"

step "another host: an encrypted archive brings the settings and their secrets back"
try tars backup keygen --output "$WORK/key.txt"
expect_exit 0
recipient=$(sed -n 's/^# public key: //p' "$WORK/key.txt")
set_env LOG_LEVEL debug
must tars restart
old_secrets=$(secrets | sort)
was=$(data)
archive --encrypt-to "$recipient"
sealed=$ARCHIVE
expect_json 'd["data"]["encrypted"]' true
must tars uninstall --yes --delete-data "$PROJECT"
new_stack
try tars restore --backup-file "$sealed" --yes
expect_exit 69 "a restore before there is a stack"
expect_said "tars install"
must tars install --yes
[ "$(secrets | sort)" != "$old_secrets" ] || fail "the other host has the old secrets already"
try tars restore --backup-file "$sealed" --yes
expect_exit 1
expect_said "--identity"
try tars restore --backup-file "$sealed" --identity "$WORK/key.txt" --restore-config --dry-run --json
expect_exit 0
expect_said "TARS_ENCRYPTION_KEY"
expect_no_secret "$OUT" "$ERR"
try tars restore --backup-file "$sealed" --identity "$WORK/key.txt" --restore-config --yes --json
expect_exit 0
expect_json 'd["data"]["verdict"]' pass
expect_same "$(secrets | sort)" "$old_secrets" "the secrets out of the archive"
expect_same "$(setting LOG_LEVEL)" debug "a setting that travels"
expect_same "$(data)" "$was" "on the other host"
expect_same "$(ready_status)" 200 /ready
must tars restart
expect_same "$(data)" "$was" "after a restart with the old secrets"

step "and the undo brings the settings of before back, too"
must tars restore --undo --yes
[ "$(secrets | sort)" != "$old_secrets" ] || fail "the undo left the archive's secrets"
must tars status

step "an open archive brings no secrets: new ones stay, and the data is all there: nothing in it was sealed with the lost key"
try tars restore --backup-file "$plain" --restore-config --yes --json
expect_exit 0
expect_unsaid "another TARS_ENCRYPTION_KEY"
[ "$(secrets | sort)" != "$old_secrets" ] || fail "secrets came out of an open archive"
redis_ set here 1 >/dev/null # as when the archive's sibling was made
expect_same "$(data)" "$was"
