# shellcheck shell=bash
# Sourced after scenario.sh: an archive as the bash scripts 1.0.12 wrote it, made of the running stack.
#
#   old_archive DIR [SQL_FILTER]     writes it and its sum into DIR; ARCHIVE is its path. SQL_FILTER: a command that the
#                                    dump goes through (sed …), for dumps that must be refused

old_archive() {
  local dir=$1 filter=${2:-cat} root volume
  root=tars-backup-$(date -u +%Y%m%d_%H%M%S)
  mkdir -p "$WORK/old/$root/config" "$dir"
  # shellcheck disable=SC2016
  docker exec "$(container postgres)" sh -c 'PGPASSWORD=$POSTGRES_PASSWORD exec pg_dump -h 127.0.0.1 -U "$POSTGRES_USER" \
    -d "$POSTGRES_DB" --clean --if-exists --no-owner --no-privileges' | $filter | gzip >"$WORK/old/$root/postgres.sql.gz"
  docker exec "$(container redis)" redis-cli --rdb - 2>/dev/null >"$WORK/old/$root/redis-dump.rdb"
  docker stop "$(container chromadb)" >/dev/null
  volume=$(docker volume inspect -f '{{.Mountpoint}}' "$(setting TARS_VOLUME_CHROMA)")
  tar -czf "$WORK/old/$root/chromadb.tar.gz" -C "$volume" .
  docker start "$(container chromadb)" >/dev/null
  within 30 "chromadb answers again" eval "curl -sf -m 2 http://$(address chromadb):8000/api/v2/heartbeat >/dev/null"
  echo "LOG_LEVEL=info" >"$WORK/old/$root/config/tars-home.env.redacted"
  python3 - "$WORK/old/$root" >"$WORK/old/$root/manifest.json" <<'PY'
import hashlib, json, os, sys
root = sys.argv[1]
names = ["chromadb.tar.gz", "postgres.sql.gz", "redis-dump.rdb"]
sums = {name: hashlib.sha256(open(os.path.join(root, name), "rb").read()).hexdigest() for name in names}
sums["config/"] = "0" * 64
print(json.dumps({
    "version": "1.0.12", "timestamp": "2026-11-21T08:10:46+00:00", "backup_name": os.path.basename(root),
    "components": ["chromadb", "postgres", "redis", "configuration"], "checksums": sums, "host": "elsewhere",
    "docker_volumes": [], "options": {"include_models": False}, "failed_components": [""],
}, indent=4))
PY
  ARCHIVE=$dir/$root.tar.gz
  tar -czf "$ARCHIVE" -C "$WORK/old" "$root"
  echo "$(sha256sum "$ARCHIVE" | cut -d' ' -f1)  /elsewhere/backups/$root.tar.gz" >"$ARCHIVE.sha256"
  rm -rf "$WORK/old"
}
