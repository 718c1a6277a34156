#!/usr/bin/env bash
# The page that people open, in real headless Chromium on real Postgres, Redis and Chroma with the double as Ollama: all
# that it promises, hostile documents and Markdown, the bad days, axe-core, and how fast it is. SHOTS=DIR keeps pictures.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_packages chromium chromium-driver fonts-dejavu-core || fail "there is no Chromium"
AXE=$(need_axe) || fail "there is no axe-core"
image=$("$repo/tests/ollama_double/image.sh")

new_stack "TARS_IMAGE_OLLAMA=$image" TARS_RATE_LIMIT=0 "TARS_PORT_WEB=$(test_port)"
chmod 755 "$WORK" "$WORK/docs"
must tars install --yes --with-frontend
is_ready() { [ "$(ready_status)" = 200 ]; }
within 30 "the stack is ready" is_ready

DRIVER=$(test_port)
# Chromium's own files, too, go at the end.
background "$WORK/chromedriver.log" env TMPDIR="$WORK" chromedriver "--port=$DRIVER"
driver_answers() { curl -sf -o "$WORK/driver" "http://127.0.0.1:$DRIVER/status"; }
within 20 "chromedriver answers" driver_answers

export AXE DRIVER WORK PROJECT STACK_HOME TARS_BIN DOCS=$WORK/docs TOOLS_IMAGE=tars-home/redis:7.0-bookworm
ADMIN_PASSWORD=$(setting TARS_ADMIN_PASSWORD)
OLLAMA=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container ollama)"):11434
export ADMIN_PASSWORD OLLAMA URL=http://127.0.0.1:$API_PORT PYTHONDONTWRITEBYTECODE=1

# drive [PART]: as tests/web/drive.py; what it says is this scenario's log.
drive() {
  local status=0
  LAST="tests/web/drive.py $*"
  env "$@" python3 "$repo/tests/web/drive.py" 2>&1 | tee "$OUT" || status=$?
  [ "$status" = 0 ] || fail "the page is not as it should be"
}

step "the page, line by line"
drive PART=all

step "the port of --with-frontend is the same page, and JSON stays JSON there"
try curl -sS -m 10 -H 'Accept: text/html,*/*;q=0.8' "http://127.0.0.1:$(setting TARS_PORT_WEB)/"
expect_out '<script type="module"'
try curl -sS -m 10 -H 'Accept: application/json' "http://127.0.0.1:$(setting TARS_PORT_WEB)/"
expect_json 'd["name"]' tars

step "too many requests"
set_env TARS_RATE_LIMIT 60
must tars restart
within 30 "the stack is ready" is_ready
drive PART=limits
