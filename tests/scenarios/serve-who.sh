#!/usr/bin/env bash
# Who may, and what an operator sees: the backend's API on real Postgres, Redis and Chroma, attacked and with its stores
# taken away; the OpenAPI document held against the answers by schemathesis.
. "$(dirname "$0")/../lib/scenario.sh"
need_images

# call METHOD PATH [TOKEN [BODY]]: CODE, the body in $OUT, the head in $WORK/head. A body that begins with @ is a file's.
call() {
  local arguments=(-sS -m 60 -o "$OUT" -D "$WORK/head" -w '%{http_code}' -X "$1")
  [ -z "${3:-}" ] || arguments+=(-H "Authorization: Bearer $3")
  [ -z "${4:-}" ] || arguments+=(-H 'Content-Type: application/json' --data-binary "$4")
  LAST="$1 $2"
  CODE=$(curl "${arguments[@]}" "http://127.0.0.1:$API_PORT$2" 2>"$ERR") || CODE=000
}
expect_code() { [ "$CODE" = "$1" ] || fail "expected $1, not $CODE"; }
asked() { local code=$1; shift; call "$@"; [ "$CODE" = "$code" ] || fail "expected $code, not $CODE: $1 $2"; }
# Every refusal is a problem with the request's id.
expect_problem() {
  expect_json 'd["type"]' "urn:tars:problem:$1"
  grep -qi '^content-type: application/problem+json' "$WORK/head" || fail "the refusal is no problem+json"
  local id
  id=$(sed -n 's/\r$//; s/^x-request-id: //ip' "$WORK/head")
  expect_json 'd["request_id"]' "$id"
}
# sign_in NAME PASSWORD: TOKEN and REFRESH.
sign_in() {
  asked 200 POST /auth/token "" "{\"username\":\"$1\",\"password\":\"$2\"}"
  TOKEN=$(json "$OUT" 'd["access_token"]') REFRESH=$(json "$OUT" 'd["refresh_token"]')
}
sign_in_code() { call POST /auth/token "" "{\"username\":\"$1\",\"password\":\"$2\"}"; }
is_ready() { [ "$(ready_status)" = "$1" ]; }
asked_me() { call GET /auth/me "$TOKEN" && [ "$CODE" = 200 ]; }
says_newer() { api /ready | grep -q 'is newer than this tars'; }
sql() { echo "$1" | psql_; }
# forge ALG [SECRET]: the access token with another header, signed so, or not at all.
forge() {
  python3 - "$TOKEN" "$@" <<'PY'
import base64, hashlib, hmac, json, sys
token, alg, *rest = sys.argv[1:]
b64 = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
if "expired" in rest:
    claims["exp"] = 1
if "forever" in rest:
    del claims["exp"]
message = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + b64(json.dumps(claims).encode())
digest = {"HS512": hashlib.sha512}.get(alg, hashlib.sha256)
signature = "" if alg == "none" else b64(hmac.new(rest[0].encode(), message.encode(), digest).digest())
print(message + "." + signature)
PY
}

new_stack TARS_LLM=none TARS_RATE_LIMIT=0 TARS_CORS_ORIGINS=https://chat.example
must tars install --yes
admin_password=$(setting TARS_ADMIN_PASSWORD)
within 20 "the stack is ready" is_ready 200

step "nobody gets in without a token; the words of a refusal are a problem"
for path in /auth/me /users /auth/keys /rag/stats /ops/summary /ops/health-snapshot /ops/audit /metrics/prometheus; do
  asked 401 GET "$path"
  expect_problem unauthorized
done
asked 404 GET /nowhere
expect_problem not-found
asked 405 DELETE /health
expect_problem method-not-allowed
for header in 'x-content-type-options: nosniff' 'x-frame-options: DENY' 'referrer-policy: no-referrer' 'content-security-policy: '; do
  grep -qi "^$header" "$WORK/head" || fail "no header $header"
done
! grep -qi '^strict-transport-security' "$WORK/head" || fail "HSTS on plain HTTP"

step "the administrator of the env file signs in, by JSON and by the OAuth2 form; a wrong password looks like an unknown name"
sign_in admin "$admin_password"
asked 200 GET /auth/me "$TOKEN"
expect_json 'd["role"]' admin
must curl -sS -m 20 -d grant_type=password -d username=admin --data-urlencode "password=$admin_password" -d scope= \
  "http://127.0.0.1:$API_PORT/auth/token"
expect_json '(d["token_type"], d["expires_in"], d["refresh_expires_in"])' '["bearer", 900, 604800]'
sign_in_code admin wrong-password-1 && expect_code 401
wrong=$(json "$OUT" 'd["detail"]')
sign_in_code nobody wrong-password-1 && expect_code 401
expect_json 'd["detail"]' "$wrong"
sign_in_code admin admin && expect_code 401

step "tokens that a stranger made: none, another key, HS512, expired, without an expiry, a refresh token"
secret=$(setting TARS_JWT_SECRET)
for forged in "$(forge none)" "$(forge HS256 another-key)" "$(forge HS512 "$secret")" "$(forge HS256 "$secret" expired)" \
  "$(forge HS256 "$secret" forever)" "$REFRESH" "x" "a.b.c" "tars_0123456789012345678901234567890123456789012"; do
  asked 401 GET /auth/me "$forged"
done
asked 200 GET /auth/me "$(forge HS256 "$secret")"

step "a refresh token is good once; used again it ends the session"
first=$REFRESH
asked 200 POST /auth/refresh "" "{\"refresh_token\":\"$first\"}"
access=$(json "$OUT" 'd["access_token"]') second=$(json "$OUT" 'd["refresh_token"]')
asked 200 GET /auth/me "$access"
asked 401 POST /auth/refresh "" "{\"refresh_token\":\"$first\"}"
asked 401 POST /auth/refresh "" "{\"refresh_token\":\"$second\"}"
asked 401 GET /auth/me "$access"

step "users: by API and by tars user; roles; kept out at once; the last administrator stays"
sign_in admin "$admin_password"
admin=$TOKEN
asked 201 POST /users "$admin" '{"name":"anna"}'
anna_password=$(json "$OUT" 'd["password"]') anna_id=$(json "$OUT" 'd["id"]')
asked 409 POST /users "$admin" '{"name":"ANNA"}'
for bad in '{"name":""}' '{"name":"a b"}' '{"name":"x'"'"'; drop table users; --"}' '{"name":"<script>alert(1)</script>"}' \
  '{"name":"bert","role":"root"}' '{"name":"bert","admin":true}' '{"name":"bert","password":"short"}' '{"name":7}' '[]' 'null'; do
  asked 422 POST /users "$admin" "$bad"
done
asked 400 POST /users "$admin" '{"name":'
sign_in anna "$anna_password"
anna=$TOKEN
for path in /users /ops/summary /ops/audit; do asked 403 GET "$path" "$anna"; done
asked 200 GET /rag/stats "$anna"
expect_json 'd["total_documents"]' 0
asked 403 POST /users "$anna" '{"name":"eve"}'
asked 200 PATCH "/users/$anna_id" "$admin" '{"disabled":true}'
asked 401 GET /auth/me "$anna"
sign_in_code anna "$anna_password" && expect_code 401
asked 200 PATCH "/users/$anna_id" "$admin" '{"role":"admin","disabled":false}'
asked 200 PATCH "/users/$anna_id" "$admin" '{}'
asked 200 PATCH "/users/$anna_id" "$admin" '{"role":"user","disabled":false}'
try tars user list --json
expect_exit 0
expect_json '[(u["name"], u["role"]) for u in d["data"]["users"]]' '[["admin", "admin"], ["anna", "user"]]'
try tars --json user passwd anna
expect_exit 0
anna_password=$(json "$OUT" 'd["data"]["password"]')
sign_in anna "$anna_password"
anna=$TOKEN
try tars user disable admin
expect_exit 1
expect_err "last administrator"
try tars user passwd nobody
expect_exit 69
try tars user add "no name"
expect_exit 64
try tars user add bert --admin
expect_exit 0
bert_password=$(sed -n 's/^password: //p' "$OUT")
sign_in bert "$bert_password"
bert=$TOKEN
try tars user remove bert --yes
expect_exit 0
asked 401 GET /auth/me "$bert"

step "one's own password: the wrong old one is refused, other sessions end, this one goes on"
sign_in anna "$anna_password"
other=$TOKEN
asked 403 POST /auth/password "$anna" '{"current_password":"wrong","new_password":"a better one 1"}'
asked 204 POST /auth/password "$anna" "{\"current_password\":\"$anna_password\",\"new_password\":\"a better one 1\"}"
asked 200 GET /auth/me "$anna"
asked 401 GET /auth/me "$other"
anna_password="a better one 1"

step "API keys: shown once, stored hashed, good for asking but not for accounts"
asked 201 POST /auth/keys "$anna" '{"name":"<b>dashboard</b>","expires_in_days":30}'
key=$(json "$OUT" 'd["api_key"]') key_id=$(json "$OUT" 'd["id"]')
asked 200 GET /auth/me "$key"
expect_json 'd["signed_in_by"]' key
asked 403 POST /auth/keys "$key" '{"name":"another"}'
asked 403 POST /auth/logout "$key"
asked 200 GET /auth/keys "$anna"
expect_no_out "$key"
expect_same "$(sql "select count(*) from api_keys where encode(hash, 'escape') like 'tars_%'")" 0
asked 404 DELETE "/auth/keys/$key_id" "$admin"
asked 204 DELETE "/auth/keys/$key_id" "$anna"
asked 401 GET /auth/me "$key"
asked 422 POST /auth/keys "$anna" '{"name":"\u0000"}'

step "bodies that are too large, of the wrong kind, or odd; a query of 1 MB"
head -c 3000000 /dev/zero | tr '\0' a >"$WORK/large"
asked 413 POST /auth/token "" "@$WORK/large"
expect_problem too-large
(printf '{"username":"' && head -c 1000000 /dev/zero | tr '\0' a && printf '","password":"x"}') >"$WORK/name"
asked 401 POST /auth/token "" "@$WORK/name"
must curl -sS -m 20 -o "$WORK/none" -w '%{http_code}' -H 'Content-Type: text/plain' -d x "http://127.0.0.1:$API_PORT/auth/token"
expect_out 415
call GET "/ops/audit?limit=$(head -c 60000 /dev/zero | tr '\0' 9)" "$admin" && expect_code 422
answer=$(python3 - "$API_PORT" <<'PY'
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as server:
    try:
        server.sendall(b"GET /ops/audit?q=" + b"q" * 1000000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    except OSError:
        pass  # It may hang up before it has heard all of it.
    try:
        print((server.recv(64).split() + [b"", b"closed"])[1].decode())
    except OSError:
        print("closed")
PY
)
case $answer in 4* | closed) ;; *) fail "a query of 1 MB: $answer" ;; esac
asked 200 GET /health

step "browsers come in from the configured origin only"
allowed() { curl -sS -m 10 -o /dev/null -D - -H "Origin: $1" "http://127.0.0.1:$API_PORT/health" | grep -i '^access-control-allow-origin' || true; }
[ -n "$(allowed https://chat.example)" ] || fail "the configured origin is not let in"
expect_same "$(allowed https://evil.example)" ""
expect_same "$(allowed null)" ""

step "what an operator sees: summary, snapshot, audit, numbers, the page that needs no network"
asked 200 GET /ops/summary "$admin"
expect_json 'sorted(s["name"] for s in d["services"] if s["status"] == "ok")' '["chromadb", "postgres", "redis"]'
expect_json '(d["status"], d["mode"], d["collections"], d["resources"]["memory_bytes"] > 1000000)' '["ready", "retrieval-only", [], true]'
case $(setting TARS_IMAGE_BACKEND) in *"$(json "$OUT" 'd["build"]')") ;; *) fail "the build is not the image's" ;; esac
asked 200 GET /ops/health-snapshot "$admin"
expect_json 'd["status"]' ready
asked 200 GET /rag/health
expect_json '(d["status"], d["mode"])' '["healthy", "retrieval-only"]'
asked 200 GET /ops/audit?limit=500 "$admin"
for line in '("login", "ok")' '("login", "wrong-password")' '("login", "unknown")' '("session.end", "refresh-token-reused")' \
  '("user.add", "ok")' '("user.disable", "ok")' '("user.remove", "ok")' '("key.add", "ok")' '("user.password", "wrong-password")' '("ops.read", "ok")'; do
  expect_json "$line in {(l['action'], l['outcome']) for l in d['lines']}" true
done
# A line for each change that there was, the promotion with its role; none for what changed nothing.
expect_json '[(l["action"], l["outcome"]) for l in d["lines"][::-1] if l["object"] == "anna" and l["action"] in ("user.role", "user.enable")]' \
  '[["user.role", "admin"], ["user.enable", "ok"], ["user.role", "user"]]'
expect_json 'all(l["address"].count(".") == 3 and l["request_id"] for l in d["lines"])' true
cp "$OUT" "$WORK/audit"
asked 200 GET /metrics/prometheus "$admin"
for metric in 'tars_service_up{service="postgres"} 1' 'tars_service_up{service="redis"} 1' tars_http_request_duration_seconds_bucket tars_errors_total; do
  expect_out "$metric"
done
asked 200 GET /docs
expect_out "/docs/page.js"
expect_no_out "https://"

step "schemathesis: no 5xx, and no answer that the document does not allow"
st=${TARS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tars-test}/schemathesis-4.32.5
if [ ! -x "$st/bin/st" ]; then
  rm -rf "$st.$$" && python3 -m venv "$st.$$" && must "$st.$$/bin/pip" install -q schemathesis==4.32.5
  rm -rf "$st" && mv -T "$st.$$" "$st"
fi
# By python: the scripts of a venv that was moved name its old place.
fuzz() { (cd "$WORK" && "$st/bin/python" -m schemathesis.cli "$@"); }
try fuzz run "http://127.0.0.1:$API_PORT/openapi.json" -H "Authorization: Bearer $admin" --exclude-path-regex '^/(auth/(logout|password|token|refresh)|users/\{id\}.*)$' \
  --max-examples 25 --seed "$TEST_SEED" --no-color --phases examples,coverage,fuzzing --generation-database none --request-timeout 30 \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection,response_headers_conformance,use_after_free,ignored_auth
expect_exit 0 "schemathesis found something"
for path in /auth/token /auth/refresh; do
  try fuzz run "http://127.0.0.1:$API_PORT/openapi.json" --include-path "$path" --max-examples 25 --seed "$TEST_SEED" --no-color \
    --generation-database none --request-timeout 30 --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
  expect_exit 0
done

step "Redis away: nothing stops; back: it is used again"
must docker stop -t 1 "$(container redis)"
sign_in anna "$anna_password"
asked 200 GET /auth/me "$TOKEN"
is_ready 200 || fail "without Redis the stack is not ready"
must docker start "$(container redis)"

step "Postgres hangs, then is gone, in the middle of requests: 503 and no crash; back: served at once"
must docker pause "$(container postgres)"
asked 200 GET /health
call GET /auth/me "$TOKEN"
expect_code 503
expect_problem unavailable
must docker unpause "$(container postgres)"
within 20 "signed in again after the pause" asked_me
must docker stop -t 5 "$(container postgres)"
asked 503 GET /auth/me "$TOKEN"
sign_in_code anna "$anna_password" && expect_code 503
asked 200 GET /health
must docker start "$(container postgres)"
within 20 "signed in again after Postgres came back" asked_me

step "a limit: 200 requests in a minute, by user; 429 says when; health is free; sign-ins by name"
set_env TARS_RATE_LIMIT 200
set_env TARS_ADMIN_PASSWORD not-the-database-s-one
must tars restart
within 20 "the stack is ready" is_ready 200
sign_in_code admin not-the-database-s-one && expect_code 401
sign_in admin "$admin_password"
admin=$TOKEN
python3 - "http://127.0.0.1:$API_PORT/auth/me" "$admin" >"$WORK/limits" <<'PY'
import collections, sys, urllib.error, urllib.request
codes = collections.Counter()
for _ in range(230):
    request = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2], "X-Forwarded-For": f"10.1.1.{_}"})
    try:
        codes[urllib.request.urlopen(request, timeout=20).status] += 1
    except urllib.error.HTTPError as error:
        codes[error.code] += 1
        retry = int(error.headers["Retry-After"])
        assert 1 <= retry <= 60, retry
print(codes[200] <= 201 and codes[429] >= 25)
PY
expect_same "$(cat "$WORK/limits")" True "the limit of 200 a minute"
sign_in anna "$anna_password"
asked 200 GET /auth/me "$TOKEN"
asked 200 GET /health
for _ in 1 2 3 4 5 6 7 8 9 10 11; do sign_in_code bert guess-number-1; done
expect_code 429
grep -qi '^retry-after: [1-9]' "$WORK/head" || fail "429 without Retry-After"

step "a newer schema is refused and left as it is"
sql "insert into schema_migrations (version, name) values (4711, 'newer')"
before=$(sql "select count(*) from schema_migrations")
must docker restart -t 2 "$(container backend)"
within 20 "the backend says that the schema is newer" says_newer
asked 200 GET /health
call GET /auth/me "$TOKEN" && expect_code 503
expect_same "$(sql "select count(*) from schema_migrations")" "$before"
sql "delete from schema_migrations where version = 4711"
within 20 "the schema is taken again" is_ready 200

step "no secret, no password and no token is in the log or in the audit; nobody dropped a table; memory is small"
docker logs "$(container backend)" >"$WORK/log" 2>&1
expect_no_secret "$WORK/log" "$WORK/audit"
for word in "$anna_password" "$key" "$TOKEN" "$REFRESH" guess-number-1; do
  ! grep -qF -- "$word" "$WORK/log" "$WORK/audit" || fail "a secret of a user stands in the log or the audit"
done
! grep -q panicked "$WORK/log" || fail "something panicked: $(grep -m1 panicked "$WORK/log")"
python3 -c 'import json,sys; [json.loads(line) for line in open(sys.argv[1])]' "$WORK/log" || fail "a line of the log is no JSON"
expect_same "$(sql "select count(*) from users where name in ('admin', 'anna')")" 2
pid=$(docker inspect -f '{{.State.Pid}}' "$(container backend)")
kib=$(awk '/VmRSS/ {print $2}' "/proc/$pid/status")
echo "   idle: $((kib / 1024)) MB"
[ "$kib" -le 61440 ] || fail "the backend holds $kib KiB"
