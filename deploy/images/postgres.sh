#: IMAGE tars-home/postgres:15-bookworm
#: ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
#: ENV PGDATA=/var/lib/postgresql/data
#: ENV LANG=C.UTF-8
#: ENTRYPOINT ["docker-entrypoint.sh"]
#: CMD ["postgres"]
#: EXPOSE 5432
#: STOPSIGNAL SIGINT
#: LABEL io.tars.recipe=postgres
#
# Debian's PostgreSQL 15 behind an entrypoint that takes the official image's variables.
# Run by `sh -eu` as root inside a container of the base image, which is then committed with the
# changes above. No VOLUME: a container without its volume must not get a nameless one. The engine
# takes no STOPSIGNAL in a commit: it goes to the container that this runs in, and so into the image.

# The ids of the official Debian image, fixed before the package would choose its own.
groupadd --system --gid 999 postgres
useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql --shell /bin/sh postgres
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf

tars-apt-install postgresql-15

# Two thirds of what came along serve only Debian's cluster scripts and the JIT compiler, which
# queries of this size never pay back. Without llvmjit.so the server goes on without it.
dpkg --force-depends --purge libllvm14 libz3-4 locales libc-l10n \
    libjson-perl perl perl-modules-5.36 libperl5.36 libgdbm6 libgdbm-compat4
rm -f /var/log/dpkg.log
rm -rf /usr/lib/postgresql/15/lib/llvmjit* /usr/lib/postgresql/15/lib/bitcode
# The package made a key pair; an image must hold none.
rm -f /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem

# In the sample rather than on the command line: every new cluster is born with it.
sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" /usr/share/postgresql/15/postgresql.conf.sample
grep -q "^listen_addresses = '\*'" /usr/share/postgresql/15/postgresql.conf.sample

install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
install -d -o postgres -g postgres -m 3777 /run/postgresql

cat > /usr/local/bin/docker-entrypoint.sh <<'ENTRYPOINT'
#!/bin/sh
# Starts PostgreSQL as PID 1; makes the cluster first when PGDATA is empty.
#
# A cluster is one that has PG_VERSION at its root. It is made and filled in $PGDATA/.tars-init (on
# the same file system, where a rename is atomic) with a server that listens on a private socket only.
# PG_VERSION moves last. So, whenever this is killed: PG_VERSION there = whole; .tars-init there
# without it = half made, all of it ours, begun anew; neither, yet not empty = somebody else's, refused.
set -eu

# As PID 1 a shell without these ignores every stop signal until postgres itself is up.
trap 'exit 130' INT
trap 'exit 143' TERM

refuse() { echo "postgres: $*" >&2; exit 1; }

case "${1:-}" in '' | -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"
case "${2:-}" in --version | -V | --help | '-?') exec "$@" ;; esac

init=$PGDATA/.tars-init

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chmod 0700 "$PGDATA"
    chmod 3777 /run/postgresql
    find "$PGDATA" /run/postgresql ! -user postgres -exec chown -h postgres:postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

# setting NAME DEFAULT: the variable NAME, or the content of the file that NAME_FILE names.
setting() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    [ -z "$value" ] || [ -z "$file" ] || refuse "$1 and $1_FILE are both set; keep one"
    if [ -n "$file" ]; then value=$(cat "$file"); fi
    value=${value:-$2}
}

# A PID 1 that waits for a foreground child would sit out every stop signal.
interruptible() {
    "$@" &
    wait $!
}

make_cluster() {
    setting POSTGRES_PASSWORD ''; password=$value
    setting POSTGRES_USER postgres; user=$value
    setting POSTGRES_DB "$user"; database=$value
    setting POSTGRES_INITDB_ARGS ''; initdb_args=$value
    [ -n "$password" ] || refuse 'PGDATA is empty and POSTGRES_PASSWORD is not set'

    mkdir -p "$init"
    sync "$PGDATA"
    # In memory, not on the volume, where a kill would leave it behind.
    password_file=$(umask 077 && mktemp /dev/shm/tars-init.XXXXXX)
    printf '%s\n' "$password" > "$password_file"
    # Split into words on purpose; options given later win.
    # shellcheck disable=SC2086
    interruptible initdb -D "$init/data" --username="$user" --pwfile="$password_file" \
        --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
        --auth-local=trust --auth-host=trust $initdb_args > "$init/log" || {
        cat "$init/log" >&2
        rm -f "$password_file"
        refuse 'initdb failed'
    }
    rm -f "$password_file"
    # As in the official image: who is inside the container is trusted, the network needs a password.
    printf '\nhost all all all scram-sha-256\n' >> "$init/data/pg_hba.conf"
    sync "$init/data/pg_hba.conf"

    if [ "$database" != postgres ]; then create_database; fi
}

# Not in single-user mode, which hands out object ids that belong to the system's own objects.
create_database() {
    sockets=$(mktemp -d /dev/shm/tars-init.XXXXXX)
    interruptible pg_ctl -D "$init/data" -l "$init/log" -s -w \
        -o "-c listen_addresses='' -c unix_socket_directories='$sockets'" start &&
        interruptible createdb -h "$sockets" -U "$user" --maintenance-db=postgres -- "$database" &&
        interruptible pg_ctl -D "$init/data" -s -w -m fast stop || {
        cat "$init/log" >&2
        refuse "could not create the database $database"
    }
    rm -rf "$sockets"
}

move_into_place() {
    for name in "$init"/data/* "$init"/data/.[!.]*; do
        case "$name" in */PG_VERSION | *'*'*) continue ;; esac
        mv "$name" "$PGDATA/"
    done
    sync "$PGDATA" "$init/data"
    mv "$init/data/PG_VERSION" "$PGDATA/"
    sync "$PGDATA" "$init/data"
}

# What an interrupted start left. The mark goes last, so that this may be interrupted as well.
sweep() {
    find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name .tars-init ! -name lost+found -exec rm -rf {} +
    sync "$PGDATA"
    rm -rf "$init"
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -d "$init" ]; then
        echo 'postgres: an earlier start was interrupted while it made the cluster; beginning anew' >&2
        sweep
    fi
    [ -z "$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found)" ] ||
        refuse "$PGDATA holds files but no cluster (PG_VERSION is missing); empty it, or restore a backup"
    echo 'postgres: making a new cluster' >&2
    make_cluster
    move_into_place
fi
rm -rf "$init"

exec "$@"
ENTRYPOINT
chmod 755 /usr/local/bin/docker-entrypoint.sh
rm -f /tmp/tars-ca.crt
