# shellcheck shell=bash
# Sourced by tests/run: gets what the tests need onto a Debian or Ubuntu machine. Each function is idempotent and says
# nothing when there is nothing to do; each says in one line what it does and why it failed.
#
#   need_packages NAME…     apt packages
#   need_engine             a Docker engine that answers
#   need_compose_v1         docker-compose 1.29
#   need_compose_v2         the v2 plugin; prints a DOCKER_CONFIG to use with it (empty: none is needed)
#   need_rust_tools         cargo, rustfmt, clippy
#   need_axe                prints the file of axe-core, which finds what keeps people out of a page

setup_cache=${TARS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tars-test}

note() { echo "setup: $*" >&2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# apt waits for dpkg's lock, which another apt or unattended-upgrades holds, at most five minutes. The option does not
# cover the lock of `update`: there it is tried again.
apt_get() {
  local try log
  log=$(mktemp)
  for try in $(seq 60); do
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >"$log" 2>&1; then
      rm -f "$log"
      return 0
    fi
    grep -q 'Could not get lock\|Unable to acquire' "$log" || break
    sleep 5 # bounded: there is no state to await but the lock itself
  done
  note "apt-get $* failed (try $try): $(tail -n 3 "$log")"
  rm -f "$log"
  return 1
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

need_packages() {
  local package missing=()
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  note "installing ${missing[*]}"
  apt_get install -y --no-install-recommends "${missing[@]}" 2>/dev/null && return 0
  apt_get update || true # a source that fails is no matter if the packages can be had from the others
  apt_get install -y --no-install-recommends "${missing[@]}"
}

engine_answers() { docker version -f '{{.Server.Version}}' >/dev/null 2>&1; }

# await SECONDS COMMAND…: true as soon as COMMAND is.
await() {
  local tries=$(($1 * 10))
  shift
  while [ "$tries" -gt 0 ]; do
    "$@" && return 0
    sleep 0.1
    tries=$((tries - 1))
  done
  return 1
}

need_engine() {
  if command -v docker >/dev/null && engine_answers; then return 0; fi
  command -v docker >/dev/null && command -v dockerd >/dev/null || need_packages docker.io || return 1
  engine_answers && return 0
  if systemctl is-system-running >/dev/null 2>&1 || [ -d /run/systemd/system ]; then
    note "starting the engine with systemd"
    as_root systemctl start docker && await 30 engine_answers && return 0
  fi
  if [ -x /etc/init.d/docker ]; then
    note "starting the engine with its init script"
    as_root service docker start >/dev/null 2>&1 && await 15 engine_answers && return 0
  fi
  note "starting dockerd itself; its log is $setup_cache/dockerd.log"
  mkdir -p "$setup_cache"
  # setsid and closed descriptors: it outlives this script and holds none of its pipes or locks.
  as_root setsid dockerd >"$setup_cache/dockerd.log" 2>&1 </dev/null 3>&- 8>&- 9>&- &
  await 30 engine_answers && return 0
  note "the engine does not answer: $(tail -n 2 "$setup_cache/dockerd.log")"
  return 1
}

# Debian 12 and Ubuntu up to 24.04 have 1.29 under this name; Debian 13's package of the same name is v2.
need_compose_v1() {
  case $(docker-compose version --short 2>/dev/null) in 1.*) return 0 ;; esac
  need_packages docker-compose || return 1
  case $(docker-compose version --short 2>/dev/null) in 1.*) return 0 ;; esac
  note "this system's docker-compose is not 1.29"
  return 1
}

debian=http://deb.debian.org/debian

# The .deb of a Debian 13 package, by its index, held against the index's SHA-256. Without apt: the machine may run
# another release, and its sources stay as they are.
fetch_trixie() {
  local package=$1 target=$2 index=$setup_cache/trixie-Packages file sum
  if [ ! -s "$index" ]; then
    curl -fsSL --retry 3 -m 300 "$debian/dists/trixie/main/binary-$(dpkg --print-architecture)/Packages.xz" | xz -dc >"$index.new"
    mv "$index.new" "$index"
  fi
  read -r file sum < <(awk -v want="$package" '
    /^Package: /  { here = ($2 == want) }
    here && /^Filename: / { file = $2 }
    here && /^SHA256: /   { print file, $2; exit }' "$index")
  [ -n "${sum:-}" ] || { note "Debian 13 has no $package" && return 1; }
  curl -fsSL --retry 3 -m 300 -o "$target" "$debian/$file"
  echo "$sum  $target" | sha256sum -c --quiet || { rm -f "$index" && return 1; }
}

need_compose_v2() {
  local config=$setup_cache/compose-v2 work
  if docker compose version >/dev/null 2>&1; then echo "${DOCKER_CONFIG:-}" && return 0; fi
  if ! DOCKER_CONFIG=$config docker compose version >/dev/null 2>&1; then
    need_packages ca-certificates curl xz-utils || return 1
    note "fetching compose v2 from Debian 13"
    work=$(mktemp -d)
    mkdir -p "$config/cli-plugins"
    fetch_trixie docker-compose "$work/compose.deb" || { rm -rf "$work" && return 1; }
    dpkg-deb -x "$work/compose.deb" "$work/root"
    find "$work/root" -type f -name docker-compose -path '*cli-plugins*' -exec cp {} "$config/cli-plugins/docker-compose.new" \;
    mv "$config/cli-plugins/docker-compose.new" "$config/cli-plugins/docker-compose"
    rm -rf "$work"
    DOCKER_CONFIG=$config docker compose version >/dev/null || { note "the plugin does not run here" && return 1; }
  fi
  echo "$config"
}

# rustup's cargo knows components; a distribution's cargo has packages for them.
need_rust_tools() {
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH=$HOME/.cargo/bin:$PATH
  fi
  command -v cargo >/dev/null || need_packages cargo || return 1
  if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then return 0; fi
  if command -v rustup >/dev/null; then
    note "adding rustfmt and clippy"
    rustup -q component add rustfmt clippy >/dev/null
  else
    need_packages rustfmt rust-clippy
  fi
}

# The package that brings it is not run: only the script in it is.
need_axe() {
  local version=0.1.8 place=$setup_cache/axe found
  found=$(find "$place-$version" -name axe.min.js 2>/dev/null | head -n 1)
  if [ -z "$found" ]; then
    python3 -c 'import ensurepip' 2>/dev/null || need_packages python3-venv || return 1
    note "getting axe-core"
    rm -rf "$place-$version" "$place.$$"
    mkdir -p "$setup_cache"
    python3 -m venv "$place.$$" >&2 &&
      "$place.$$/bin/python" -m pip install -q --disable-pip-version-check --no-deps "axe-playwright-python==$version" >&2 &&
      mv -T "$place.$$" "$place-$version" || { rm -rf "$place.$$" && return 1; }
    found=$(find "$place-$version" -name axe.min.js | head -n 1)
  fi
  [ -n "$found" ] && echo "$found"
}
