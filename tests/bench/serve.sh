#!/usr/bin/env bash
# What the backend costs beside its stores asked bare, on the same data in the same run:
#   tests/bench/serve.sh [CHUNKS, 20000] [QUERIES FOR MEMORY, 10000]     (needs the store images: tests/run --only images)
# Start, idle memory, ingest, search, 64 clients at once, memory over many queries. The embedder answers at once.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
chunks=${1:-20000} queries=${2:-10000}
name=tars-bench-$TARS_TEST_RUN
pg_port=$(test_port) chroma_port=$(test_port) redis_port=$(test_port) API_PORT=$(test_port)
at_end+=("docker rm -f -v $name-postgres $name-chroma $name-redis")
run() { docker run -d --name "$name-$1" -p "127.0.0.1:$2:$3" "${@:4}" >/dev/null; }
run postgres "$pg_port" 5432 -e POSTGRES_PASSWORD=bench -e POSTGRES_USER=tars -e POSTGRES_DB=tars_home tars-home/postgres:15-bookworm
run chroma "$chroma_port" 8000 tars-home/chroma:1.5.9-bookworm
run redis "$redis_port" 6379 tars-home/redis:7.0-bookworm
pg_is_up() { docker exec -e PGPASSWORD=bench "$name-postgres" psql -h 127.0.0.1 -U tars -d tars_home -XAtqc 'select 1' >/dev/null 2>&1; }
within 60 "Postgres" pg_is_up
within 60 "Chroma" curl -sf -o /dev/null "http://127.0.0.1:$chroma_port/api/v2/heartbeat"
mkdir "$WORK/docs" "$WORK/uploads"
export NAME=$name WORK CHUNKS=$chunks QUERIES=$queries PG_PORT=$pg_port CHROMA_PORT=$chroma_port REDIS_PORT=$redis_port API_PORT TARS_BIN
python3 "$repo/tests/bench/serve.py"
