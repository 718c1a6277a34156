#!/usr/bin/env bash
# `tars uninstall` keeps data and home, and installing again goes on with them; `--delete-data NAME` leaves nothing.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_compose_v1

# chroma METHOD PATH [BODY]: over the stack's network, which this machine is part of; the store is not published.
chroma() {
  local address
  address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container chromadb)")
  curl -sSf -m 10 -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} \
    "http://$address:8000/api/v2/tenants/default_tenant/databases/default_database/$2"
}

new_stack
must tars install --yes

step "data in all three stores"
echo "create table kept as select 42 as n" | psql_
must redis_ set kept 42
must chroma POST collections '{"name":"kept-collection"}'
collection=$(json "$OUT" 'd["id"]')
must chroma POST "collections/$collection/add" '{"ids":["a"],"embeddings":[[1,2,3]],"documents":["kept text"]}'

step "uninstall: the stack goes, data, home and settings stay and are listed"
settings=$(sha256sum <"$(env_file)") volumes=$(volumes)
expect_same "$(echo "$volumes" | wc -l)" 6 "six volumes"
try tars uninstall --yes --json
expect_exit 0
expect_same "$(containers)" "" "containers"
expect_same "$(docker network ls -q --filter "label=com.docker.compose.project=$PROJECT")" "" "networks"
expect_same "$(volumes)" "$volumes" "the volumes"
expect_same "$(sha256sum <"$(env_file)")" "$settings" "the env file"
for volume in $volumes; do
  expect_json "any('$volume' in what for what in d['data']['kept'])" true
done
expect_json "any('$STACK_HOME' in what for what in d['data']['kept'])" true
expect_no_file "/etc/cron.d/tars-recover-$PROJECT"
expect_no_file "/etc/systemd/system/tars-recover-$PROJECT.service"
docker image inspect tars-home/postgres:15-bookworm >/dev/null || fail "the images of other stacks were removed"
try tars status
expect_exit 1

step "install again: GO with the old data"
try tars install --yes
expect_go
expect_same "$(echo 'select n from kept' | psql_)" 42 "the row in Postgres"
expect_same "$(redis_ get kept)" 42 "the key in Redis"
must chroma POST "collections/$collection/get" '{"include":["embeddings","documents"]}'
expect_json 'd["ids"], d["documents"], d["embeddings"]' '[["a"], ["kept text"], [[1.0, 2.0, 3.0]]]'
expect_same "$(volumes)" "$volumes" "the volumes"

step "--delete-data with a wrong name: refused, nothing removed"
before=$(fingerprint)
for wrong in wrong "${PROJECT}x" "${PROJECT%?}" tars-home ""; do
  try tars uninstall --yes --delete-data "$wrong"
  expect_exit 64 "--delete-data $wrong"
done
expect_same "$(fingerprint)" "$before" "containers"
expect_same "$(volumes)" "$volumes" "the volumes"
try tars uninstall # nobody to ask
expect_exit 64
expect_same "$(fingerprint)" "$before" "containers"

step "--delete-data NAME: nothing is left"
docker volume create "$PROJECT-not-ours" >/dev/null
at_end+=("docker volume rm '$PROJECT-not-ours'")
echo archive >"$STACK_HOME/backups/tars-backup-20260101_000000.tar.gz"
try tars uninstall --yes --delete-data "$PROJECT"
expect_exit 0
expect_same "$(containers)" "" "containers"
expect_same "$(volumes)" "" "volumes"
expect_same "$(docker network ls -q --filter "label=com.docker.compose.project=$PROJECT")" "" "networks"
expect_same "$(docker ps -aq --filter "label=io.tars.run.home=$STACK_HOME")" "" "containers of runs"
expect_no_file "$STACK_HOME"
expect_no_file "/etc/cron.d/tars-recover-$PROJECT"
docker volume inspect "$PROJECT-not-ours" >/dev/null || fail "a volume of somebody else was removed"
expect_file "$WORK/docs"
try tars uninstall --yes
expect_exit 69
