# shellcheck shell=bash
# Sourced: a real registry on a loopback port, from Debian's docker-registry package, without installing it.
#
# (Installing would start a system service on port 5000.) An engine takes 127.0.0.0/8 as insecure-but-allowed, so
# images can be pushed and pulled without TLS. The engine must be this machine's own.
#
#   registry_start [DIR]   → REGISTRY=127.0.0.1:PORT REGISTRY_PID=…; its data under DIR (default: a temporary one)
#   registry_push LOCAL NAME → tags LOCAL as $REGISTRY/NAME, pushes, removes the tag again
#   registry_stop

registry_cache=${TARS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tars-test}

# The binary, unpacked once into the cache.
registry_binary() {
  local binary=$registry_cache/docker-registry/usr/bin/docker-registry work
  if [ ! -x "$binary" ]; then
    if command -v docker-registry >/dev/null; then
      command -v docker-registry
      return
    fi
    work=$(mktemp -d)
    mkdir -p "$registry_cache"
    (cd "$work" && chmod 755 . && { apt-get -o APT::Sandbox::User=root download -qq docker-registry || { apt-get update -qq && apt-get -o APT::Sandbox::User=root download -qq docker-registry; }; }) >&2
    dpkg-deb -x "$work"/docker-registry_*.deb "$registry_cache/docker-registry.$$"
    rm -rf "$work"
    mv -T "$registry_cache/docker-registry.$$" "$registry_cache/docker-registry" 2>/dev/null || rm -rf "$registry_cache/docker-registry.$$"
  fi
  echo "$binary"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

registry_start() {
  local port binary try
  binary=$(registry_binary)
  port=$(free_port)
  REGISTRY_DIR=${1:-$(mktemp -d)}
  cat >"$REGISTRY_DIR/config.yml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $REGISTRY_DIR/data}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
YAML
  "$binary" serve "$REGISTRY_DIR/config.yml" >"$REGISTRY_DIR/log" 2>&1 &
  REGISTRY_PID=$!
  # shellcheck disable=SC2034 # for the caller
  REGISTRY=127.0.0.1:$port
  for try in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
    kill -0 "$REGISTRY_PID" 2>/dev/null || break
    sleep 0.1
  done
  echo "the registry did not start (try $try): $(tail -n 3 "$REGISTRY_DIR/log")" >&2
  return 1
}

registry_push() {
  docker tag "$1" "$REGISTRY/$2"
  docker push -q "$REGISTRY/$2" >/dev/null
  docker rmi "$REGISTRY/$2" >/dev/null
}

registry_stop() {
  if [ -n "${REGISTRY_PID:-}" ]; then
    kill "$REGISTRY_PID" 2>/dev/null || true
    wait "$REGISTRY_PID" 2>/dev/null || true
    rm -rf "$REGISTRY_DIR"
    unset REGISTRY REGISTRY_PID REGISTRY_DIR
  fi
}
