#!/usr/bin/env bash
# Documents in, answers with sources out, on real Postgres, Redis and Chroma with the double as Ollama: the known answer
# and its source; a kill in the middle of 500 documents; folders that are away; private and locked conversations.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
image=$("$repo/tests/ollama_double/image.sh")

# call METHOD PATH [BODY]: CODE, the body in $OUT. As whoever TOKEN is.
call() {
  local arguments=(-sS -m 90 -o "$OUT" -w '%{http_code}' -X "$1" -H "Authorization: Bearer $TOKEN")
  [ -z "${3:-}" ] || arguments+=(-H 'Content-Type: application/json' --data-binary "$3")
  LAST="$1 $2"
  CODE=$(curl "${arguments[@]}" "http://127.0.0.1:$API_PORT$2" 2>"$ERR") || CODE=000
}
asked() { local code=$1; shift; call "$@"; [ "$CODE" = "$code" ] || fail "expected $code, not $CODE: $1 $2"; }
# send FILE: CODE, the body in $OUT.
send() {
  LAST="upload $1"
  CODE=$(curl -sS -m 90 -o "$OUT" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" -F "file=@$1" \
    "http://127.0.0.1:$API_PORT/rag/documents" 2>"$ERR") || true
}
sent() { send "$2"; [ "$CODE" = "$1" ] || fail "expected $1, not $CODE: upload of $2"; }
sign_in() {
  call POST /auth/token "{\"username\":\"$1\",\"password\":\"$2\"}"
  [ "$CODE" = 200 ] || fail "no sign-in of $1: $CODE"
  TOKEN=$(json "$OUT" 'd["access_token"]')
}
sql() { echo "$1" | psql_; }
is_ready() { [ "$(ready_status)" = "$1" ]; }
known() { sql "select count(*) from documents where trashed_at is null and revision > 0"; }
is_settled() { [ "$(known)" = "$1" ] && [ "$(sql 'select count(*) from jobs')" = 0 ]; }
pending() { sql "select count(*) from documents d left join vectors v on v.document_id = d.id and v.revision = d.revision
  where d.trashed_at is null and coalesce(v.done, 0) < d.chunk_count"; }
is_embedded() { [ "$(pending)" = 0 ]; }
source_is() { [ "$(sql "select state from sources where id = 2")" = "$1" ]; }
# scanned: a scan that began after now has ended.
scan() { asked 202 POST /rag/sources/documents/scan; }
double() { curl -sSf -m 10 -X "$1" "http://$ollama/__double$2" ${3:+-d "$3"}; }
ollama_address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container ollama)"; }
vectors_in_chroma() {
  local chroma collection
  chroma=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container chromadb)"):8000
  collection=$(sql "select collection from generations where state = 'serving'")
  local base="http://$chroma/api/v2/tenants/default_tenant/databases/default_database/collections"
  curl -sSf -m 10 "$base/$collection" | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])' |
    { read -r id; curl -sSf -m 30 "$base/$id/count"; }
}

new_stack "TARS_IMAGE_OLLAMA=$image" TARS_RATE_LIMIT=0
chmod 755 "$WORK" "$WORK/docs"
must tars install --yes
ollama=$(ollama_address):11434
within 20 "the stack is ready" is_ready 200
TOKEN=''
sign_in admin "$(setting TARS_ADMIN_PASSWORD)"
admin=$TOKEN
index_is_ready() { call GET /rag/index && [ "$(json "$OUT" 'd["model"], d["problems"]')" = '["nomic-embed-text", []]' ]; }
within 40 "the index is ready" index_is_ready

step "upload, search, and a question with its known answer from the right source"
mkdir -p "$WORK/up"
echo "The red kite nests in May. Its eggs hatch after thirty-two days." >"$WORK/up/kites.md"
printf 'name,colour\nwren,brown\nkingfisher,turquoise\n' >"$WORK/up/birds.csv"
echo '<html><body><h1>Heating</h1><p>The heating starts on the first of October.</p></body></html>' >"$WORK/up/heating.html"
echo '{"boiler": {"pressure": "1.5 bar", "serial": "KX-4711"}}' >"$WORK/up/boiler.json"
for file in kites.md birds.csv heating.html boiler.json; do
  sent 201 "$WORK/up/$file"
  expect_json 'd["state"], d["embedded"], d["chunks_created"]' '["ready", true, 1]'
done
document=$(json "$OUT" 'd["document_id"]')
sent 201 "$WORK/up/boiler.json"
expect_json 'd["document_id"]' "$document"
expect_same "$(known)" 4 "the same content twice is one document"
asked 200 POST /rag/search '{"query":"when do eggs of the kite hatch","top_k":3}'
expect_json 'd["results"][0]["file_name"], d["mode"]' '["kites.md", "hybrid"]'
expect_json 'd["results"][0]["similarity_score"] > 0.2 and d["total_results"] > 0 and d["search_time_ms"] > 0' true
asked 200 POST /rag/search '{"query":"KX-4711"}'
expect_json 'd["results"][0]["file_name"]' boiler.json
asked 200 POST /rag/query '{"query":"When does the heating start?"}'
expect_json '"first of October" in d["answer"]' true
expect_json 'd["supported"], d["mode"], d["sources"][0]["file_name"]' '[true, "full", "heating.html"]'
asked 200 POST /rag/query '{"query":"Who won the chess championship in Reykjavik?"}'
expect_json 'd["supported"], d["sources"]' '[false, []]'
asked 200 POST /rag/search "{\"query\":\"heating\",\"document_ids\":[\"$document\"]}"
expect_json '{r["file_name"] for r in d["results"]} <= {"boiler.json"}' true

step "the stream says its sources, its words and its end; a client that leaves stops the model"
curl -sS -m 30 -N -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{"query":"When does the heating start?"}' "http://127.0.0.1:$API_PORT/rag/query/stream" >"$WORK/stream"
expect_same "$(grep '^event:' "$WORK/stream" | uniq | tr -d '\n')" "event: rag_sourcesevent: rag_tokenevent: rag_complete"
double POST /rate '{"rate": 8}' >/dev/null
try curl -sS -m 2 -N -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -d '{"query":"When does the heating start?"}' "http://127.0.0.1:$API_PORT/rag/query/stream"
expect_out rag_sources
model_stopped() { double GET "" | grep -q '"gone /api/chat"'; }
within 10 "the model was stopped" model_stopped
left=$(sed -n 's/.*"conversation_id":"\([0-9a-f-]*\)".*/\1/p' "$OUT" | head -n 1)
is_kept() { call GET "/rag/conversations/$left" && [ "$(json "$OUT" 'd["messages"][1]["unfinished"], len(d["messages"][1]["content"]) > 0')" = '[true, true]' ]; }
within 10 "what was written until then is kept" is_kept
double POST /rate '{"rate": 0}' >/dev/null

step "an error line under HTTP 200 is a clear answer; the model away is retrieval only"
double POST /fault 'stream-error:times=1:path=/api/chat' >/dev/null
asked 502 POST /rag/query '{"query":"When does the heating start?"}'
expect_json 'd["type"]' urn:tars:problem:model-failed
docker stop -t 1 "$(container ollama)" >/dev/null
asked 200 POST /rag/query '{"query":"When does the heating start?"}'
expect_json 'd["mode"], "first of October" in d["answer"], d["notice"] is not None' '["retrieval-only", true, true]'
echo "The badger sleeps behind the old mill." >"$WORK/up/badger.txt"
sent 201 "$WORK/up/badger.txt"
expect_json 'd["embedded"]' false
asked 200 POST /rag/search '{"query":"badger mill"}'
expect_json 'd["results"][0]["file_name"], d["mode"]' '["badger.txt", "words"]'
asked 200 POST /rag/query '{"query":"Who won the chess championship in Reykjavik?"}'
expect_json 'd["supported"], d["mode"], d["notice"] is not None' '[false, "retrieval-only", true]'
docker start "$(container ollama)" >/dev/null
ollama=$(ollama_address):11434
within 40 "what was read meanwhile gets its vectors" is_embedded

step "a poisonous file is set aside with its reason and the rest go on"
python3 - "$WORK/up" <<'PY'
import sys, zipfile
folder = sys.argv[1]
with zipfile.ZipFile(folder + "/bomb.docx", "w", zipfile.ZIP_DEFLATED) as z, z.open("word/document.xml", "w") as part:
    part.write(b"<w:document><w:t>")
    for _ in range(400):
        part.write(b" " * (1 << 20))
open(folder + "/locked.pdf", "wb").write(b"%PDF-1.4\ntrailer << /Encrypt 5 0 R >>\n")
open(folder + "/binary.txt", "wb").write(b"\xff\xfe\x00\x01\x02" * 99 + b"\x00")
open(folder + "/broken.json", "w").write('{"a": ')
open(folder + "/nothing.txt", "w").write(" \n ")
open(folder + "/program.exe", "w").write("x")
PY
for file in bomb.docx locked.pdf binary.txt broken.json nothing.txt; do
  sent 422 "$WORK/up/$file"
  expect_json 'd["type"]' urn:tars:problem:set-aside
done
sent 415 "$WORK/up/program.exe"
truncate -s 2G "$WORK/up/huge.txt"
send "$WORK/up/huge.txt"
[ "$CODE" = 413 ] || fail "2 GB: $CODE"
asked 200 GET /rag/set-aside
expect_json 'len(d["files"])' 5
broken=$(json "$OUT" '[f["upload"] for f in d["files"] if f["file_name"] == "broken.json"][0]')
uploads() { ls -A "$(docker volume inspect -f '{{.Mountpoint}}' "${PROJECT}_documents")"; }
uploads | grep -qx "$broken" || fail "the upload that was set aside has no file $broken"
asked 204 DELETE "/rag/set-aside/$broken"
asked 404 DELETE "/rag/set-aside/$broken"
asked 200 GET /rag/set-aside
expect_json 'len(d["files"])' 4
! uploads | grep -qx "$broken" || fail "its file is still there"
for path in ../etc/passwd /etc/passwd a/../../x; do
  asked 403 POST /rag/index "{\"file_path\":\"$path\"}"
done
ln -s /tars "$WORK/docs/link.txt"
asked 403 POST /rag/index '{"file_path":"link.txt"}'
asked 404 POST /rag/index '{"file_path":"nowhere.txt"}'
asked 422 POST /rag/search '{"query":"x","unknown":1}'
{ printf '{"query":"' && head -c 900000 /dev/zero | tr '\0' x && printf '"}'; } >"$WORK/long.json"
asked 422 POST /rag/search "@$WORK/long.json"
{ printf '{"query":"' && head -c 2000000 /dev/zero | tr '\0' x && printf '"}'; } >"$WORK/long.json"
asked 413 POST /rag/search "@$WORK/long.json"

step "killed in the middle of 500 documents: then all 500 are there once"
python3 - "$WORK/docs" <<'PY'
import os, sys
for n in range(500):
    folder = f"{sys.argv[1]}/d{n % 10}"
    os.makedirs(folder, exist_ok=True)
    words = " ".join(f"word{n}x{i}" for i in range(120))
    with open(f"{folder}/f{n}.txt", "w") as file:
        file.write(f"Report number{n} about subject{n}.\n\n{words}\n")
PY
before=$(known)
scan
half() { [ "$(known)" -ge $((before + 100)) ]; }
within 60 "100 are read" half
docker kill -s KILL "$(container backend)" >/dev/null
at_kill=$(known)
docker start "$(container backend)" >/dev/null
within 90 "all are read" is_settled $((before + 500))
within 60 "all have their vectors" is_embedded
[ "$at_kill" -lt $((before + 500)) ] || fail "the kill came too late: $at_kill"
expect_same "$(sql "select count(*), count(distinct file_name) from documents where file_name ~ '^f[0-9]+.txt$'")" "500|500"
expect_same "$(sql "select count(*) from documents d where chunk_count <> (select count(*) from chunks c where c.document_id = d.id)")" 0
expect_same "$(vectors_in_chroma)" "$(sql 'select sum(chunk_count) from documents')" "vectors in Chroma"
asked 200 POST /rag/search '{"query":"number317 subject317","top_k":1}'
expect_json 'd["results"][0]["file_name"]' f317.txt
asked 200 POST /rag/index '{"file_path":"d7/f317.txt","force_reindex":true}'
expect_json 'd["chunks_created"] > 0' true
echo "Report about the changed subject of platypuses." >"$WORK/docs/d7/f317.txt"
asked 200 POST /rag/index '{"file_path":"d7/f317.txt"}'
asked 200 POST /rag/search '{"query":"number317","top_k":5}'
expect_json 'any("number317 " in r["content"] for r in d["results"])' false

step "a folder that is away is not an empty folder: emptied, half readable, another file system; 0 documents lost"
all=$(known)
mkdir "$WORK/aside"
mv "$WORK"/docs/d* "$WORK/aside/"
scan
within 30 "the source is away" source_is away
expect_same "$(known)" "$all" "documents after the folder was emptied"
asked 200 POST /rag/search '{"query":"number42","top_k":1}'
expect_json 'd["results"][0]["file_name"]' f42.txt
# A file changed, was announced, and went before it was read.
echo "A report about axolotls." >"$WORK/aside/d5/f5.txt"
sql "update places set bytes = $(stat -c %s "$WORK/aside/d5/f5.txt"), modified_ns = $(python3 -c 'import os,sys; print(os.stat(sys.argv[1]).st_mtime_ns)' "$WORK/aside/d5/f5.txt")
  where source = 2 and path = 'd5/f5.txt'; insert into jobs (source, path) values (2, 'd5/f5.txt')"
no_jobs() { [ "$(sql 'select count(*) from jobs')" = 0 ]; }
within 40 "the reader has found nothing there" no_jobs
mv "$WORK"/aside/d* "$WORK/docs/"
scan
within 30 "the source is back" source_is here
finds() { call POST /rag/search "{\"query\":\"$1\"}" && [ "$(json "$OUT" 'd["results"][0]["file_name"]')" = "$2" ]; }
within 30 "what was announced before the folder went is read when it is back" finds axolotls f5.txt
chmod 000 "$WORK/docs/d3"
rm "$WORK/docs/d4/f4.txt"
scan
within 30 "the source is away" source_is away
expect_same "$(known)" "$all" "documents after half of it could not be read"
asked 409 POST /rag/sources/documents/confirm
chmod 755 "$WORK/docs/d3"
scan
within 30 "one is gone, and that is believed" is_settled $((all - 1))
docker stop -t 5 "$(container backend)" >/dev/null
mount -t tmpfs none "$WORK/docs"
at_end+=("umount '$WORK/docs'")
echo "Something else." >"$WORK/docs/other.txt"
docker start "$(container backend)" >/dev/null
within 60 "the source is away" source_is away
expect_same "$(known)" $((all - 1 + 1)) "documents after another file system was mounted"
docker stop -t 5 "$(container backend)" >/dev/null
umount "$WORK/docs"
docker start "$(container backend)" >/dev/null
within 60 "the source is back" source_is here
mv "$WORK"/docs/d1 "$WORK/aside/"
scan
within 30 "50 missing are too many" source_is away
asked 202 POST /rag/sources/documents/confirm
within 30 "an administrator may say that they are gone" source_is here
expect_same "$(sql "select count(*) from documents where trashed_why = 'gone' and file_name <> 'other.txt'")" 51

step "what is deleted is hidden at once and can be restored"
asked 204 DELETE "/rag/documents/$document"
asked 200 POST /rag/search '{"query":"KX-4711","relevance_threshold":0.9}'
expect_json 'd["total_results"]' 0
asked 200 POST "/rag/documents/$document/restore"
asked 200 POST /rag/search '{"query":"KX-4711"}'
expect_json 'd["results"][0]["file_name"]' boiler.json

step "the trash does not crowd out what is left; what was deleted stays deleted; what is restored stays"
mkdir "$WORK/docs/zoo"
for n in $(seq 45); do echo "Zebra stripes and more zebra stripes, edition $n." >"$WORK/docs/zoo/z$n.txt"; done
echo "In the year of the flood the old keeper counted a few stripes on every zebra he met, and wrote it down in a long and winding report about hay, water, fences, visitors and the price of carrots." >"$WORK/up/keeper.txt"
sent 201 "$WORK/up/keeper.txt"
scan
zebras() { [ "$(sql "select count(*) from documents where file_name ~ '^z[0-9]+.txt$' and trashed_at is null and revision > 0")" = 45 ]; }
within 30 "45 of them are read" zebras
within 30 "they have their vectors" is_embedded
sql "update documents set trashed_at = now(), trashed_why = 'deleted' where file_name ~ '^z[0-9]+.txt$'"
asked 200 POST /rag/search '{"query":"zebra stripes","top_k":3}'
expect_json 'd["mode"], d["results"][0]["file_name"], any("meaning" in r["matched"] for r in d["results"])' '["hybrid", "keeper.txt", true]'
touch "$WORK"/docs/zoo/z*.txt
scan
within 30 "touched files are read" no_jobs
expect_same "$(sql "select count(*) from documents where file_name ~ '^z[0-9]+.txt$' and trashed_why = 'deleted'")" 45 "a touch brings nothing back"
asked 200 POST /rag/index '{"file_path":"zoo/z7.txt"}'
expect_same "$(sql "select count(*) from documents where file_name ~ '^z[0-9]+.txt$' and trashed_why = 'deleted'")" 44 "who asks for a file gets it"
# Somebody restores a document in the moment in which it is erased.
docker stop -t 5 "$(container backend)" >/dev/null
sql "update documents set trashed_at = now() - interval '31 days', trashed_why = 'deleted' where file_name in ('z1.txt', 'z2.txt', 'keeper.txt')"
sql "begin; update documents set trashed_at = null, trashed_why = null where file_name = 'keeper.txt'; select pg_sleep(8); commit" >/dev/null &
restoring() { [ "$(sql "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = 1 ]; }
within 10 "the restore is under way" restoring
touch -d '2 days ago' "$(docker volume inspect -f '{{.Mountpoint}}' "${PROJECT}_documents")"/.new-left
docker start "$(container backend)" >/dev/null
erased() { [ "$(sql "select count(*) from documents where file_name in ('z1.txt', 'z2.txt')")" = 0 ]; }
within 60 "two are erased" erased
wait $!
expect_same "$(sql "select count(*) from documents where file_name = 'keeper.txt' and trashed_at is null")" 1 "the restored one"
asked 200 POST /rag/search '{"query":"zebra stripes","top_k":3}'
expect_json '"keeper.txt" in [r["file_name"] for r in d["results"]]' true
swept() { ! uploads | grep -qx .new-left; }
within 30 "an upload that broke off is swept away" swept

step "two users cannot see each other's conversations; another key's are locked"
asked 201 POST /users '{"name":"ada","password":"a-long-password-1","role":"user"}'
asked 200 POST /rag/query '{"query":"When does the heating start?"}'
conversation=$(json "$OUT" 'd["conversation_id"]')
asked 200 GET "/rag/conversations/$conversation"
expect_json 'd["messages"][0]["content"]' "When does the heating start?"
expect_same "$(sql "select count(*) from messages where encode(sealed, 'escape') like '%heating%'")" 0
expect_json 'd["messages"][1]["supported"], d["messages"][1]["sources"][0]["file_name"]' '[true, "heating.html"]'
passage=$(json "$OUT" 'd["messages"][1]["sources"][0]["chunk_id"]')
asked 200 GET "/rag/passages/$passage"
expect_json 'd["file_name"], "first of October" in d["content"], d["before"]' '["heating.html", true, null]'
asked 404 GET /rag/passages/none
asked 410 GET "/rag/passages/${passage%-*-*}-99-0"
asked 200 POST /rag/query "{\"query\":\"And what does a wren look like?\",\"conversation_id\":\"$conversation\"}"
asked 200 POST /rag/query "{\"query\":\"Which colour has the wren?\",\"conversation_id\":\"$conversation\",\"again\":true}"
asked 200 GET "/rag/conversations/$conversation"
expect_json '[m["content"] for m in d["messages"]][::2]' '["When does the heating start?", "Which colour has the wren?"]'
asked 422 POST /rag/query '{"query":"x","again":true}'
asked 204 PATCH "/rag/conversations/$conversation" '{"title":"Winter and wrens"}'
asked 422 PATCH "/rag/conversations/$conversation" '{"title":" "}'
asked 200 GET '/rag/conversations?query=OCTOBER%20wren'
expect_json 'd["conversations"][0]["title"], all(c["found"] for c in d["conversations"])' '["Winter and wrens", true]'
asked 200 GET '/rag/conversations?query=october%20hippopotamus'
expect_json 'd["conversations"]' '[]'
expect_same "$(sql "select count(*) from conversations where encode(title_sealed, 'escape') like '%Winter%'")" 0
sql "create function nope() returns trigger language plpgsql as 'begin if new.finished then raise exception ''no''; end if; return new; end'; create trigger nope before update on messages for each row execute function nope()"
asked 200 POST /rag/query '{"query":"When does the heating start?"}'
expect_json '"first of October" in d["answer"], "could not be kept" in d["notice"]' '[true, true]'
sql "drop trigger nope on messages"
sign_in ada a-long-password-1
asked 404 PATCH "/rag/conversations/$conversation" '{"title":"mine"}'
asked 404 GET "/rag/conversations/$conversation"
asked 404 DELETE "/rag/conversations/$conversation"
asked 404 POST /rag/query "{\"query\":\"And the eggs?\",\"conversation_id\":\"$conversation\"}"
asked 200 GET /rag/conversations
expect_json 'd["conversations"]' '[]'
TOKEN=$admin
set_env TARS_ENCRYPTION_KEY anotherkeyanotherkeyanotherkeyanotherkey
must tars restart
within 30 "the stack is ready" is_ready 200
sign_in admin "$(setting TARS_ADMIN_PASSWORD)"
asked 200 GET "/rag/conversations/$conversation"
expect_json 'd["messages"][0]["locked"], d["messages"][0]["content"]' '[true, null]'
asked 200 GET /rag/conversations
expect_json 'd["conversations"][0]["locked"]' true

step "an emptied Chroma is noticed while the backend runs"
in_chroma() { [ "$(vectors_in_chroma)" = "$(sql 'select sum(chunk_count) from documents')" ]; }
hybrid() { call POST /rag/search '{"query":"when do eggs of the kite hatch"}' && [ "$(json "$OUT" 'd["mode"], d["results"][0]["file_name"]')" = '["hybrid", "kites.md"]' ]; }
troubled() { call GET /rag/index && [ "$(json "$OUT" 'len(d["problems"]) > 0')" = true ]; }
within 30 "all vectors are there" in_chroma
base=http://$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container chromadb)"):8000/api/v2/tenants/default_tenant/databases/default_database/collections
curl -sSf -m 10 -X DELETE "$base/$(sql "select collection from generations where state = 'serving'")" >/dev/null
within 90 "all vectors are there again" hybrid
within 60 "all vectors are there again" in_chroma

step "another embedding model: the old index serves until the new one is whole"
asked 200 GET /rag/index
expect_json 'd["model"]' nomic-embed-text
docker exec "$(container backend)" /tars serve --pull all-minilm >/dev/null
asked 202 POST /rag/reindex '{"model":"all-minilm"}'
asked 200 POST /rag/search '{"query":"when do eggs of the kite hatch"}'
expect_json 'd["results"][0]["file_name"]' kites.md
switched() { call GET /rag/index && [ "$(json "$OUT" 'd["model"], d["building_model"]')" = '["all-minilm", null]' ]; }
within 60 "the new index serves" switched
asked 200 POST /rag/search '{"query":"when do eggs of the kite hatch"}'
expect_json 'd["results"][0]["file_name"], d["mode"]' '["kites.md", "hybrid"]'

step "the database refuses a document five times: it arrives all the same"
sql "create function refuse() returns trigger language plpgsql as 'begin raise exception ''not now''; end'; create trigger refuse before insert on documents for each row execute function refuse()"
echo "The otter is late." >"$WORK/docs/otter.txt"
refused() { [ "$(sql "select coalesce(max(failures), 0) from jobs where path = 'otter.txt'")" -ge 5 ]; }
within 90 "it was refused five times" refused
sql "drop trigger refuse on documents"
within 90 "the otter is there" finds otter otter.txt

step "what is embedded is remembered group by group; a text that the model refuses holds up nobody"
python3 - "$WORK/docs" <<'PY'
import sys
with open(sys.argv[1] + "/slow.txt", "w") as file:
    for n in range(100):
        file.write(" ".join(f"unhurried{n}" for _ in range(150)) + "\n\n")
PY
scan
grows() {
  local embedded
  embedded=$(sql "select coalesce(max(v.done), 0) from vectors v join documents d on d.id = v.document_id where d.file_name = 'slow.txt'")
  [ "$embedded" -gt 0 ] && [ "$embedded" -lt "$(sql "select chunk_count from documents where file_name = 'slow.txt'")" ]
}
within 40 "a part of it is remembered" grows
within 90 "all of it is embedded" is_embedded
echo "This text is unembeddable, says the model." >"$WORK/docs/nan.txt"
echo "The heron comes after it." >"$WORK/docs/zz.txt"
scan
within 60 "the one after it is read" finds heron zz.txt
within 60 "nothing waits for a vector" is_embedded
asked 200 GET /rag/index
expect_json 'd["problems"]' '["TARS_EMBED_MODEL is nomic-embed-text, but the index was made with all-minilm and goes on with it: run tars reindex to change over"]'
expect_same "$(sql 'select sum(skipped) from vectors')" 1 "texts without a vector"
asked 200 GET '/rag/documents?limit=500'
expect_json '[r["reason"] for r in d["documents"] if r["file_name"] == "nan.txt"]' '["the embedding model refuses 1 of its pieces: they are found by words only"]'

step "the model of the index is gone: tars reindex makes it anew with another one"
ollama=$(ollama_address):11434
curl -sSf -m 10 -X DELETE "http://$ollama/api/delete" -d '{"model":"all-minilm"}'
docker restart -t 5 "$(container backend)" >/dev/null
within 30 "the stack is ready" is_ready 200
within 30 "the trouble is said" troubled
must tars reindex
renewed() { call GET /rag/index && [ "$(json "$OUT" 'd["model"], d["progress"]["done"] == d["progress"]["total"], d["problems"]')" = '["nomic-embed-text", true, []]' ]; }
within 30 "the new index serves and nothing is wrong with it" renewed
within 30 "questions are asked by meaning again" hybrid

step "stores away: Redis stops nothing, Chroma leaves the words, Postgres is 503; nothing falls over"
docker stop -t 1 "$(container redis)" >/dev/null
asked 200 POST /rag/search '{"query":"eggs of the kite"}'
docker stop -t 1 "$(container chromadb)" >/dev/null
asked 200 POST /rag/search '{"query":"eggs of the kite hatch"}'
expect_json 'd["mode"], d["results"][0]["file_name"]' '["words", "kites.md"]'
docker stop -t 5 "$(container postgres)" >/dev/null
asked 503 POST /rag/search '{"query":"eggs of the kite"}'
docker start "$(container postgres)" "$(container redis)" "$(container chromadb)" >/dev/null
back() { call POST /rag/search '{"query":"eggs of the kite hatch"}' && [ "$CODE" = 200 ] && [ "$(json "$OUT" 'd["mode"]')" = hybrid ]; }
within 60 "everything is back" back
docker logs "$(container backend)" >"$WORK/log" 2>&1
! grep -qE 'panicked|kingfisher|badger|When does the heating' "$WORK/log" || fail "the log holds a panic or somebody's words"
