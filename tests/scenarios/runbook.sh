#!/usr/bin/env bash
# The commands of docs/BACKUP_RECOVERY.md, as they stand there, each group on the state that it is for.
. "$(dirname "$0")/../lib/scenario.sh"
. "$repo/tests/lib/seed.sh"
need_images
[ "$(id -u)" = 0 ] || fail "this needs root: by hand, volumes are read and written as root"
page=$repo/docs/BACKUP_RECOVERY.md

# The blocks of one group, in the page's order; places are this test's own.
commands() {
  awk -v mark="<!-- run: $1 -->" '$0 == mark { wanted = 1; next }
    wanted && /^```sh$/ { inside = 1; next }
    inside && /^```$/ { inside = wanted = 0; next }
    inside { print }' "$page" |
    sed -e "s|/opt/tars|$STACK_HOME|g; s|/mnt/nas|$WORK/nas|g; s|/tmp/by-hand|$WORK/by-hand|g; s|/tmp/one-document|$WORK/one-document|g" \
      -e "s|tars-home-\([a-z]*\)|$PROJECT-\1|g; s|ARCHIVE|${ARCHIVE:-none}|g"
}
# do_group NAME: runs it as one script, as an operator's shell would.
do_group() {
  local text
  text=$(commands "$1")
  [ -n "$text" ] || fail "the page has no group $1"
  done_groups+=" $1"
  next_second
  try env PATH="$WORK/bin:$PATH" TARS_HOME="$STACK_HOME" bash -euo pipefail -c "$text"
  expect_exit "${2:-0}" "group $1"
}
next_second() { local now; now=$(date +%s); while [ "$(date +%s)" = "$now" ]; do :; done; }
newest() { find "$1" -maxdepth 1 -name 'tars-backup-*.tar.gz' | sort | tail -n 1; }
state() { # what must come back: rows, keys, records
  psql_ <<<"select count(*), md5(string_agg(body, '' order by id)) from notes"
  redis_keys
  python3 "$seed" count "http://$(address chromadb):8000" docs
}
done_groups=

new_stack
must tars install --yes
mkdir -p "$WORK/bin" "$WORK/nas/backups"
ln -s "$TARS_BIN" "$WORK/bin/tars"
seed_postgres 500
seed_redis 100
seed_chroma 300 8
seed_documents
saved=$(state)

step "back up, to another place, with a key, every night, what stays, is it any good"
do_group backup
plain=$(newest "$STACK_HOME/backups")
do_group destination
do_group verify
do_group known-documents
do_group schedule
do_group key
do_group prune
do_group lost-key
set_env TARS_BACKUP_RECIPIENT ""

step "one document back"
next_second
must tars backup
ARCHIVE=$(basename "$(newest "$STACK_HOME/backups")")
do_group one-document
expect_out "second.pdf"

step "by hand"
psql_ <<<"drop table notes"
redis_ flushall >/dev/null
do_group by-hand
await 60 eval '[ "$(state 2>/dev/null)" = "$saved" ]' || fail "by hand not all came back: $(state)"
within 60 "the API is ready" eval '[ "$(ready_status)" = 200 ]'

step "the drill, and a restore after a volume is lost"
do_group drill
tars stop >/dev/null 2>&1
docker rm -f "$(container postgres)" >/dev/null
docker volume rm "$(setting TARS_VOLUME_POSTGRES)" >/dev/null
do_group lost-volume
expect_same "$(state)" "$saved" "after the restore"

step "the wrong restore is undone"
psql_ <<<"insert into notes values (100000, 'newer')"
newer=$(state)
must tars restore --backup-file "$STACK_HOME/backups/$ARCHIVE" --force
expect_same "$(state)" "$saved"
do_group undo
expect_same "$(state)" "$newer" "after the undo"

step "a new machine"
cp "$STACK_HOME/backups/$ARCHIVE"* "$WORK/nas/backups/"
must tars uninstall --yes --delete-data "$PROJECT"
new_stack
do_group new-host
expect_same "$(state)" "$saved" "on the new machine"

step "every group of the page was run"
expect_same "$(sed -n 's/^<!-- run: \(.*\) -->$/\1/p' "$page" | sort -u)" "$(tr ' ' '\n' <<<"$done_groups" | sed '/^$/d' | sort -u)" "groups"
