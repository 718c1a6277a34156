#!/usr/bin/env bash
# `tars validate` on a live stack: GO on a healthy one without a trace, and each check shown failing, alone, with its own
# cause: by real faults of the stores, the files and the engine, and by a proxy that lies where a backend would have to.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_compose_v1

sql() { echo "$1" | psql_; }
failing() { json "$OUT" '" ".join(c["id"] for s in d["data"]["suites"] for c in s["checks"] if c["status"] == "fail")'; }
# detail ID: what a check said on the last stdout.
detail() { json "$OUT" "[c['detail'] for s in d['data']['suites'] for c in s['checks'] if c['id'] == '$1'][0]"; }
# fails ID [ARGUMENT…]: its suite ends in NO-GO, and this check is the only one that fails.
fails() {
  local id=$1 found
  shift
  try tars validate "${id%%.*}" --json "$@"
  expect_exit 1 "a NO-GO for $id"
  expect_json 'd["data"]["verdict"]' NO-GO
  found=$(failing)
  [ "$found" = "$id" ] || fail "failing: ${found:-nothing}, not just $id"
  expect_json "all(c['hint'] for s in d['data']['suites'] for c in s['checks'] if c['status'] == 'fail')" true
  echo "   $id: $(detail "$id")"
}
# go [ARGUMENT…]
go() {
  try tars validate --json "$@"
  [ "$STATUS" = 0 ] || fail "should be GO: $(failing)"
  expect_json 'd["data"]["verdict"]' GO
}
# lying RULE… -- COMMAND…: the command while a lying proxy stands before the API.
lying() {
  local rules=()
  while [ "$1" != -- ]; do rules+=("$1"); shift; done
  shift
  rm -f "$WORK/proxy"
  background "$WORK/proxy" python3 "$repo/tests/lib/lying_proxy.py" "$API_PORT" "${rules[@]}"
  within 10 "the proxy is there" grep -q . "$WORK/proxy"
  set_env TARS_PORT_API "$(head -n 1 "$WORK/proxy")"
  "$@"
  set_env TARS_PORT_API "$API_PORT"
  kill "$CHILD"
}
# Everything that a validation could leave.
traces() {
  sql "select (select count(*) from users), (select count(*) from sessions), (select count(*) from documents),
    (select count(*) from places), (select count(*) from chunks), (select count(*) from leftovers), (select count(*) from conversations)"
  find "$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")" -type f | wc -l
  redis_ --scan --pattern 'tars:*validate*' | wc -l
  redis_ --scan --pattern 'tars:limit:address:*' | wc -l
}
# All of a service's processes: the first one is the engine's own init.
# A probe's own may have ended meanwhile; the server's must be there.
signal() {
  local pids
  pids=$(docker top "$(container "$2")" -eo pid | tail -n +2)
  for pid in $pids; do kill -s "$1" "$pid" 2>/dev/null || [ ! -e "/proc/$pid/exe" ]; done
}
admin_token() {
  curl -sSf -m 10 "http://127.0.0.1:$API_PORT/auth/token" -H 'Content-Type: application/json' \
    -d "{\"username\":\"admin\",\"password\":\"$1\"}" | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'
}

step "no stack: exit 69; an unknown suite: exit 64"
STACK_HOME=$WORK/nowhere
try tars validate
expect_exit 69
try tars validate everything
expect_exit 64

step "install ends in a validation: its verdict, its checks, and what it took"
new_stack TARS_LLM=none
echo "The red kite nests in May." >"$WORK/docs/kites.md"
chmod 755 "$WORK" "$WORK/docs"
try tars install --yes --json
expect_exit 0
expect_json 'd["data"]["steps"][-1]["name"], [s["name"] for s in d["data"]["validation"]]' '["verdict", ["deployment", "rag", "security"]]'
echo "   the step took $(json "$OUT" 'd["data"]["steps"][-1]["duration_ms"]') ms"
expect_file "$STACK_HOME/state/last_validation.json"

step "a healthy stack: GO with the one warning that was chosen; the same without a trace, five times"
indexed() { [ "$(sql 'select count(*) from documents')" = 1 ] && [ "$(sql 'select count(*) from jobs')" = 0 ]; }
within 30 "the folder's document is read" indexed
go
expect_json '[c["id"] for s in d["data"]["suites"] for c in s["checks"] if c["status"] == "warn"]' '["deployment.chat"]'
expect_json 'all({"id", "status", "detail", "duration_ms"} <= set(c) for s in d["data"]["suites"] for c in s["checks"])' true
first=$(json "$OUT" '[(c["id"], c["status"]) for s in d["data"]["suites"] for c in s["checks"]]')
redis_ --scan --pattern 'tars:limit:*' | xargs -r docker exec "$(container redis)" redis-cli del >/dev/null
before=$(traces) running_before=$(fingerprint)
for _ in 1 2 3 4 5; do
  go
  expect_same "$(json "$OUT" '[(c["id"], c["status"]) for s in d["data"]["suites"] for c in s["checks"]]')" "$first"
done
echo "   the whole of it took $(json "$OUT" 'd["data"]["duration_ms"]') ms"
expect_same "$(traces)" "$before" "left behind"
expect_same "$(fingerprint)" "$running_before" "something was restarted"
expect_no_secret "$OUT" "$ERR" "$STACK_HOME/state/last_validation.json"
! grep -q eyJ "$STACK_HOME/state/last_validation.json" "$OUT" "$ERR" || fail "a token stands in the report"
try tars validate security
expect_exit 0
expect_out "GO: "

step "another run holds the lock: exit 75; what a killed validation left is swept"
flock -o "$STACK_HOME/state/lock" sleep 30 &
children+=($!)
holder=$!
within 5 "the lock is held" eval '! lock_is_free'
try tars validate
expect_exit 75
kill "$holder"
within 5 "the lock is free" lock_is_free
sql "insert into users (id, name, role, password_hash) values (gen_random_uuid(), 'tars-validate-1000x0', 'user', '!')"
go rag
expect_same "$(sql "select count(*) from users where name like 'tars-validate-%'")" 0

step "deployment: a service that stopped, stores that take nothing or hang, an API that fails, a folder that is away"
docker stop -t 1 "$(container redis)" >/dev/null
fails deployment.containers
docker start "$(container redis)" >/dev/null
within 20 "Redis is back" eval '[ "$(redis_ ping)" = PONG ]'
redis_ config set min-replicas-to-write 1 >/dev/null
fails deployment.redis
redis_ config set min-replicas-to-write 0 >/dev/null
sql "alter system set default_transaction_read_only = on" && sql "select pg_reload_conf()" >/dev/null
within 5 "Postgres takes no writes" eval '[ "$(sql "show default_transaction_read_only")" = on ]'
fails deployment.postgres
sql "alter system reset default_transaction_read_only" && sql "select pg_reload_conf()" >/dev/null
within 5 "Postgres takes writes" eval '[ "$(sql "show default_transaction_read_only")" = off ]'
signal STOP chromadb
fails deployment.chroma
signal CONT chromadb
within 20 "the stack is ready" eval '[ "$(ready_status)" = 200 ]'
lying "GET /docs status=any-503" -- fails deployment.api
mv "$WORK/docs/kites.md" "$WORK/"
within 40 "the folder is away" eval '[ "$(sql "select state from sources where id = 2")" = away ]'
fails deployment.nas
mv "$WORK/kites.md" "$WORK/docs/"
within 40 "the folder is back" eval '[ "$(sql "select state from sources where id = 2")" = here ]'
docker pause "$(container backend)" >/dev/null
fails deployment.containers
docker unpause "$(container backend)" >/dev/null
go deployment

step "deployment --disruptive: the data outlives the container; beside its volume it does not, and that is seen"
go deployment --disruptive
[[ $(detail deployment.chroma) == *"made anew"* ]] || fail "Chroma was not made anew: $(detail deployment.chroma)"
[ "$(fingerprint | grep -c .)" = "$(echo "$running_before" | grep -c .)" ] || fail "containers are missing"
cp "$STACK_HOME/docker-compose.home.yml" "$WORK/compose"
sed -i "s|chroma_data:/data|chroma_data:/elsewhere|" "$STACK_HOME/docker-compose.home.yml"
! cmp -s "$STACK_HOME/docker-compose.home.yml" "$WORK/compose" || fail "the compose file has another mount by now"
fails deployment.chroma --disruptive
[[ $(detail deployment.chroma) == *"does not keep what it is given"* ]] || fail "another cause: $(detail deployment.chroma)"
cp "$WORK/compose" "$STACK_HOME/docker-compose.home.yml"
must tars restart
go deployment

step "rag: each step broken alone"
uploads=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")
chmod 555 "$uploads"
fails rag.upload
chmod 755 "$uploads"
lying "POST /rag/search swap=document_id=>some_other_id" -- fails rag.search
lying "POST /rag/query swap=48213=>99999" -- fails rag.answer
lying 'POST /rag/query swap="supported":false=>"supported":true' -- fails rag.nothing
lying "POST /rag/query/stream swap=rag_complete=>rag_finished" -- fails rag.stream
lying "DELETE /rag/documents/.* status=204-500" -- fails rag.delete
sql "create rule test_stays as on delete to documents do instead nothing"
fails rag.clean
sql "drop rule test_stays on documents"
sql "delete from documents where file_name like 'tars-validate-%'; delete from places where file_name like 'tars-validate-%'"
go rag

step "security: a backend that would let in, tell, or fall over"
lying "GET /ops/audit status=401-200" -- fails security.token
lying "GET /auth/me signed:401-200" -- fails security.forged
lying "GET /users status=403-200" -- fails security.roles
lying ".* .* drop=x-frame-options" -- fails security.headers
lying "GET / set=access-control-allow-origin:*" -- fails security.cors
lying "POST /rag/search status=422-500" -- fails security.injection
lying "GET / status=429-200" -- fails security.rate_limit

step "security: passwords, files, bindings, logs"
old=$(setting TARS_ADMIN_PASSWORD)
token=$(admin_token "$old")
curl -sSf -m 10 "http://127.0.0.1:$API_PORT/auth/password" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
  -d "{\"current_password\":\"$old\",\"new_password\":\"changeme123\"}"
fails security.passwords
token=$(admin_token changeme123)
curl -sSf -m 10 "http://127.0.0.1:$API_PORT/auth/password" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
  -d "{\"current_password\":\"changeme123\",\"new_password\":\"$old\"}"
redis_ config set requirepass "" >/dev/null
fails security.passwords
[[ $(detail security.passwords) == Redis* ]] || fail "another cause: $(detail security.passwords)"
docker restart -t 1 "$(container redis)" >/dev/null
hba=$(sql "show hba_file")
docker exec "$(container postgres)" sed -i '1i host all all all trust' "$hba" && sql "select pg_reload_conf()" >/dev/null
fails security.passwords
[[ $(detail security.passwords) == Postgres* ]] || fail "another cause: $(detail security.passwords)"
docker exec "$(container postgres)" sed -i 1d "$hba" && sql "select pg_reload_conf()" >/dev/null
chmod 644 "$(env_file)"
fails security.files
chmod 600 "$(env_file)"
within 20 "the stack is ready" eval '[ "$(ready_status)" = 200 ]'
go security
port=$(test_port) files=$(setting COMPOSE_FILE)
set_env TARS_PORT_REDIS "$port"
set_env COMPOSE_FILE "$files:docker-compose.ports-redis.yml"
sed -i.bak 's/127\.0\.0\.1/0.0.0.0/' "$STACK_HOME/docker-compose.ports-redis.yml"
must by_hand docker-compose up -d redis
fails security.exposure
mv "$STACK_HOME/docker-compose.ports-redis.yml.bak" "$STACK_HOME/docker-compose.ports-redis.yml"
set_env TARS_PORT_REDIS ""
set_env COMPOSE_FILE "$files"
must tars restart
sql "do \$\$ begin raise log 'connecting with $(setting TARS_POSTGRES_PASSWORD)'; end \$\$"
fails security.logs
expect_no_secret "$OUT" "$ERR"

step "with models: each of them, the vectors, and a model that fails in the middle"
image=$("$repo/tests/ollama_double/image.sh")
new_stack "TARS_IMAGE_OLLAMA=$image"
try tars install --yes --json
expect_exit 0
echo "   the step took $(json "$OUT" 'd["data"]["steps"][-1]["duration_ms"]') ms"
go
expect_json '[c["status"] for s in d["data"]["suites"] for c in s["checks"] if c["id"] in ("deployment.chat", "deployment.embedding", "rag.index")]' '["pass", "pass", "pass"]'
ollama=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container ollama)"):11434
double() { curl -sSf -m 10 -X "$1" "http://$ollama/__double$2" ${3:+-d "$3"} >/dev/null; }
double POST /fault 'stream-error:path=/api/chat'
fails deployment.chat
fails rag.answer
double DELETE /fault
double POST /fault 'busy:path=/api/embed'
fails deployment.embedding
fails rag.index
double DELETE /fault
within 60 "the index goes on" eval 'api /ready | grep -q "\"status\":\"ready\""'
# An Ollama that failed is let rest for a while before a search asks it again.
within 90 "searches go by meaning again" eval '"$TARS_BIN" --home "$STACK_HOME" validate rag >/dev/null 2>&1'
go
