#!/usr/bin/env bash
# The archive's writer and reader beside what an operator would type, on the same files in the same run:
#   tests/bench/archive.sh [MB of each kind, 1024]     (about 6 × that much room under TMPDIR)
# Median of RUNS (5). "tar -czf" is followed by sha256sum, as its users do.
set -euo pipefail
cd "$(dirname "$0")/../.."
mb=${1:-1024}
runs=${RUNS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/random" "$work/text" "$work/both"

head -c "${mb}M" /dev/urandom >"$work/random/blob"
# Rows as a dump of a database holds them: numbers, times, words, hashes.
python3 - "$work/text/rows" "$mb" <<'PY'
import random, sys
random.seed(1)
words = ["".join(random.choices("etaoinshrdlu", k=random.randint(2, 11))) for _ in range(4000)]
lines, size, at, aim = [], 0, 0, 64 << 20
while size < min(aim, int(sys.argv[2]) << 20):
    at += 1
    line = f"{at}\t2026-11-{random.randint(1, 30):02d} 08:{random.randint(0, 59):02d}:11.{random.randint(0, 999999):06d}\t{random.getrandbits(64):016x}\t{' '.join(random.choices(words, k=30))}\n"
    lines.append(line)
    size += len(line)
block, left = "".join(lines).encode(), int(sys.argv[2]) << 20
with open(sys.argv[1], "wb") as out:
    while left > 0:
        out.write(block[:left])
        left -= len(block)
PY
ln "$work/random/blob" "$work/text/rows" "$work/both/"

cargo test --release -p tars-archive --lib --no-run 2>"$work/build" || { cat "$work/build"; exit 1; }
program=$(sed -n 's/.*Executable.*(\(.*\))/\1/p' "$work/build")

median() { sort -n | sed -n "$(((runs + 1) / 2))p"; }
seconds() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(seconds)" 'BEGIN { printf "%.2f\n", b - a }'; }
by_tars() { # FROM: one line of figures
  rm -rf "$work/to" && mkdir "$work/to" && sync "$work"
  TARS_BENCH_FROM=$1 TARS_BENCH_TO=$work/to TARS_BENCH_LINE=$work/line /usr/bin/env time -o "$work/time" -f 'peak_kb=%M' \
    "$program" --ignored --exact tests::bench::archive >/dev/null
  paste -d ' ' "$work/line" "$work/time"
}
by_tar() {
  rm -f "$work/base.tar.gz" && sync "$work"
  local at; at=$(seconds)
  tar -czf "$work/base.tar.gz" -C "$1" . && sha256sum "$work/base.tar.gz" >/dev/null
  since "$at"
}
by_copy() {
  rm -f "$work/copy" && sync "$work"
  local at; at=$(seconds)
  cat "$1"/* >"$work/copy" && sync "$work/copy"
  since "$at"
}
field() { sed -n "s/.*$1=\([0-9.]*\).*/\1/p" | median; }
row() { printf '%-34s %10s %s\n' "$@"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

for _ in $(seq "$runs"); do by_tars "$work/both" >>"$work/both.log"; by_tar "$work/both" >>"$work/tar.log"; done
write=$(field write_s <"$work/both.log")
base=$(median <"$work/tar.log")
row "1:1 random and text, $((2 * mb)) MiB" "$write s" "tar -czf + sha256sum $base s: 1/$(ratio "$base" "$write") (aim 1/6)"
row "  all read after" "$(field read_s <"$work/both.log") s" "Chroma would start again here"
row "  verification" "$(field verify_s <"$work/both.log") s" "aim: no longer than the writing"
row "  peak memory" "$(awk -v k="$(field peak_kb <"$work/both.log")" 'BEGIN { printf "%.0f", k / 1024 }') MiB" "aim ≤ 64"
for _ in $(seq "$runs"); do by_tars "$work/random" >>"$work/random.log"; by_copy "$work/random" >>"$work/copy.log"; done
write=$(field write_s <"$work/random.log")
row "random alone, $mb MiB" "$write s" "cat + sync $(median <"$work/copy.log") s: $(ratio "$(median <"$work/copy.log")" "$write") of its rate (aim ≥ 0.80)"
by_tars "$work/text" >"$work/text.log"
gzip -6 -c "$work/text/rows" | wc -c >"$work/gzip"
row "text alone, $mb MiB" "$(field write_s <"$work/text.log") s" "size $(ratio "$(field bytes <"$work/text.log")" "$(cat "$work/gzip")") × gzip -6 (aim ≤ 1.4)"
TARS_BENCH_SEAL=1 by_tars "$work/both" >"$work/sealed.log"
row "both, encrypted" "$(field write_s <"$work/sealed.log") s" "verification $(field verify_s <"$work/sealed.log") s"
