# shellcheck shell=bash
# Sourced: makes an image by running a script in a container and committing it. No BuildKit, no registry, any engine.
#
#   commit_image IMAGE BASE KEY SCRIPT [docker commit options…]
#
# Does nothing where IMAGE already carries the label tars.test.key=KEY. COPY, if set, is a list of "FROM:TO" files to
# put in before SCRIPT runs; the host's own CA certificates are put in always (a network with a TLS proxy needs them).

commit_image() {
  local image=$1 base=$2 key=$3 script=$4 name pair old
  shift 4
  if [ "$(docker image inspect -f '{{index .Config.Labels "tars.test.key"}}' "$image" 2>/dev/null)" = "$key" ]; then
    return 0
  fi
  name=tars-test-build-$$-$RANDOM
  # The container's name is needed when the trap is set, not when it runs.
  # shellcheck disable=SC2064
  trap "docker rm -f -v '$name' >/dev/null 2>&1 || true" EXIT
  docker create --name "$name" --label tars.test=build -e DEBIAN_FRONTEND=noninteractive \
    -e http_proxy -e https_proxy -e no_proxy "$base" /bin/sh -ec "$script" >/dev/null
  if [ -d /usr/local/share/ca-certificates ]; then
    docker cp /usr/local/share/ca-certificates/. "$name:/usr/local/share/ca-certificates/" >/dev/null
  fi
  for pair in ${COPY:-}; do
    docker cp "${pair%%:*}" "$name:${pair#*:}" >/dev/null
  done
  if ! docker start -a "$name" >"/tmp/$name.log" 2>&1; then
    tail -n 30 "/tmp/$name.log" >&2
    echo "could not build $image: see /tmp/$name.log" >&2
    return 1
  fi
  old=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)
  docker commit --change "LABEL tars.test.key=$key" "$@" "$name" "$image" >/dev/null
  docker rm -f -v "$name" >/dev/null
  [ -z "$old" ] || docker rmi "$old" >/dev/null 2>&1 || true # superseded; stays while something uses it
  rm -f "/tmp/$name.log"
  trap - EXIT
}
