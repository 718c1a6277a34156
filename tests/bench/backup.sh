#!/usr/bin/env bash
# What a backup and a restore cost, beside `tar -czf` and `sha256sum` doing the same work in the same run:
#   tests/bench/backup.sh [RUNS] [MIB] [GIB]   (needs root and the store images: tests/run --only images)
#   RUNS   of each, the median counts (3)      MIB   of random data, and as much of text (1024)
#   GIB    of vectors, for the time that the stack is down (5; 0 leaves it out)
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images
runs=${1:-3} mib=${2:-1024} gib=${3:-5}

row() { printf '%-66s %9s %-4s %s\n' "$1" "$2" "$3" "${4:-}"; }
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
over() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
ms() { # COMMAND…: how long it takes
  local from
  from=$(date +%s%3N)
  "$@" >/dev/null 2>"$ERR" || fail "could not: $*"
  echo $(($(date +%s%3N) - from))
}
gone() { rm -f "$STACK_HOME"/backups/tars-backup-*; }
as_root() { "$TARS_BIN" --home "$STACK_HOME" "$@"; }
# Files that may not be read directly go through the engine's archive endpoint.
as_user() { setpriv --reuid 12345 --regid "$(stat -c %g /var/run/docker.sock)" --clear-groups env HOME="$WORK" "$WORK/tars" --home "$STACK_HOME" "$@"; }
# phases WHO FLAGS…: RUNS backups; medians of the time till it was written, and of the time to verify: WRITTEN VERIFIED
phases() {
  local who=$1 n
  shift
  : >"$WORK/written" && : >"$WORK/verified"
  for ((n = 0; n < runs; n++)); do
    "$who" --json -v backup "$@" 2>&1 >"$OUT" | while IFS= read -r line; do echo "$(date +%s%3N) $line"; done >"$WORK/times"
    python3 - "$OUT" "$WORK/times" >>"$WORK/phases" <<'PY'
import json, sys
with open(sys.argv[1]) as file:
    total = json.load(file)["data"]["duration_ms"]
lines = [line.split(" ", 1) for line in open(sys.argv[2])]
first, verifying = int(lines[0][0]), int(next(at for at, text in lines if "verifying" in text))
print(verifying - first, total - (verifying - first))
PY
    BYTES=$(json "$OUT" 'd["data"]["bytes"]')
    tail -n 1 "$WORK/phases" | cut -d' ' -f1 >>"$WORK/written"
    tail -n 1 "$WORK/phases" | cut -d' ' -f2 >>"$WORK/verified"
    gone
  done
  WRITTEN=$(median <"$WORK/written") VERIFIED=$(median <"$WORK/verified")
}
peak() { # FLAGS…: kB of memory at most
  python3 - "$TARS_BIN" --home "$STACK_HOME" --json "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

new_stack
must tars install --yes
seed_postgres 350000
seed_redis 200000
seed_chroma 20000 384
mkdir "$WORK/kept"

for ((n = 0; n < runs; n++)); do
  must tars --json backup --output-dir "$WORK/kept"
  json "$OUT" 'd["data"]["duration_ms"]' >>"$WORK/whole"
  json "$OUT" 'd["data"]["downtime_ms"]' >>"$WORK/down"
  archive=$(json "$OUT" 'd["data"]["archive"]')
  must tars --json restore --backup-file "$archive" --yes
  json "$OUT" 'd["data"]["duration_ms"]' >>"$WORK/restored"
  json "$OUT" 'd["data"]["downtime_ms"]' >>"$WORK/restored_down"
done
row "the live stack (146 MB, 83 MB, 200,000 keys): backup, whole" "$(median <"$WORK/whole")" ms "aim ≤ 6000; the bash scripts took 77000"
row "the live stack: backup, down" "$(median <"$WORK/down")" ms "aim ≤ 3000"
row "the live stack: restore, whole" "$(median <"$WORK/restored")" ms "aim ≤ 15000"
row "the live stack: restore, down" "$(median <"$WORK/restored_down")" ms "aim ≤ 5000; the bash scripts took 10000"
row "restore: memory at most" "$(peak restore --backup-file "$archive" --yes)" kB "aim ≤ 65536"

docs=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_DOCUMENTS)")
helper=$(docker create -v "$(setting TARS_VOLUME_DOCUMENTS):/v:ro" tars-home/redis:7.0-bookworm true)
at_end+=("docker rm -f $helper")
endpoint() { curl -sf --unix-socket /var/run/docker.sock "http://docker/containers/$helper/archive?path=/v"; }
chmod 711 "$WORK" && install -m 755 "$TARS_BIN" "$WORK/tars"
only="--skip-postgres --skip-redis --skip-chromadb"

head -c "${mib}M" /dev/urandom >"$docs/random"
sync
curled() { endpoint >"$WORK/base.tar" && sync "$WORK/base.tar"; }
base=$(for ((n = 0; n < runs; n++)); do ms curled; done | median)
rm "$WORK/base.tar"
# shellcheck disable=SC2086
phases as_root $only
row "$mib MiB random: curl of the archive endpoint, synced" "$base" ms
row "the same by tars, as root, written" "$WRITTEN" ms "$(over "$base" "$WRITTEN") of its speed; aim ≥ 0.8"
row "the same by tars, as root, verified" "$VERIFIED" ms "$(over "$VERIFIED" "$WRITTEN") of the writing; aim ≤ 1"
chown -R 12345 "$STACK_HOME"
# shellcheck disable=SC2086
phases as_user $only
chown -R 0 "$STACK_HOME"
row "the same by tars, through the endpoint, written" "$WRITTEN" ms "$(over "$base" "$WRITTEN") of its speed; aim ≥ 0.8"

python3 - "$mib" >"$docs/text" <<'PY'
import random, sys
words = [f"{w}{n}" for w in ("passage", "document", "answer", "vector", "index", "question") for n in range(3000)]
source = random.Random(1)
for _ in range(int(sys.argv[1])):
    sys.stdout.write((" ".join(source.choices(words, k=160000)) + "\n")[:1 << 20])
PY
sync
baseline() { endpoint | gzip >"$WORK/base.tar.gz" && sha256sum "$WORK/base.tar.gz" && sync "$WORK/base.tar.gz"; }
base=$(ms baseline)
size=$(stat -c %s "$WORK/base.tar.gz")
rm "$WORK/base.tar.gz"
row "$mib MiB random + $mib MiB text: tar -czf, sha256sum" "$base" ms "through the archive endpoint"
# shellcheck disable=SC2086
phases as_root $only
row "the same by tars, as root, written" "$WRITTEN" ms "$(over "$base" "$WRITTEN") times as fast; aim ≥ 6"
row "the same by tars, as root, verified" "$VERIFIED" ms "$(over "$VERIFIED" "$WRITTEN") of the writing; aim ≤ 1"
row "the archive" "$BYTES" B "$(over "$BYTES" "$size") of gzip -6's; aim ≤ 1.4"
chown -R 12345 "$STACK_HOME"
# shellcheck disable=SC2086
phases as_user $only
chown -R 0 "$STACK_HOME"
row "the same by tars, through the endpoint, written" "$WRITTEN" ms "$(over "$base" "$WRITTEN") times as fast; aim ≥ 4"
# shellcheck disable=SC2086
row "backup: memory at most" "$(peak backup $only)" kB "aim ≤ 65536"
gone
rm "$docs/random" "$docs/text"

if [ "$gib" != 0 ]; then
  chroma=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_CHROMA)")
  mkdir "$chroma/00000000-0000-4000-8000-000000000000"
  head -c "${gib}G" /dev/urandom >"$chroma/00000000-0000-4000-8000-000000000000/data_level0.bin"
  sync
  must tars --json backup --skip-postgres --skip-redis
  row "$gib GiB of vectors: down" "$(json "$OUT" 'd["data"]["downtime_ms"]')" ms "of $(json "$OUT" 'd["data"]["duration_ms"]') ms"
fi
