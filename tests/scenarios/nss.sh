#!/usr/bin/env bash
# The static binary resolves names on hosts whose nsswitch.conf names mdns4_minimal, resolve and myhostname (Debian 13,
# Ubuntu 24.04), where a plain static program dies with SIGFPE at its first look-up.
. "$(dirname "$0")/../lib/scenario.sh"
need_packages debootstrap curl gcc libc6-dev
nss=$repo/tests/roots/nss.sh
must "$nss" build
expect_same "$(wc -l <"$OUT")" 2 "two roots"
cp "$OUT" "$WORK/roots"

step "the trap is real: a static program that asks getaddrinfo dies there"
try "$nss" trap
for image in $(cat "$WORK/roots"); do
  grep -q "^$image 136$" "$OUT" || fail "the smallest static program lives in $image: these roots prove nothing"
done

# tried NAME WORDS: the binary looks the name up in each root and ends with 1 and these words, never by a signal.
tried() {
  try "$nss" run "$TARS_BIN" serve --reach "http://$1"
  for image in $(cat "$WORK/roots"); do
    grep -q "^$image 1$" "$OUT" || fail "tars serve --reach http://$1 in $image: $(grep "^$image" "$OUT")"
  done
  expect_same "$(grep -cE "$2" "$OUT")" 2 "how often it says: $2"
}

step "tars resolves names there"
tried localhost:1 'no usable answer from localhost:1'
tried no-such-host.invalid:80 'cannot be resolved|not be resolved'
tried no-such-host.local:80 'cannot be resolved|not be resolved'
try "$nss" run "$TARS_BIN" --version
expect_exit 0
if getent hosts deb.debian.org >/dev/null; then
  step "a public name"
  try "$nss" run "$TARS_BIN" serve --reach http://deb.debian.org:80
  ! grep -qE ' 1[0-9][0-9]$' "$OUT" || fail "ended by a signal: $(cat "$OUT")"
  ! grep -q 'be resolved' "$OUT" "$ERR" || fail "a public name is not resolved"
fi
