# shellcheck shell=bash
# Sourced after scenario.sh by scenarios that need data in the stores.
#
#   seed_postgres ROWS           table notes(id, body) with ROWS rows of about 340 bytes, and an empty table nothing
#   seed_redis KEYS              KEYS keys k:1…; every tenth lives for a day
#   seed_chroma ROWS [DIM]       collection docs: ids d0…, vectors that only the id decides
#   seed_documents               two originals, one with a blank in its name, one executable
#   hammer LOG                   background writer to Chroma and Postgres until stop_hammer; LOG: what was acknowledged

seed=$repo/tests/lib/seed.py

address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container "$1")"; }

seed_postgres() {
  psql_ >/dev/null <<<"create table notes(id bigint primary key, body text not null); create table nothing(id int);
    insert into notes select i, repeat(md5(i::text), 10) from generate_series(1, $1) i;" || fail "could not seed Postgres"
}

seed_redis() {
  redis_ eval "for _, k in ipairs(redis.call('keys', 'tars:limit:*')) do redis.call('del', k) end; for i=1,$1 do redis.call('set','k:'..i,'value of '..i); if i % 10 == 0 then redis.call('expire','k:'..i,86400) end end" 0 >/dev/null ||
    fail "could not seed Redis"
}

seed_chroma() { python3 "$seed" fill "http://$(address chromadb):8000" docs "$1" "${2:-8}" || fail "could not seed Chroma"; }

seed_documents() {
  local dir
  dir=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")
  install -d -o 10001 -g 10001 "$dir/ab"
  printf 'the first original\n' >"$dir/ab/first one.txt"
  head -c 300000 /dev/urandom >"$dir/ab/second.pdf"
  chown -R 10001:10001 "$dir/ab" && chmod 640 "$dir/ab/first one.txt" && chmod 750 "$dir/ab/second.pdf"
}

hammer() {
  background "$1.err" python3 "$seed" hammer "http://$(address chromadb):8000" docs "$1" "$(container postgres)"
  HAMMER=$CHILD
}

stop_hammer() { kill -TERM "$HAMMER" 2>/dev/null && wait "$HAMMER" || true; }
