#!/bin/sh
# Writes a small Debian bookworm root as a tar to stdout, for `docker import`:
# the base of the package images, for hosts that can reach no registry.
#
# Runs on the host as root; debootstrap and the Debian keyring must be there.
# TARS_MIRROR, TARS_SECURITY_MIRROR  where packages come from
# TARS_WORK                          a directory to work in; what is made there is removed
# Proxies are taken from the usual variables.
#
# Exit 0 is the only proof of a whole tar: tag the imported image after that, not before.
set -eu
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset TMPDIR # would name a host directory inside the chroot

mirror=${TARS_MIRROR:-http://deb.debian.org/debian}
security=${TARS_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
keyring=${TARS_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
# Any fixed moment would do: the same packages then give the same bytes.
epoch=${SOURCE_DATE_EPOCH:-1704067200}
export SOURCE_DATE_EPOCH="$epoch"

say() { echo "base: $*" >&2; }
refuse() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || refuse 'must run as root'
[ -n "${TARS_WORK:-}" ] || refuse 'TARS_WORK must name a directory to work in'
[ -t 1 ] && refuse 'stdout is a terminal; it must go to docker import or a file'
[ -s "$keyring" ] || refuse "no $keyring: install the package debian-archive-keyring"

mkdir -p "$TARS_WORK"
work=$(mktemp -d "$TARS_WORK/base.XXXXXX")
root=$work/root

# A killed debootstrap leaves /proc and /sys mounted: unmount first, and remove nothing
# while one of them stays (tars then removes the directory by itself).
cleanup() {
    for mount in "$root/proc" "$root/sys"; do
        while mountpoint -q "$mount"; do umount -l "$mount" || return 0; done
    done
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say "unpacking bookworm from $mirror"
debootstrap --variant=minbase --include=ca-certificates \
    --keyring="$keyring" --force-check-gpg bookworm "$root" "$mirror" >&2

say 'configuring apt'
cat > "$root/etc/apt/sources.list" <<EOF
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb $security bookworm-security main
EOF
cat > "$root/etc/apt/apt.conf.d/90tars" <<'EOF'
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::AutoRemove::RecommendsImportant "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "5";
Dpkg::Use-Pty "0";
EOF
# Licences stay. Nothing here needs to survive a power cut before the image is committed.
cat > "$root/etc/dpkg/dpkg.cfg.d/90tars" <<'EOF'
force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
EOF
# Installing a package must not start its service.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

# The one way in which this script and the recipes install packages: it trusts the host's CA bundle
# while it runs, tries three times, and leaves no lists, caches or logs behind.
cat > "$root/usr/local/sbin/tars-apt-install" <<'EOF'
#!/bin/sh
# tars-apt-install [PACKAGE...]: upgrades what is there, then installs the packages.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
tidy() {
    rm -rf /etc/apt/apt.conf.d/99tars-ca /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old \
        /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log
}
trap tidy EXIT
if [ -s /tmp/tars-ca.crt ]; then
    echo 'Acquire::https::CaInfo "/tmp/tars-ca.crt";' > /etc/apt/apt.conf.d/99tars-ca
fi
packages() {
    apt-get -q update && apt-get -qy dist-upgrade || return
    [ $# = 0 ] || apt-get -qy install "$@"
}
for attempt in 1 2 3; do
    if packages "$@"; then exit 0; fi
    echo "tars-apt-install: attempt $attempt of 3 failed" >&2
    sleep "$attempt"
done
exit 1
EOF
chmod 755 "$root/usr/local/sbin/tars-apt-install"

say 'bringing it up to date'
ca=/etc/ssl/certs/ca-certificates.crt
if [ -s "$ca" ]; then cp "$ca" "$root/tmp/tars-ca.crt"; fi
chroot "$root" /usr/local/sbin/tars-apt-install >&2

say 'trimming'
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type l -delete
find "$root/usr/share/doc" -type d -empty -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/usr/share/lintian \
    "$root"/var/log/* "$root"/var/cache/ldconfig/* "$root"/tmp/* "$root"/var/tmp/* "$root"/run/* \
    "$root"/etc/machine-id "$root"/var/lib/dbus/machine-id "$root"/etc/hostname "$root"/etc/resolv.conf

say 'writing'
tar -C "$root" --create --sort=name --numeric-owner --mtime="@$epoch" --format=gnu \
    --one-file-system --anchored --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' .
say 'done'
