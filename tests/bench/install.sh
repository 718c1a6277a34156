#!/usr/bin/env bash
# What an operator waits for, as medians of five, each beside a baseline of the same run where there is one:
#   tests/bench/install.sh            (needs the store images: tests/run --only images)
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_compose_v1

# median NAME UNIT AIM COMMAND…: milliseconds of five runs, once more beforehand to warm up.
timed() {
  python3 - "$@" <<'PY'
import statistics, subprocess, sys, time
def once():
    begun = time.monotonic()
    subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.monotonic() - begun) * 1000
once()
print(f"{statistics.median(once() for _ in range(5)):.1f}")
PY
}
row() { printf '%-44s %10s %-3s %s\n' "$1" "$2" "$3" "${4:-}"; }
seconds() { awk -v ms="$1" 'BEGIN { printf "%.2f", ms / 1000 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f of the baseline", a / b }'; }

new_stack
must tars install --yes
version=$(timed "$TARS_BIN" --version)
baseline=$(timed docker --version)
row "tars --version" "$version" ms "aim ≤ 10; docker --version $baseline ms"
status=$(timed "$TARS_BIN" --home "$STACK_HOME" status)
baseline=$(cd "$STACK_HOME" && timed docker-compose ps)
row "tars status" "$(seconds "$status")" s "aim ≤ 0.5; docker-compose ps $(seconds "$baseline") s: $(ratio "$status" "$baseline")"
baseline=$(timed docker ps --filter "label=com.docker.compose.project=$PROJECT")
row "" "" "" "docker ps $(seconds "$baseline") s (says less)"
row "the binary" "$(awk -v b="$(stat -c %s "$TARS_BIN")" 'BEGIN { printf "%.1f", b / 1e6 }')" MB "aim ≤ 25"
again=$(timed "$TARS_BIN" --home "$STACK_HOME" install --yes)
baseline=$(cd "$STACK_HOME" && timed docker-compose up -d)
row "tars install, all there" "$(seconds "$again")" s "aim ≤ 10; docker-compose up -d $(seconds "$baseline") s: $(ratio "$again" "$baseline")"
times=()
for _ in 1 2 3 4 5; do
  must tars uninstall --yes --delete-data "$PROJECT"
  mkdir -p "$STACK_HOME"
  (umask 077 && printf '%s\n' "COMPOSE_PROJECT_NAME=$PROJECT" "TARS_PORT_API=$API_PORT" "TARS_DOCS_DIR=$WORK/docs" >"$(env_file)")
  at=$(date +%s%3N)
  must tars install --yes
  times+=("$(($(date +%s%3N) - at))")
done
first=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 3p)
row "tars install, images ready, empty home" "$(seconds "$first")" s
