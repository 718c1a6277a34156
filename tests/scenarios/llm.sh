#!/usr/bin/env bash
# Where the language model comes from: the Ollama container (the double as its image), an Ollama that already runs (the
# double on this machine), none because it was declined; pulls that fail, and the same command again.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_compose_v1
image=$("$repo/tests/ollama_double/image.sh")

double() { curl -sSf -m 10 -X "$1" "http://$2/__double$3" ${4:+-d "$4"}; }
models() { json "$OUT" 'd["data"]["steps"][7]["detail"]'; }

step "the double as the container's image: GO without the warning, both models there"
new_stack "TARS_IMAGE_OLLAMA=$image"
try tars install --yes --json
expect_exit 0
expect_json 'd["data"]["verdict"]' GO
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("llm")]' '[]'
expect_same "$(models)" "llama3.2:3b pulled, nomic-embed-text pulled"
expect_same "$(setting TARS_LLM)" container TARS_LLM
expect_same "$(running)" "backend chromadb ollama postgres redis "
docker exec "$(container ollama)" ollama list >"$WORK/list"
grep -q '^llama3.2:3b' "$WORK/list" && grep -q '^nomic-embed-text' "$WORK/list" || fail "the models are not there: $(cat "$WORK/list")"
expect_same "$(ready_status)" 200 /ready
expect_same "$(json "$WORK/ready" 'd["status"]')" ready
try tars status --json
expect_exit 0
expect_json 'd["data"]["mode"]' full
expect_json 'len(d["data"]["models"])' 2
before=$(fingerprint)
try tars install --yes --json
expect_same "$(models)" "llama3.2:3b there, nomic-embed-text there"
expect_same "$before" "$(fingerprint)" "the second run restarted something"

step "the model is removed behind its back: the backend is degraded, status names it, install brings it again"
docker exec "$(container backend)" /tars serve --reach http://ollama:11434 >/dev/null || fail "the backend does not reach Ollama"
address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container ollama)"):11434
curl -sSf -m 10 -X DELETE "http://$address/api/delete" -d '{"model":"llama3.2:3b"}' || fail "could not remove the model"
within 40 "/ready is degraded" eval 'ready_status >/dev/null; [ "$(json "$WORK/ready" "d[\"status\"]")" = degraded ]'
try tars status --json
expect_exit 1
expect_json 'any("llama3.2:3b" in p for p in d["data"]["problems"])' true

step "a pull that ends in an error line under HTTP 200: NO-GO with the cause, the stack runs, then GO"
double POST "$address" /fault "pull-error:times=1" >/dev/null
try tars install --yes --json
expect_exit 1
expect_json 'd["data"]["verdict"]' NO-GO
expect_json 'd["data"]["steps"][-1]["name"], d["data"]["steps"][-1]["status"]' '["models", "failed"]'
expect_json 'd["errors"][0]["message"]' "could not get the model llama3.2:3b"
expect_json 'len(d["errors"][0]["causes"]) > 0' true
expect_json '"the same command again" in d["errors"][0]["hint"]' true
expect_same "$(running)" "backend chromadb ollama postgres redis "
expect_no_file "$STACK_HOME/state/journal.json"
double POST "$address" /fault "pull-offline:times=1" >/dev/null
try tars install --yes
expect_exit 1
expect_said "no such host"
expect_said "NO-GO"
try tars install --yes
expect_go

step "a pull that is cut in the middle goes on where it was"
curl -sSf -m 10 -X DELETE "http://$address/api/delete" -d '{"model":"llama3.2:3b"}'
double POST "$address" /fault "pull-cut:times=1" >/dev/null
try tars install --yes --json
if [ "$STATUS" = 0 ]; then
  expect_same "$(models)" "llama3.2:3b pulled, nomic-embed-text there" # retried by itself
else
  expect_exit 1
  docker exec "$(container ollama)" sh -c 'ls /root/.ollama/models/blobs' | grep -q partial || fail "nothing was kept of the cut pull"
  try tars install --yes
  expect_go
fi

step "Ctrl-C in the middle of a pull, then the same command again"
curl -sSf -m 10 -X DELETE "http://$address/api/delete" -d '{"model":"llama3.2:3b"}'
double POST "$address" /rate '{"rate": 20000}' >/dev/null
"$TARS_BIN" --home "$STACK_HOME" install --yes >"$OUT" 2>"$ERR" </dev/null & pid=$!
children+=("$pid")
within 30 "the pull has begun" eval "docker exec '$(container ollama)' sh -c 'ls /root/.ollama/models/blobs' | grep -q partial"
kill -INT "$pid"
STATUS=0 && wait "$pid" || STATUS=$?
expect_exit 130
expect_said "run the same command again"
double POST "$address" /rate '{"rate": 0}' >/dev/null
expect_same "$(running)" "backend chromadb ollama postgres redis "
try tars install --yes
expect_go
expect_no_file "$STACK_HOME/state/journal.json"
must tars uninstall --yes --delete-data "$PROJECT"

step "an Ollama that runs on this machine, by --ollama-url with localhost"
port=$(test_port)
OLLAMA_HOST=0.0.0.0:$port HOME=$WORK/ollama background "$WORK/double.log" python3 "$repo/tests/ollama_double/ollama_double.py" serve
within 10 "the double answers" eval "curl -sf -m 2 http://127.0.0.1:$port/api/version >/dev/null"
new_stack
try tars install --yes --ollama-url "http://127.0.0.1:$port" --model tinyllama --embed-model all-minilm --json
expect_exit 0
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("llm")]' '[]'
expect_same "$(models)" "tinyllama pulled, all-minilm pulled"
expect_same "$(setting TARS_LLM)" url TARS_LLM
expect_same "$(setting OLLAMA_MODEL) $(setting TARS_EMBED_MODEL)" "tinyllama all-minilm"
expect_same "$(running)" "backend chromadb postgres redis "
curl -s -m 5 "http://127.0.0.1:$port/api/tags" | grep -q tinyllama || fail "the models went somewhere else"
before=$(fingerprint)
try tars install --yes # the flag is remembered
expect_go
expect_unsaid "retrieval-only"
expect_same "$before" "$(fingerprint)" "the second run restarted something"

step "that Ollama goes away: a failure, not a quiet retrieval-only; the API stays up, degraded"
kill "$CHILD" && wait "$CHILD" 2>/dev/null || true
try tars install --yes --json
expect_exit 1
expect_json 'd["data"]["verdict"]' NO-GO
expect_json '"no Ollama can be reached" in d["errors"][0]["message"]' true
expect_same "$(setting TARS_LLM)" url TARS_LLM
expect_same "$(running)" "backend chromadb postgres redis "
expect_same "$(ready_status)" 200 /ready
expect_same "$(json "$WORK/ready" 'd["status"]')" degraded
try tars status
expect_exit 1

step "declined: --model none stays none, and one can be added later by the same command"
try tars install --yes --model none --json
expect_exit 0
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("llm")]' '["llm.none"]'
expect_json '"as asked for" in str(d["warnings"])' true
set_env TARS_IMAGE_OLLAMA "$image" # now it could be had
try tars install --yes
expect_go
expect_said "retrieval-only"
expect_same "$(setting TARS_LLM) $(setting OLLAMA_MODEL)" "none none"
try tars install --yes --model llama3.2 --json
expect_exit 0
expect_same "$(setting TARS_LLM)" container TARS_LLM
expect_same "$(models)" "llama3.2 pulled, all-minilm pulled"
try tars install --yes --model none --ollama-url http://127.0.0.1:1
expect_exit 64
