#!/bin/sh
# Runs once inside a fresh root, before the command: makes the container look like a host to an engine.
#
# Nothing here configures Docker: there is no daemon.json. overlay2 works because /var/lib/docker is a volume of its
# own (on the container's root, an overlay itself, it would not), and the host's MTU needs no word (tried: 1500 inside
# 1400 passes).
set -eu

# The container has a cgroup name space of its own, mounted read-only. Writable, the nested engine's groups lie below
# ours and go with us; the host's /sys/fs/cgroup bound in instead, they lie beside ours and remain.
for mount in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if mountpoint -q "$mount"; then mount -o remount,rw,bind "$mount"; fi
done

# cgroup v2 allows no processes in a group that has groups below it. (Written after Docker's own dind; v1 was tried.)
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true
  sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi

# dockerd writes net.ipv4.ip_forward and the bridge's IPv6 settings.
mount -o remount,rw,bind /proc/sys 2>/dev/null || mount -o remount,rw /proc/sys

update-ca-certificates >/dev/null 2>&1 || true
