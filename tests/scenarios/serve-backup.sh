#!/usr/bin/env bash
# What a backup knows of the backend's own data: the documents of its index, compared with their folder, and how many
# conversations need which key.
. "$(dirname "$0")/../lib/scenario.sh"
need_images

call() { curl -sSf -m 60 -o "$OUT" -X "$1" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' ${3:+--data-binary "$3"} "http://127.0.0.1:$API_PORT$2"; }
sql() { echo "$1" | psql_; }
is_ready() { [ "$(ready_status)" = 200 ]; }
is_read() { [ "$(sql 'select count(*) from documents where revision > 0')" = "$1" ] && [ "$(sql 'select count(*) from jobs')" = 0 ]; }
member() { tar -xzOf "$1" --wildcards "*/$2"; }

new_stack
chmod 755 "$WORK" "$WORK/docs"
mkdir -p "$WORK/docs/sub"
echo 'The boiler is serviced every October.' >"$WORK/docs/boiler.txt"
echo 'The spare key hangs behind the clock.' >"$WORK/docs/sub/tab	and ü.md"
echo 'Swifts arrive in May.' >"$WORK/docs/swifts.txt"
must tars install --yes
within 30 "the stack is ready" is_ready
TOKEN=$(curl -sSf -m 10 -d "username=admin&password=$(setting TARS_ADMIN_PASSWORD)" "http://127.0.0.1:$API_PORT/auth/token" | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
within 60 "the folder is read" is_read 3
echo 'The attic is insulated with hemp.' >"$WORK/attic.txt"
curl -sSf -m 60 -o "$OUT" -H "Authorization: Bearer $TOKEN" -F "file=@$WORK/attic.txt" "http://127.0.0.1:$API_PORT/rag/documents"
within 60 "the upload is read" is_read 4
call POST /rag/query '{"query":"When is the boiler serviced?"}'

step "the archive lists the documents of its index, and counts the conversations of its key"
must tars backup --json
archive=$(json "$OUT" 'd["data"]["archive"]')
member "$archive" documents.jsonl >"$WORK/list"
python3 - "$WORK/list" "$WORK/docs" <<'PY' || fail "the list is not what lies in the folder"
import hashlib, json, pathlib, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
root = pathlib.Path(sys.argv[2])
there = {(str(p.relative_to(root)), p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest()) for p in root.rglob("*") if p.is_file()}
listed = {(row["path"], row["bytes"], row["sha256"]) for row in rows if not row["upload"]}
assert listed == there, (listed, there)
assert sum(row["upload"] for row in rows) == 1, rows
PY
member "$archive" outcome.json >"$WORK/outcome"
expect_same "$(python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); print(d["known"]["files"], list(d["conversations"].values()))' "$WORK/outcome")" "4 [1]" "the record"

step "verify --documents says what is missing and what changed"
must tars backup verify --documents "$archive" --json
expect_json 'd["data"]["documents"]["same"], d["data"]["documents"]["missing"], d["data"]["documents"]["changed"]' '[3, [], []]'
rm "$WORK/docs/swifts.txt"
sed -i s/October/November/ "$WORK/docs/boiler.txt"
try tars backup verify --documents latest --json
expect_exit 2
expect_json 'd["data"]["documents"]["same"], d["data"]["documents"]["missing"], d["data"]["documents"]["changed"]' '[1, ["swifts.txt"], ["boiler.txt"]]'
try tars backup verify --documents latest
expect_said "missing: 1"
mv "$WORK/docs" "$WORK/away"
try tars backup verify --documents latest
expect_exit 69
expect_said "is not there"
mv "$WORK/away" "$WORK/docs"

step "a drill and a restore say which conversations another key leaves locked"
must tars restore --drill --backup-file latest
expect_unsaid "locked"
set_env TARS_ENCRYPTION_KEY anotherkeyanotherkeyanotherkeyanotherkey
try tars restore --drill --backup-file latest
expect_exit 0
expect_said "1 conversation stays locked"
try tars restore --backup-file latest --dry-run
expect_said "1 conversation stays locked"
