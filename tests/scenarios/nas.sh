#!/usr/bin/env bash
# `tars nas` against a real Samba server: each way in which a NAS can refuse is named before anything is touched, the
# password is on no command line, and install goes on without a NAS. Where the kernel can mount CIFS, also the mount itself.
. "$(dirname "$0")/../lib/scenario.sh"
need_images
need_packages samba smbclient || fail "samba and smbclient are needed"
grep -qE '\s(cifs|smb3)$' /proc/filesystems || { command -v modprobe >/dev/null && modprobe cifs 2>/dev/null; } || true
can_mount=$(grep -cE '\s(cifs|smb3)$' /proc/filesystems || true)

# A Samba server of our own on 127.0.0.1, with the user games and the share docs.
samba() {
  mkdir -p "$WORK/smb"/{private,lock,state,cache,run,docs}
  chmod 755 "$WORK" "$WORK/smb" "$WORK/smb/docs"
  cat >"$WORK/smb/conf" <<CONF
[global]
  interfaces = 127.0.0.1
  bind interfaces only = yes
  security = user
  passdb backend = tdbsam:$WORK/smb/private/passdb.tdb
  private dir = $WORK/smb/private
  lock directory = $WORK/smb/lock
  state directory = $WORK/smb/state
  cache directory = $WORK/smb/cache
  pid directory = $WORK/smb/run
  log file = $WORK/smb/log
  disable spoolss = yes
  load printers = no
[docs]
  path = $WORK/smb/docs
  read only = yes
CONF
  printf '%s\n%s\n' "$1" "$1" | smbpasswd -c "$WORK/smb/conf" -s -a games >/dev/null || fail "no Samba user"
  background "$WORK/smb/out" smbd --foreground --no-process-group -s "$WORK/smb/conf"
  within 20 "Samba listens" bash -c 'exec 3<>/dev/tcp/127.0.0.1/445'
}
credentials() { (umask 077 && printf 'username=%s\npassword=%s\n' games "$1" >"$WORK/credentials"); }
found() { json "$OUT" '" ".join(sorted(f["id"] for f in d["data"]["findings"]))'; }
# Nothing of this machine was touched.
untouched() {
  expect_same "$(cat /etc/fstab)" "$fstab" "/etc/fstab"
  expect_no_file "$STACK_HOME/nas/documents.credentials"
  expect_no_file "$WORK/mnt"
  expect_same "$(setting TARS_NAS)" "$1" TARS_NAS
}
mount_it() { try tars nas mount --host "$1" --share "$2" --mount-point "$WORK/mnt" --credentials "$WORK/credentials"; }
password='Pa55 word=%x'
fstab=$(cat /etc/fstab)

step "without a stack there is nothing to mount for"
STACK_HOME=$WORK/nowhere
try tars nas mount --host nas --share docs
expect_exit 69

step "install: unanswered under --yes is a warning and it goes on; --skip-nas is remembered"
new_stack TARS_LLM=none
try tars install --yes --json
expect_exit 0
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("nas.")]' '["nas.unanswered"]'
expect_same "$(setting TARS_NAS)" "" TARS_NAS
try tars install --yes --skip-nas --json
expect_exit 0
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("nas.")]' '[]'
expect_same "$(setting TARS_NAS)" none TARS_NAS
try tars nas status --json
expect_exit 0
expect_json 'd["data"]["shares"], d["data"]["findings"]' '[[], []]'

step "what is wrong outside is named, each by itself, and nothing is touched"
samba "$password"
credentials "$password"
mkdir "$WORK/bin"
cat >"$WORK/bin/smbclient" <<CLIENT
#!/bin/sh
echo "\$@" >>"$WORK/argv"
exec /usr/bin/smbclient -s "$WORK/smb/conf" "\$@"
CLIENT
chmod +x "$WORK/bin/smbclient"
PATH=$WORK/bin:$PATH
mount_it no-such-nas.invalid docs
expect_exit 69
expect_err "the name no-such-nas.invalid of the NAS is not known here"
untouched none
mount_it 127.0.0.2 docs
expect_exit 1
expect_err "nothing listens on port 445"
untouched none
mount_it fd00:dead::1 docs
expect_exit 69
expect_err "cannot be reached on port 445"
untouched none
credentials wrong
mount_it 127.0.0.1 docs
expect_exit 1
expect_err "refuses the login of games (NT_STATUS_LOGON_FAILURE)"
untouched none
credentials "$password"
mount_it 127.0.0.1 nothing
expect_exit 1
expect_err "the share nothing does not open"
untouched none
try tars nas mount --host 127.0.0.1 --share docs --mount-point "$WORK/mnt" --yes
expect_exit 64
expect_err "no user and password for //127.0.0.1/docs"
expect_err "after --credentials"
try tars nas mount --host 127.0.0.1,sec=none --share docs --credentials "$WORK/credentials"
expect_exit 64
try tars nas mount --host 127.0.0.1 --share docs --mount-point relative --credentials "$WORK/credentials"
expect_exit 64
expect_file "$WORK/argv"
! grep -qF "$password" "$WORK/argv" || fail "the password was on a command line"
! grep -rqF "$password" "$STACK_HOME/state" || fail "the password stands in the state"

if [ "$can_mount" = 0 ]; then
  step "a kernel that cannot mount CIFS: said so, after the login, and nothing is touched"
  mount_it 127.0.0.1 docs
  expect_exit 69
  expect_err "this kernel cannot mount CIFS"
  untouched none
else
  step "mounted: read-only, 0600, after a reboot, seen by the backend; a new password; unmounted without a trace"
  echo "The red kite nests in May." >"$WORK/smb/docs/kites.md"
  try tars nas mount --host 127.0.0.1 --share docs --credentials "$WORK/credentials" --json
  expect_exit 0
  expect_json 'd["data"]["mounted"], d["data"]["already"], d["data"]["entries"]' '[true, false, 1]'
  expect_same "$(stat -c %a "$STACK_HOME/nas/documents.credentials")" 600 "the credentials' mode"
  try touch "$WORK/docs/x"
  [ "$STATUS" != 0 ] || fail "the share can be written to"
  try tars nas status --json
  expect_exit 0
  expect_json 's := d["data"]["shares"][0], s["mounted"], s["persists"], s["seen_by_backend"], s["room"]["documents"]' '[true, true, "same", 1]'
  try tars nas mount --json
  expect_json 'd["data"]["already"]' true
  umount "$WORK/docs" && mount "$WORK/docs"
  try tars nas status --json
  expect_exit 0
  printf '%s\n%s\n' "another $password" "another $password" | smbpasswd -c "$WORK/smb/conf" -s games >/dev/null
  credentials "another $password"
  try tars nas mount --credentials "$WORK/credentials" --json
  expect_exit 0
  expect_json 'd["data"]["already"]' false
  try tars nas unmount
  expect_exit 0
  expect_same "$(cat /etc/fstab)" "$fstab" "/etc/fstab"
  expect_no_file "$STACK_HOME/nas/documents.credentials"
fi

step "a share that is known and not there: each cause is one finding"
set_env TARS_NAS cifs && set_env NAS_HOST 127.0.0.1 && set_env NAS_SHARE docs && set_env NAS_USER games
# finds ID: tars nas status has this finding and no other.
finds() {
  try tars nas status --json
  expect_exit 1
  [ "$(found)" = "$1" ] || fail "found: $(found), not just $1"
  echo "   $1: $(json "$OUT" 'd["data"]["findings"][0]["problem"]')"
}
finds nas.configured
mkdir -p "$STACK_HOME/nas"
credentials wrong
install -m 600 "$WORK/credentials" "$STACK_HOME/nas/documents.credentials"
finds nas.login
credentials "$password"
install -m 600 "$WORK/credentials" "$STACK_HOME/nas/documents.credentials"
finds nas.mounted
chmod 644 "$STACK_HOME/nas/documents.credentials"
try tars nas status --json
expect_same "$(found)" "nas.credentials nas.mounted"
chmod 600 "$STACK_HOME/nas/documents.credentials"
set_env NAS_HOST no-such-nas.invalid
finds nas.reachable
set_env NAS_HOST 127.0.0.2
finds nas.reachable

step "install goes on without it: a warning with the cause, and the verdict is the validation's own"
try tars install --yes --json
expect_exit 0
expect_json '[w["id"] for w in d["warnings"] if w["id"].startswith("nas.")]' '["nas.unmounted"]'
expect_json '"nothing listens on port 445" in str(d["warnings"])' true
expect_json 'd["data"]["verdict"]' GO
expect_json '[c["status"] for s in d["data"]["validation"] for c in s["checks"] if c["id"] == "deployment.nas"]' '["warn"]'
try tars nas unmount
expect_exit 0
expect_same "$(setting TARS_NAS)" none TARS_NAS
expect_no_file "$STACK_HOME/nas/documents.credentials"
expect_no_secret "$OUT" "$ERR"
