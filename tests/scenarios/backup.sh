#!/usr/bin/env bash
# `tars backup` of a seeded stack: what is in the archive, what stopped meanwhile, what is refused before anything stops,
# and what a bad moment leaves.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images

unpack() { # ARCHIVE: into $WORK/unpacked, by tar alone
  rm -rf "$WORK/unpacked" && mkdir "$WORK/unpacked" && tar -xzf "$1" -C "$WORK/unpacked" --strip-components=1 || fail "tar cannot unpack $1"
}
archives() { find "$STACK_HOME/backups" -name 'tars-backup-*' ! -name '*.sha256' | sort; }
left() { # of a run that has ended
  find "$STACK_HOME/backups" -name '*.partial'
  find "$STACK_HOME/state/work" -mindepth 1 2>/dev/null
  docker ps -aq --filter "label=io.tars.run.home=$STACK_HOME"
  ls "$STACK_HOME/state/journal.json" 2>/dev/null
  true
}
backup() { try tars --json backup "$@"; }
since() { docker inspect -f '{{.State.StartedAt}}' "$(container "$1")"; }
outcome() { json "$WORK/unpacked/outcome.json" "$1"; }

new_stack
must tars install --yes
seed_postgres 3000
seed_redis 500
seed_chroma 1500 8
seed_documents
all="backend chromadb postgres redis "
expect_same "$(running)" "$all" "what runs"

step "a rehearsal changes nothing and names what would stop"
before=$(fingerprint)
backup --dry-run
expect_exit 0
expect_json '" ".join(d["data"]["plan"]["stops"])' "backend chromadb"
expect_json 'd["data"]["archive"]' null
expect_same "$(fingerprint)$(left)" "$before" "a rehearsal"

step "a whole backup"
kept="$(since postgres) $(since redis)"
backup
expect_exit 0
expect_same "$(since postgres) $(since redis)" "$kept" "Postgres and Redis must not be stopped"
expect_same "$(running)" "$all" "what ran runs again"
expect_same "$(ready_status)" 200 "/ready"
expect_same "$(left)" "" "a run leaves nothing of its own"
expect_json '" ".join(sorted(c["name"] + ":" + c["status"] for c in d["data"]["components"]))' \
  "chromadb:saved config:saved documents:saved postgres:saved redis:saved"
expect_json 'd["data"]["uncovered"]' '[]'
expect_json '0 < d["data"]["downtime_ms"] <= d["data"]["duration_ms"]' true
expect_json 'any("/var/log/tars" in e["mount"] for e in d["data"]["excluded"]) and any("/documents" in e["mount"] for e in d["data"]["excluded"])' true
archive=$(json "$OUT" 'd["data"]["archive"]')
expect_same "$(stat -c %a "$archive")" 600 "the archive is private"
(cd "$(dirname "$archive")" && sha256sum -c --quiet "$(basename "$archive").sha256") || fail "sha256sum -c of the sidecar"
expect_json 'd["data"]["sha256"]' "$(sha256sum <"$archive" | cut -d' ' -f1)"

step "what is in it"
unpack "$archive"
expect_same "$(tar -tzf "$archive" | sed -n '1p;$p' | sed 's|.*/||' | tr '\n' ' ')" "manifest.json SHA256SUMS " "first and last member"
(cd "$WORK/unpacked" && sha256sum -c --quiet SHA256SUMS) || fail "SHA256SUMS"
expect_same "$(docker exec -i "$(container postgres)" pg_restore -f /dev/null <"$WORK/unpacked/postgres/tars_home.dump" && echo whole)" whole
expect_same "$(outcome 'd["postgres"]["tables"]["public.notes"]') $(outcome 'd["postgres"]["tables"]["public.nothing"]')" "3000 0" "rows"
expect_same "$(outcome 'd["redis"]["keys"]') $(outcome 'd["redis"]["expires"]')" "500 50" "keys"
expect_same "$(tail -c 9 "$WORK/unpacked/redis/dump.rdb" | head -c 1 | od -An -tx1 | tr -d ' ')" ff "the dump ends with its own sum, and with nothing behind it"
expect_same "$(outcome '[(c["name"], c["ids"], c["dimension"], len(c["golden"])) for c in d["chroma"]["collections"]]')" '[["docs", 1500, 8, 4]]' "collections"
expect_same "$(outcome 'd["documents"]["files"]')" 2 "documents"
docs=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")
cmp "$docs/ab/first one.txt" "$WORK/unpacked/documents/ab/first one.txt" && cmp "$docs/ab/second.pdf" "$WORK/unpacked/documents/ab/second.pdf" || fail "an original differs"
expect_same "$(tar --numeric-owner -tvzf "$archive" | awk '/second.pdf/ { print $1, $2 }')" "-rwxr-x--- 10001/10001" "owner and mode of an original"
find "$WORK/unpacked" -type f ! -path '*/postgres/*' ! -path '*/redis/*' ! -path '*/chromadb/*' -print0 | xargs -0 cat >"$WORK/own"
expect_no_secret "$WORK/own"
expect_file "$WORK/unpacked/config/docker-compose.home.yml"
expect_no_file "$WORK/unpacked/secrets"
expect_same "$(json "$STACK_HOME/state/backups.json" '[len(d["archives"]), d["archives"][0]["complete"]]')" "[1, true]" "the register"

step "where files may not be read directly, a helper container gives the same archive"
sums() { grep -E '  (documents/|chromadb/[0-9a-f]{8}-|config/)' "$WORK/unpacked/SHA256SUMS" | sort; }
direct=$(sums)
chown -R 12345 "$STACK_HOME" && chmod 711 "$WORK" && install -m 755 "$TARS_BIN" "$WORK/tars"
as_user() { setpriv --reuid 12345 --regid "$(stat -c %g /var/run/docker.sock)" --clear-groups "$@"; }
LAST="as a user" && try as_user env HOME="$WORK" "$WORK/tars" --home "$STACK_HOME" --json backup
expect_exit 0
unpack "$(json "$OUT" 'd["data"]["archive"]')"
expect_same "$(sums)" "$direct" "the files of volumes"
expect_same "$(left)" "" "the helper goes"
chown -R 0 "$STACK_HOME"

step "what is not there is refused before anything stops"
before=$(fingerprint)
volume=$(setting TARS_VOLUME_CHROMA)
set_env TARS_VOLUME_CHROMA "$volume-other"
backup
expect_exit 1 "a missing volume"
expect_said "does not exist"
docker volume create "$volume-other" >/dev/null && at_end+=("docker volume rm '$volume-other'")
backup
expect_exit 1 "a volume that the server does not use"
expect_said "not $volume-other as TARS_VOLUME_CHROMA says"
set_env TARS_VOLUME_CHROMA "$volume"
backup --output-dir "$WORK/nowhere"
[ "$STATUS" != 0 ] || fail "a directory that is not there was accepted"
expect_same "$(fingerprint)" "$before" "a refusal stops nothing"
docker stop -t 60 "$(container postgres)" >/dev/null
backup
expect_exit 69 "Postgres is away"
expect_said "start it: tars start; or leave it out: --skip-postgres"
backup --skip-postgres --skip-chromadb
expect_exit 0
expect_json '" ".join(c["name"] for c in d["data"]["components"] if c["status"] == "skipped")' "postgres chromadb"
expect_same "$(running)" "backend chromadb redis " "what was stopped on purpose stays stopped"
docker start "$(container postgres)" >/dev/null
within 60 "Postgres answers" is_healthy postgres

step "a server that writes beside its volume is an error, not an empty success"
files=$(setting COMPOSE_FILE)
printf '%s\n' services: '  chromadb:' '    environment:' '      CHROMA_PERSIST_PATH: /elsewhere' >"$STACK_HOME/mine.yml"
set_env COMPOSE_FILE "$files:mine.yml"
must tars restart
backup
expect_exit 1
expect_said "writes to /elsewhere/chroma.sqlite3, beside its volume at /data"
expect_same "$(running)" "$all" "nothing was stopped"
rm "$STACK_HOME/mine.yml"
set_env COMPOSE_FILE "$files"
must tars restart

step "a volume that nobody knows makes it exit 2, and names it"
docker run -d --name "$PROJECT-guest" --label "com.docker.compose.project=$PROJECT" --label com.docker.compose.service=guest \
  --label "com.docker.compose.project.working_dir=$STACK_HOME" -v /var/lib/guest --entrypoint sh tars-home/redis:7.0-bookworm -c 'exec sleep infinity' >/dev/null
backup
expect_exit 2
expect_json 'len(d["data"]["uncovered"]) == 1 and "/var/lib/guest" in d["data"]["uncovered"][0]' true
docker rm -f -v "$PROJECT-guest" >/dev/null

step "a pg_dump that dies half way fails that component and no other"
(until docker exec "$(container postgres)" bash -c 'for p in /proc/[0-9]*; do read -r name <"$p/comm" && [ "$name" = pg_dump ] && kill -9 "${p#/proc/}" && exit 0; done 2>/dev/null; exit 1' 2>/dev/null; do :; done) &
killer=$! && children+=("$killer")
psql_ <<<"insert into notes select i + 3000, repeat(md5(i::text), 40) from generate_series(1, 60000) i" >/dev/null
backup
wait "$killer" || true
expect_exit 2
expect_json '[c["status"] for c in d["data"]["components"] if c["name"] == "postgres"]' '["failed"]'
expect_json '[c["status"] for c in d["data"]["components"] if c["name"] == "chromadb"]' '["saved"]'
expect_same "$(running)" "$all"

step "two at once"
background "$WORK/first" "$TARS_BIN" --home "$STACK_HOME" backup
first=$CHILD
within 60 "the first has begun" grep -q stopping "$WORK/first"
backup
expect_exit 75
wait "$first" || fail "the first of two"

step "Ctrl-C at every moment: exit 130, all runs again, no partial file"
for line in "looking at" "stopping the backend" "taking snapshots" "stopping chromadb" "copying chromadb" "starting again" "saving the rest" "verifying"; do
  count=$(archives | wc -l)
  "$TARS_BIN" --home "$STACK_HOME" backup >"$OUT" 2>"$ERR" </dev/null &
  run=$! && children+=("$run")
  within 60 "$line" grep -q "$line" "$ERR"
  kill -INT "$run"
  STATUS=0 && wait "$run" || STATUS=$?
  LAST="backup, interrupted at: $line"
  if [ "$STATUS" != 0 ]; then
    expect_exit 130
    expect_same "$(archives | wc -l)" "$count" "archives after an interrupt"
  fi
  expect_same "$(running)" "$all" "what runs after Ctrl-C at: $line"
  expect_same "$(left)" "" "left after Ctrl-C at: $line"
done

step "a writer that never rests: what was acknowledged before is in, and no id lacks its vector"
hammer "$WORK/acknowledged"
within 60 "the writer writes" grep -q chroma "$WORK/acknowledged"
within 60 "the writer writes" grep -q postgres "$WORK/acknowledged"
cp "$WORK/acknowledged" "$WORK/before"
backup
expect_exit 0
stop_hammer
unpack "$(json "$OUT" 'd["data"]["archive"]')"
chroma=$PROJECT-copy
docker run -d --name "$chroma" -v "$WORK/unpacked/chromadb:/data" tars-home/chroma:1.5.9-bookworm >/dev/null && at_end+=("docker rm -f '$chroma'")
copied() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$chroma"; }
within 30 "the copy answers" curl -sf "http://$(copied):8000/api/v2/heartbeat" -o /dev/null
counted=$(python3 "$seed" count "http://$(copied):8000" docs)
ids=$(outcome 'd["chroma"]["collections"][0]["ids"]')
expect_same "$counted" "$ids $ids" "ids and vectors of the copy, and ids of the record"
python3 "$seed" ids "http://$(copied):8000" docs | sort >"$WORK/ids"
sed -n 's/^chroma //p' "$WORK/before" | sort | comm -23 - "$WORK/ids" >"$WORK/lost"
[ ! -s "$WORK/lost" ] || fail "acknowledged and not in the copy: $(head -n 3 "$WORK/lost" | tr '\n' ' ')"
newest=$(sed -n 's/^postgres //p' "$WORK/before" | tail -n 1)
docker exec -i "$(container postgres)" pg_restore --data-only -t hammered -f - <"$WORK/unpacked/postgres/tars_home.dump" | grep -qx "$newest" ||
  fail "the row $newest was acknowledged and is not in the dump"

step "a full disk"
mkdir "$WORK/small" && mount -t tmpfs -o size=100m tmpfs "$WORK/small" && at_end+=("umount '$WORK/small'")
head -c 60000000 /dev/urandom >"$docs/ab/large"
backup --output-dir "$WORK/small"
expect_exit 1
expect_same "$(running)" "$all"
rm "$docs/ab/large"
"$TARS_BIN" --home "$STACK_HOME" backup --output-dir "$WORK/small" >"$OUT" 2>"$ERR" </dev/null &
run=$! && children+=("$run")
within 60 "it is about to copy" grep -q "stopping chromadb" "$ERR"
head -c 120000000 /dev/zero >"$WORK/small/filler" 2>/dev/null || true
STATUS=0 && wait "$run" || STATUS=$?
LAST="backup into a disk that fills up"
expect_exit 1
expect_said "could not write"
expect_same "$(find "$WORK/small" -name 'tars-*')$(left)" "" "no part of an archive"
expect_same "$(running)" "$all"

step "encrypted: the real env file is in it, and nobody without the passphrase sees anything"
(umask 077 && echo "open $RANDOM sesame" >"$WORK/passphrase")
backup --passphrase-file "$WORK/passphrase" --export-vectors
expect_exit 0
sealed=$(json "$OUT" 'd["data"]["archive"]')
expect_json 'd["data"]["encrypted"]' true
[[ $sealed == *.tar.gz.age ]] || fail "the name of an encrypted archive: $sealed"
expect_same "$(head -c 21 "$sealed")" "age-encryption.org/v1"
expect_json '[c["status"] for c in d["data"]["components"] if c["name"] == "vectors"]' '["saved"]'

step "every vector through the API"
backup --export-vectors
expect_exit 0
unpack "$(json "$OUT" 'd["data"]["archive"]')"
lines=$(cat "$WORK"/unpacked/vectors/*.jsonl | wc -l)
[ "$lines" -gt 1500 ] || fail "only $lines lines of vectors"
expect_same "$(sed -n 2p "$WORK"/unpacked/vectors/*.jsonl | python3 -c 'import json,sys; d=json.load(sys.stdin); print(len(d["embedding"]), d["document"][:7])')" "8 passage"
