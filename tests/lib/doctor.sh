# shellcheck shell=bash
# Sourced after scenario.sh by scenarios of the doctor: provoke, find exactly that, mend, be healthy.
#
#   healthy [WHAT]                 doctor finds nothing and exits 0
#   finds ID [ID…]                 doctor finds exactly these, nothing else, and nothing is unknown
#   mended [DOCTOR-ARGUMENT…]      doctor --fix cures everything: exit 0, nothing found any more
#   documents N                    N documents with vectors are in the index

found() { json "$OUT" '" ".join(sorted({f["id"] for f in d["data"]["findings"] if not f["fixed"]}))'; }

# What is found must be one state, not a moment: a look may fall into the second in which something is noticed.
finds() {
  local want
  want=$(printf '%s\n' "$@" | sort -u | tr '\n' ' ')
  try tars doctor --json ${DEEP:-}
  expect_same "$(found)" "${want% }" "what the doctor finds"
  json "$OUT" '[(f["id"], f["hint"]) for f in d["data"]["findings"] if not f["hint"]]' | grep -qx '\[\]' || fail "a finding without a hint"
}

no_findings() {
  try tars doctor --json ${DEEP:-}
  [ "$STATUS" = 0 ] && [ -z "$(found)" ]
}

healthy() {
  no_findings || fail "not healthy${1:+ $1}: $(found) $(json "$OUT" '[(f["id"], f["problem"]) for f in d["data"]["findings"]]')"
}

# Some cures take effect a little later: vectors are made anew after the backend's start.
mended() {
  try tars doctor --fix --json "$@"
  [ -z "$(found)" ] || within 60 "healthy after --fix" no_findings
  healthy "after --fix"
}

vectors_done() {
  psql_ <<<"select coalesce(sum(done), 0) > 0 and not exists (select 1 from jobs) and count(*) >= ${1:-1} from vectors" 2>/dev/null | grep -qx t
}

documents() { within 90 "$1 documents are in the index" vectors_done "$1"; }
