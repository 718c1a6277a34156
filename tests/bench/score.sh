#!/bin/sh
# Scores the filter on labelled cases: score.sh CASES.jsonl(.gz) [score.py options].
set -eu
cases=$1; shift
tars=${TARS:-target/x86_64-unknown-linux-gnu/release/tars}
exec python3 "${SCORER:-../shared/redaction/score.py}" "$cases" --cmd "$tars redact" --env-file-arg '--env-file {env}' "$@"
