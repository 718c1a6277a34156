#: IMAGE tars-home/redis:7.0-bookworm
#: WORKDIR /data
#: ENTRYPOINT ["docker-entrypoint.sh"]
#: CMD ["redis-server"]
#: EXPOSE 6379
#: LABEL io.tars.recipe=redis
#
# Debian's Redis 7.0 behind an entrypoint that behaves like the official image's.
# Run by `sh -eu` as root inside a container of the base image, which is then committed with the
# changes above. No VOLUME: a container without its volume must not get a nameless one.

groupadd --system --gid 999 redis
useradd --system --uid 999 --gid 999 --home-dir /data --no-create-home --shell /usr/sbin/nologin redis

tars-apt-install redis-server
rm -rf /etc/redis /var/lib/redis /var/log/redis

install -d -o redis -g redis -m 0755 /data

cat > /usr/local/bin/docker-entrypoint.sh <<'ENTRYPOINT'
#!/bin/sh
# Starts redis-server as PID 1 and as the user redis; anything else is run as it is.
set -eu

# As PID 1 a shell without this ignores the stop signal.
trap 'exit 143' TERM

case "${1:-}" in '' | -* | *.conf) set -- redis-server "$@" ;; esac
[ "$1" = redis-server ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown -h redis:redis {} +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi

# Protected mode answers only to loopback, which in a container is nobody. The official image has it
# compiled out; here it is the first option, so that a given one wins. A configuration file stays in front.
shift
case "${1:-}" in
    '' | -*) set -- --protected-mode no "$@" ;;
    *) file=$1; shift; set -- "$file" --protected-mode no "$@" ;;
esac
umask 0077
exec redis-server "$@"
ENTRYPOINT
chmod 755 /usr/local/bin/docker-entrypoint.sh
rm -f /tmp/tars-ca.crt
