#!/usr/bin/env bash
# Every combination of install's flags with --dry-run: the documented exit code, a plan (or one JSON document), and
# nothing changed.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
docker save -o "$WORK/images.tar" tars-home/redis:7.0-bookworm

new_stack
engine() {
  docker ps -aq --no-trunc --filter label=io.tars.run.home="$STACK_HOME" | sort
  docker ps -a --format '{{.Names}}' | grep "^$PROJECT" || true
  docker volume ls -q | grep "^$PROJECT" || true
  docker images -q tars-backend | sort
}
before=$(engine) settings=$(cat "$(env_file)")

step "a home that does not exist does not come into being"
try "$TARS_BIN" --home "$WORK/nowhere" install --dry-run --json
# Another stack of this machine may have the usual project's name and data: then it refuses, and that is all it does.
[ "$STATUS" = 0 ] || [ "$STATUS" = 1 ] || fail "exit $STATUS"
expect_json '[step["status"] for step in d["data"]["steps"]]' "$(python3 -c 'import json; print(json.dumps(["planned"] * 9))')"
expect_no_file "$WORK/nowhere"

step "every combination of flags"
# 2 × 2 × 2 × 5 × 2 × 3 × 2 = 480, two at a time; every fifth one as JSON.
python3 - "$TARS_BIN" "$STACK_HOME" "$WORK" <<'PY' >"$OUT" 2>"$ERR" || { cat "$OUT" >&2; fail "some combinations do not do what is documented"; }
import concurrent.futures, itertools, json, os, subprocess, sys, time

binary, home, work = sys.argv[1:]
options = [
    [[], ["--skip-nas"]],
    [[], ["--cpu-only"]],
    [[], ["--with-frontend"]],
    [[], ["--images", "auto"], ["--images", "registry"], ["--images", "packages"], ["--images", f"{work}/images.tar"]],
    [[], ["--ollama-url", "http://127.0.0.1:9"]],
    [[], ["--model", "tinyllama"], ["--model", "none"]],
    [[], ["--embed-model", "all-minilm"]],
]
steps = ["preflight", "prerequisites", "settings", "nas", "images", "start", "wait", "models", "verdict"]


def expected(flags, plan):
    """The exit codes that the documentation allows: contradictions 64; a port of the default that somebody has, or a
    registry that was asked for and is not there, are reasons to refuse (1)."""
    if "--ollama-url" in flags and "none" in flags:
        return {64}
    if "registry" in flags:
        return {0, 1}
    return {0}


def run(number, flags):
    as_json = number % 5 == 0
    command = [binary, "--home", home, "install", "--dry-run", *flags] + (["--json"] if as_json else [])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    wrong = []
    if done.returncode not in expected(flags, done.stdout):
        wrong.append(f"exit {done.returncode}")
    if as_json:
        try:
            document = json.loads(done.stdout)
            if document["exit"] != done.returncode or document["ok"] != (done.returncode == 0):
                wrong.append("the document tells another exit code")
            if done.returncode != 64:
                if [step["name"] for step in document["data"]["steps"]] != steps:
                    wrong.append("the plan has other steps")
                if {step["status"] for step in document["data"]["steps"]} != {"planned"}:
                    wrong.append("a step is not only planned")
            elif not document["errors"]:
                wrong.append("no error in the document")
        except (ValueError, KeyError) as error:
            wrong.append(f"no such document: {error!r}")
    elif done.returncode != 64:
        if "nothing was changed" not in done.stdout or not all(step in done.stdout for step in steps):
            wrong.append("no plan")
        for flag, words in (("--skip-nas", "skip it"), ("packages", "from packages"), ("registry", "pull")):
            if flag in flags and words not in done.stdout and "find them there" not in done.stdout:
                wrong.append(f"{flag} does not show in the plan")
        if "none" in flags and "retrieval-only" not in done.stdout:
            wrong.append("--model none does not show in the plan")
        if "tinyllama" in flags and "tinyllama" not in done.stdout:
            wrong.append("--model does not show in the plan")
    if os.listdir(home) != ["tars-home.env"]:
        wrong.append(f"the home holds {os.listdir(home)}")
    return " ".join(flags), done.returncode, wrong, done.stderr[-300:] + done.stdout[-300:]


begun, codes, bad = time.monotonic(), {}, 0
combinations = [sum(choice, []) for choice in itertools.product(*options)]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for flags, code, wrong, said in pool.map(run, range(len(combinations)), combinations):
        codes[code] = codes.get(code, 0) + 1
        if wrong:
            bad += 1
            if bad <= 5:
                print(f"install --dry-run {flags}: {', '.join(wrong)}\n{said}")
print(f"{len(combinations)} combinations in {time.monotonic() - begun:.0f} s; exit codes {codes}; {bad} wrong")
sys.exit(1 if bad else 0)
PY
cat "$OUT"
expect_same "$(cat "$(env_file)")" "$settings" "the env file"
expect_same "$(engine)" "$before" "the engine"

step "beside a stack that runs: --dry-run changes nothing of it either"
must tars install --yes
sums() { (cd "$STACK_HOME" && find . -printf '%m %T@ %p\n' | sort); }
before=$(sums) prints=$(fingerprint)
try tars install --dry-run --with-frontend --cpu-only --model tinyllama --json
expect_exit 0
expect_same "$(sums)" "$before" "the home"
expect_same "$(fingerprint)" "$prints" "the containers"
