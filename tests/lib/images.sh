#!/usr/bin/env bash
# Makes sure that the store images are in the engine: by `tars install --images packages`, which is then tried at the
# same time. Where they are there already it installs with them, which takes seconds.
. "$(dirname "$0")/scenario.sh"

missing=()
for image in tars-home/postgres:15-bookworm tars-home/redis:7.0-bookworm tars-home/chroma:1.5.9-bookworm; do
  docker image inspect "$image" >/dev/null 2>&1 || missing+=("$image")
done

step "tars install --images packages (missing: ${missing[*]:-none})"
new_stack
at=$SECONDS
try tars install --yes --images packages --json
expect_exit 0
keep_images # before the stack goes and takes its images along
expect_json 'd["data"]["verdict"]' GO
detail=$(json "$OUT" 'd["data"]["steps"][4]["detail"]')
if [ ${#missing[@]} -gt 0 ]; then
  [[ $detail == *"built from packages"* ]] || fail "the images step says: $detail"
fi
[ $((SECONDS - at)) -le 600 ] || fail "it took $((SECONDS - at)) s"
expect_same "$(setting TARS_IMAGES)" packages "TARS_IMAGES"
for pair in POSTGRES=postgres:15-bookworm REDIS=redis:7.0-bookworm CHROMA=chroma:1.5.9-bookworm; do
  expect_same "$(setting "TARS_IMAGE_${pair%%=*}")" "tars-home/${pair#*=}" "the image in the env file"
done
for image in tars-home/postgres:15-bookworm tars-home/redis:7.0-bookworm tars-home/chroma:1.5.9-bookworm; do
  # What the build needed must not stay in the image: the host's certificates, a proxy, package lists.
  expect_same "$(docker run --rm --entrypoint /bin/sh "$image" -c 'find /tmp /var/lib/apt/lists -type f; env | grep -i proxy || true')" "" "left in $image"
done
expect_same "$(docker ps -aq --filter "label=io.tars.run.home=$STACK_HOME")" "" "build containers are left"
if [ ${#missing[@]} -gt 0 ]; then
  # A label of the run that built them would make every container of theirs look like something that run left behind.
  for image in "${missing[@]}"; do
    expect_same "$(docker image inspect -f '{{index .Config.Labels "io.tars.run"}}{{index .Config.Labels "io.tars.run.home"}}' "$image")" "" "labels of a run on $image"
  done
fi
