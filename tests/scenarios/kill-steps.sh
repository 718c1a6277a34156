#!/usr/bin/env bash
# `kill -9` of an installation at the start, in the middle and at the end of each of its steps; a plain re-run ends in
# GO and in the very state of an installation that nobody killed.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/kills.sh"
need_images
need_compose_v1

new_stack
step "an unkilled installation, for comparison"
reference
echo "   it took $TOTAL s"
names=(preflight prerequisites settings nas images start wait models verdict)
for number in 1 2 3 4 5 6 7 8 9; do
  name=${names[$((number - 1))]}
  half=$(awk -v took="$(step_took "$number")" 'BEGIN { print took / 2 }')
  step "step $number, $name"
  new_home && kill_and_rerun "the start of $name" --line "[$number/9] $name"
  new_home && kill_and_rerun "the middle of $name (${half} s)" --line "[$number/9] $name" --after "$half"
  new_home && kill_and_rerun "the end of $name" --line "✓ $name"
done
expect_same "$kills" 27 "kills"
