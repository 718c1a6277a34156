#!/usr/bin/env bash
# The doctor on live services and data: kill, freeze, hang, unplug, retag, remap, a wrong password, a dropped volume. Each
# is found as that and nothing else, and after --fix the stack is healthy where that can be mended.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/doctor.sh"
need_images
need_compose_v1
image=$("$repo/tests/ollama_double/image.sh")
tag=tars-test-$TARS_TEST_RUN/redis:7.0-bookworm
docker tag tars-home/redis:7.0-bookworm "$tag"
at_end+=("docker rmi '$tag'")

mount_of() { docker volume inspect -f '{{.Mountpoint}}' "$(setting "$1")"; }
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container "$1")"; }
pid() { docker inspect -f '{{.State.Pid}}' "$(container "$1")"; }

mkdir -p "$WORK/docs"
printf 'The lighthouse keeper of Skagen is called Ingrid Holm.\n' >"$WORK/docs/keeper.txt"
new_stack "TARS_IMAGE_OLLAMA=$image" "TARS_IMAGE_REDIS=$tag"
must tars install --yes
documents 1
must tars backup
must tars restore --drill --backup-file latest
healthy
cp -p "$(env_file)" "$WORK/env.good"
cp -p "$STACK_HOME/docker-compose.home.yml" "$WORK/compose.good"

step "stopped, frozen, removed, all stopped: started again"
must docker stop "$(container redis)" && finds service.stopped && expect_exit 1 && mended
must docker pause "$(container chromadb)" && finds service.stopped && mended
must docker rm -f "$(container ollama)" && finds service.missing && mended
must tars stop && finds service.stopped && mended

step "a service that hangs is one finding within seven seconds, and comes back"
kill -STOP "$(pid redis)"
begun_at=$(date +%s%N)
finds service.unhealthy
took=$((($(date +%s%N) - begun_at) / 1000000))
echo "   a hanging service costs $took ms"
mended

step "a port that somebody took while the backend was down"
must docker stop "$(container backend)"
background "$WORK/port.log" python3 -m http.server "$API_PORT" --bind 0.0.0.0
taker=$CHILD
within 10 "the port is taken" eval "curl -s -o /dev/null http://127.0.0.1:$API_PORT/"
finds port.conflict
expect_json 'any("python3" in f["problem"] for f in d["data"]["findings"])' true
kill "$taker" && wait "$taker" 2>/dev/null || true
mended

step "a broken probe is the probe's fault; only that part of an edited file is put back"
python3 - "$STACK_HOME/docker-compose.home.yml" <<'PY'
import re, sys
path = sys.argv[1]
text = open(path).read()
start = text.index("  chromadb:\n")
at = text.index("    healthcheck:\n", start)
end = text.index("\n\n", at)
broken = '    healthcheck:\n      test: ["CMD", "curl", "-f", "http://localhost:8000"]\n      interval: 1s\n      timeout: 1s\n      retries: 2'
open(path, "w").write(text[:at] + broken + text[end:])
PY
must by_hand docker-compose up -d --no-deps chromadb
within 60 "compose calls chromadb unhealthy" eval '[ "$(health chromadb)" = unhealthy ]'
finds service.probe compose.edited
mended
cmp -s "$STACK_HOME/docker-compose.home.yml" "$WORK/compose.good" || fail "more than the probe was changed"
rm -f "$STACK_HOME"/docker-compose.home.yml.*

step "a log without bound"
sed -i '/max-size: 10m/d; /max-file: "3"/d; /^    options:$/d' "$STACK_HOME/docker-compose.home.yml"
must by_hand docker-compose up -d --no-deps redis
finds service.logs compose.edited
try tars doctor --fix --json
expect_same "$(found)" compose.edited "only the edit itself is left"
expect_same "$(docker inspect -f '{{index .HostConfig.LogConfig.Config "max-size"}}' "$(container redis)")" 10m "the bound of the log"
cp -p "$WORK/compose.good" "$STACK_HOME/docker-compose.home.yml"
rm -f "$STACK_HOME"/docker-compose.home.yml.*
must tars start
healthy "with the shipped file"

step "a name that means another image by now"
must docker tag tars-home/chroma:1.5.9-bookworm "$tag"
finds service.image
expect_exit 0
must docker tag tars-home/redis:7.0-bookworm "$tag"

step "a store that is published to the network"
printf 'services:\n  redis:\n    ports:\n      - "0.0.0.0:%s:6379"\n' "$(test_port)" >"$STACK_HOME/docker-compose.mine.yml"
set_env COMPOSE_FILE docker-compose.home.yml:docker-compose.mine.yml
must tars start
finds port.exposed && expect_exit 1
cp -p "$WORK/env.good" "$(env_file)" && rm "$STACK_HOME/docker-compose.mine.yml" && must tars start

step "a password in the env file that the database does not know"
set_env TARS_POSTGRES_PASSWORD "$(head -c 400 /dev/urandom | tr -dc A-Za-z0-9 | head -c 32)"
finds data.postgres && expect_exit 1
try tars doctor --fix --json
expect_same "$(found)" data.postgres "not unasked"
mended --yes
cp -p "$(env_file)" "$WORK/env.good"

step "Redis cannot write"
redis_uid=$(stat -c %u "$(mount_of TARS_VOLUME_REDIS)")
chown 0:0 "$(mount_of TARS_VOLUME_REDIS)"
redis_ bgsave >/dev/null
within 15 "the save failed" eval 'redis_ info persistence | grep -q "rdb_last_bgsave_status:err"'
finds data.redis && expect_exit 1 && mended
echo "   the volume belongs to $(stat -c %u "$(mount_of TARS_VOLUME_REDIS)") again (was $redis_uid)"

step "a volume of another owner"
chown -R 0:0 "$(mount_of TARS_VOLUME_LOGS)"
finds data.volume && mended

step "data beside the volume"
must docker exec "$(container chromadb)" bash -c 'mkdir -p /chroma && cp /data/chroma.sqlite3 /chroma/'
finds data.mount && expect_exit 1
must docker exec "$(container chromadb)" rm -r /chroma
healthy "without the file beside"

step "another volume in the settings than the one in use"
volume=$(setting TARS_VOLUME_REDIS)
docker volume create "$volume.x" >/dev/null && cp -a "$(docker volume inspect -f '{{.Mountpoint}}' "$volume")/." "$(docker volume inspect -f '{{.Mountpoint}}' "$volume.x")/"
set_env TARS_VOLUME_REDIS "$volume.x"
finds data.mount && expect_exit 1
cp -p "$WORK/env.good" "$(env_file)"
docker volume rm "$volume.x" >/dev/null

step "the index has lost its vectors"
collection=$(psql_ <<<"select collection from generations where state = 'serving'")
base=http://$(address chromadb):8000/api/v2/tenants/default_tenant/databases/default_database/collections
id=$(curl -sSf "$base/$collection" | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
ids=$(curl -sSf -X POST "$base/$id/get" -H 'content-type: application/json' -d '{"include": []}' | python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)["ids"]))')
curl -sSf -X POST "$base/$id/delete" -H 'content-type: application/json' -d "{\"ids\": $ids}" >/dev/null
finds data.collection && expect_exit 1
mended --yes

step "a model that is gone is pulled"
curl -sSf -m 10 -X DELETE "http://$(address ollama):11434/api/delete" -d '{"model":"llama3.2:3b"}'
finds model.missing && expect_exit 1 && mended

step "a damaged model shows with --deep, and stays until the next deep look"
DEEP=--deep healthy "deep"
blobs=$(mount_of TARS_VOLUME_OLLAMA)/models/blobs
blob=$(find "$blobs" -type f -name 'sha256-*' ! -name '*partial*' | head -n 1)
cp -p "$blob" "$WORK/blob" && printf x >>"$blob"
DEEP=--deep finds model.corrupt
finds model.corrupt && expect_exit 1
cp -p "$WORK/blob" "$blob"
DEEP=--deep healthy "with the blob as it was"

step "unplugged: the API's port leads nowhere"
proxy=$(pgrep -f "docker-proxy.*-host-port $API_PORT " || true)
if [ -n "$proxy" ]; then
  kill $proxy
  within 10 "nothing answers" eval '! curl -s -m 2 -o /dev/null http://127.0.0.1:'"$API_PORT"'/health'
  finds api.health && expect_exit 1 && mended
fi

step "a server that ends again and again"
manifest=$(find "$(mount_of TARS_VOLUME_REDIS)/appendonlydir" -name '*.manifest')
cp -p "$manifest" "$WORK/manifest" && echo 'nonsense' >>"$manifest"
docker restart -t 5 "$(container redis)" >/dev/null
within 60 "redis ends again and again" eval '[ "$(docker inspect -f "{{.RestartCount}}" "$(container redis)")" -ge 3 ]'
finds service.restarting && expect_exit 1
cp -p "$WORK/manifest" "$manifest"
docker restart -t 5 "$(container redis)" >/dev/null
within 60 "redis answers" eval '[ "$(redis_ -e ping 2>/dev/null)" = PONG ]'
within 60 "healthy" no_findings

step "a volume that was dropped: found as that, and the hint works"
docker rm -f "$(container backend)" "$(container postgres)" >/dev/null
docker volume rm "$(setting TARS_VOLUME_POSTGRES)" >/dev/null
finds data.volume service.missing
expect_json '[f["about"] for f in d["data"]["findings"] if f["id"] == "service.missing"]' '["backend"]'
must tars restore --backup-file latest --yes
within 90 "the restore is done, and cannot be undone" eval 'no_findings || [ "$(found)" = data.volume ]'
expect_said "cannot be undone any more"
try tars clean --dry-run --json
expect_json 'len([i for i in d["data"]["items"] if i["name"].startswith("generation 1 ")])' 1
must tars clean --yes
within 60 "healthy after the restore" no_findings
