#!/usr/bin/env bash
# A fresh Debian 12 host without Docker, in which a real engine can be installed and started.
#
#   fresh.sh [--keep] [--engine] [--mount DIR:TARGET[:ro]]… NAME COMMAND…   make it, run COMMAND, remove it
#   fresh.sh --exec NAME COMMAND…                                           run in one that was kept
#   fresh.sh --rm NAME                                                      remove one that was kept
#   fresh.sh --image [--engine]                                             only build the image; prints its name
#
# The current directory is mounted read-only at /mnt/host; COMMAND starts in /root. Its output and exit status are
# ours. The container and its volume go afterwards, also after an interruption (not with --keep, and then only a
# failure to start removes them). With --engine the root has docker.io and docker-compose 1.29 installed, not started.
#
# There is no systemd in it, as in many containers and WSL: `service docker start` works where the engine that runs
# us has CAP_SYS_RESOURCE; elsewhere the init script ends with status 2 at its `ulimit -n 1048576` (stderr: "ulimit:
# error setting limit (Operation not permitted)", nothing in its log) and only `dockerd` itself starts.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/roots/commit.sh
. "$here/commit.sh"

build_image() {
  local key
  key=$(cat "$here/fresh.sh" "$here/fresh-prepare.sh" "$here/commit.sh" | sha256sum | cut -c1-16)
  COPY="$here/fresh-prepare.sh:/usr/local/sbin/fresh-prepare" \
    commit_image tars-test/fresh:bookworm "$("$here/base.sh")" "$key" '
      printf "deb http://deb.debian.org/debian %s main\n" bookworm bookworm-updates >/etc/apt/sources.list
      echo "deb http://deb.debian.org/debian-security bookworm-security main" >>/etc/apt/sources.list
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends ca-certificates iproute2 procps
      rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
      chmod 0755 /usr/local/sbin/fresh-prepare
    ' --change 'CMD ["sleep", "infinity"]' --change 'WORKDIR /root'
  if [ "$1" = engine ]; then
    commit_image tars-test/fresh-engine:bookworm tars-test/fresh:bookworm "$key" '
      apt-get update -qq
      apt-get install -y -qq --no-install-recommends docker.io docker-compose
      rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
    ' --change 'CMD ["sleep", "infinity"]'
    image=tars-test/fresh-engine:bookworm
  else
    image=tars-test/fresh:bookworm
  fi
}

remove() {
  docker rm -f -v "$1" >/dev/null 2>&1 || true
  docker volume rm "$1-docker" >/dev/null 2>&1 || true
}

# All capabilities. An engine that itself lacks CAP_SYS_RESOURCE refuses to give it ("unable to apply caps"), and
# --privileged with it; everything else is enough for a nested engine.
start() {
  local drop
  for drop in "" --cap-drop=SYS_RESOURCE; do
    remove "$container"
    # shellcheck disable=SC2086
    if error=$(docker run -d --init --name "$container" --hostname "$name" --label tars.test=fresh \
      --cap-add ALL $drop --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
      --device-cgroup-rule 'a *:* rwm' --cgroupns private -v "$container-docker:/var/lib/docker" \
      -e http_proxy -e https_proxy -e no_proxy "${mounts[@]}" "$image" sleep infinity 2>&1); then
      docker exec "$container" fresh-prepare
      return
    fi
  done
  remove "$container"
  echo "could not start a fresh root: $error" >&2
  return 1
}

# In the background, so that a signal to us is acted upon at once and not after the command.
run() {
  docker exec -i -e DEBIAN_FRONTEND=noninteractive "$container" "$@" <&0 &
  wait $!
}

keep='' kind=plain verb=run mounts=(-v "$PWD:/mnt/host:ro")
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --engine) kind=engine ;;
    --mount) mounts+=(-v "$2") && shift ;;
    --exec | --rm | --image) verb=${1#--} ;;
    -*) echo "unknown flag $1" >&2 && exit 64 ;;
    *) break ;;
  esac
  shift
done

if [ "$verb" = image ]; then
  build_image "$kind"
  echo "$image"
  exit 0
fi

name=${1:?a name is needed}
container=tars-fresh-$name
shift
case $verb in
  rm) remove "$container" ;;
  exec) run "$@" ;;
  run)
    build_image "$kind"
    [ -n "$keep" ] || trap 'remove "$container"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    start
    run "$@"
    ;;
esac
