#!/usr/bin/env bash
# Roots whose nsswitch.conf names what ordinary desktops and Ubuntu hosts name: mdns4_minimal, resolve, myhostname.
#
# A static glibc binary loads the root's own NSS modules at its first look-up of a name and, where they were built for
# another glibc, dies with SIGFPE (exit 136). So a binary made to run anywhere must be tried in such roots.
#
#   nss.sh build                        make the images, print their names (Debian 13, Ubuntu 24.04), one per line
#   nss.sh run BINARY [ARGUMENTS…]      run BINARY in each; status 0 if it was 0 in all; prints IMAGE STATUS lines
#   nss.sh trap                         compile the smallest program that falls into the trap and run it so
#
# NSS_TRAP_CURED=1 makes `trap` build it with the cure instead: __nss_configure_lookup("hosts", "files dns").
# The Ubuntu keyring is fetched over http and held against the SHA-256 below. Where no Ubuntu mirror answers, a
# Debian 12 root with Ubuntu's nsswitch line takes its place, named tars-test/nss:bookworm-as-ubuntu.
set -euo pipefail

ubuntu=${UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}
keyring_deb=pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb
keyring_sha256=36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8
modules="libnss-mdns libnss-resolve libnss-myhostname"
hosts_line='hosts: files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] myhostname dns'
key=$(echo "1 $modules $hosts_line" | sha256sum | cut -c1-16) # raise the number when a root must be made anew

present() {
  [ "$(docker image inspect -f '{{index .Config.Labels "tars.test.key"}}' "$1" 2>/dev/null)" = "$key" ]
}

# make_root IMAGE SUITE MIRROR SCRIPT [debootstrap flags…]; SCRIPT may be empty.
make_root() (
  image=$1 suite=$2 mirror=$3 script=$4
  shift 4
  root=$(mktemp -d)
  trap 'rm -rf --one-file-system "$root"' EXIT
  if ! debootstrap --variant=minbase "$@" "$suite" "$root" "$mirror" ${script:+"$script"} >"$root.log" 2>&1; then
    tail -n 5 "$root.log" >&2
    echo "could not make a $suite root: see $root.log" >&2
    exit 1
  fi
  # Unpacked, not installed: libnss-resolve would bring systemd-resolved, whose set-up fails without an init system
  # and which takes over /etc/resolv.conf. The modules are what a static binary loads.
  # shellcheck disable=SC2016
  chroot "$root" sh -ec 'apt-get update -qq && cd /tmp && apt-get download -qq '"$modules"' &&
    for deb in *.deb; do dpkg-deb -x "$deb" /; done; rm -f *.deb
    ls /usr/lib/*/libnss_mdns4_minimal.so.2 /usr/lib/*/libnss_resolve.so.2 /usr/lib/*/libnss_myhostname.so.2
    ldconfig' >>"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; exit 1; }
  sed -i "s/^hosts:.*/$hosts_line/" "$root/etc/nsswitch.conf"
  grep -q "^hosts: files mdns4_minimal" "$root/etc/nsswitch.conf"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root.log"
  tar -C "$root" -c . | docker import --change "LABEL tars.test.key=$key" - "$image" >/dev/null
)

ubuntu_keyring() {
  local folder=$1
  curl -fsS -m 30 -o "$folder/keyring.deb" "$ubuntu/$keyring_deb" || return 1
  echo "$keyring_sha256  $folder/keyring.deb" | sha256sum -c --quiet || return 1
  dpkg-deb -x "$folder/keyring.deb" "$folder"
}

make_ubuntu() {
  local folder status=0
  folder=$(mktemp -d)
  if ubuntu_keyring "$folder"; then
    # Debian's debootstrap may not know the code name; every Ubuntu suite uses the script `gutsy`.
    make_root "$1" noble "$ubuntu" gutsy --components=main,universe \
      --keyring="$folder/usr/share/keyrings/ubuntu-archive-keyring.gpg" || status=1
  else
    status=1
  fi
  rm -rf "$folder"
  return "$status"
}

build() {
  local image=tars-test/nss:trixie
  present "$image" || make_root "$image" trixie http://deb.debian.org/debian ""
  echo "$image"
  image=tars-test/nss:noble
  if present "$image" || make_ubuntu "$image"; then
    echo "$image"
    return
  fi
  image=tars-test/nss:bookworm-as-ubuntu
  echo "no Ubuntu mirror answers: $image stands in for it" >&2
  present "$image" || make_root "$image" bookworm http://deb.debian.org/debian ""
  echo "$image"
}

# Network as a host has it; the binary is copied, so that it may lie anywhere, also under a noexec mount.
run_in_each() {
  local binary=$1 image name status worst=0
  shift
  for image in $(build); do
    name=tars-test-nss-$$-$RANDOM
    docker create --name "$name" --label tars.test=nss "$image" /usr/local/bin/tried "$@" >/dev/null
    docker cp -L "$binary" "$name:/usr/local/bin/tried" >/dev/null
    status=0
    docker start -a "$name" || status=$?
    docker rm -f "$name" >/dev/null
    echo "$image $status"
    [ "$status" = 0 ] || worst=$status
  done
  return "$worst"
}

run_trap() {
  local folder status=0
  folder=$(mktemp -d)
  cat >"$folder/trap.c" <<'C'
#include <netdb.h>
#include <stdio.h>
extern int __nss_configure_lookup(const char *, const char *);
int main(int argc, char **argv) {
  struct addrinfo *found;
#ifdef CURED
  __nss_configure_lookup("hosts", "files dns");
#endif
  int status = getaddrinfo(argc > 1 ? argv[1] : "deb.debian.org", "80", NULL, &found);
  printf("%s\n", status ? gai_strerror(status) : "resolved");
  return status ? 1 : 0;
}
C
  gcc -static -w ${NSS_TRAP_CURED:+-DCURED} -o "$folder/trap" "$folder/trap.c" 2>/dev/null
  run_in_each "$folder/trap" "$@" || status=$?
  rm -rf "$folder"
  return "$status"
}

case ${1:-} in
  build) build ;;
  run) shift && run_in_each "$@" ;;
  trap) shift && run_trap "$@" ;;
  *) echo "usage: nss.sh build | run BINARY [ARGUMENTS…] | trap [NAME]" >&2 && exit 64 ;;
esac
