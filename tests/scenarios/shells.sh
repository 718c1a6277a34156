#!/usr/bin/env bash
# The completions are read by the shells themselves, and the manual page by groff's reader where there is one.
. "$(dirname "$0")/../lib/scenario.sh"
need_packages zsh fish bash man-db groff-base

for shell in bash zsh fish; do
  step "$shell"
  "$TARS_BIN" completions "$shell" >"$WORK/completions.$shell"
  try "$shell" -n "$WORK/completions.$shell"
  expect_exit 0
done
must fish --no-config -c "source '$WORK/completions.fish'; complete -C 'tars inst'"
expect_out install
must bash -c "source '$WORK/completions.bash'; COMP_WORDS=(tars inst) COMP_CWORD=1; _tars tars inst tars; echo \"\${COMPREPLY[@]}\""
expect_out install

step "the manual page"
"$TARS_BIN" man >"$WORK/tars.1"
must groff -man -Tutf8 -ww "$WORK/tars.1"
expect_same "$(cat "$ERR")" "" "groff's warnings"
expect_out "install"
