#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What try-install.sh cannot try in its tree: the units under a real systemd, in a container of systemd-nspawn, and a power
# failure in the middle of an upgrade.
#
#   sudo installer/try-systemd.sh [--log FILE]
#
# Needs debootstrap, systemd-container and about 3 GB in ABUSEHANDLER_FOLDER (as try-install.sh, whose base tree it takes).
# The container has this machine's network: ports 443 and 5432 must be free. ABUSEHANDLER_BIND as for try-install.sh.
set -eu -o pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${1:-}" = --log ]; then
    # no name of this machine's mirrors and package indexes goes into a log that others read
    bash "$0" 2>&1 | sed -u -E 's#(https?|file)://[^ ]+#\1://…#g; s/\x1b\[[0-9;]*m//g' | tee "$2"
    exit
fi
[ "$(id -u)" = 0 ] || { echo "try-systemd.sh must be root" >&2; exit 1; }
command -v systemd-nspawn >/dev/null || { echo "systemd-nspawn is missing: apt-get install systemd-container" >&2; exit 1; }
folder=${ABUSEHANDLER_FOLDER:-/var/tmp/abusehandler-try-install}
tree=$folder/systemd base=$folder/bookworm.tar
[ -s "$base" ] || { echo "there is no $base yet: run try-install.sh bookworm first" >&2; exit 1; }

rm -rf --one-file-system -- "$tree"
mkdir "$tree"
tar -C "$tree" -xf "$base"
mkdir -p "$tree/trial" "$tree/pip-cache"
cp /etc/resolv.conf /etc/hosts "$tree/etc/"
cp /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99* "$tree/etc/apt/apt.conf.d/" 2>/dev/null || true
if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$tree/etc/"; fi
cp /etc/ssl/certs/ca-certificates.crt "$tree/trial/ca.crt"
tar -C "$source_folder" --exclude=./.git --exclude='./.*' --exclude='*.egg-info' --exclude=__pycache__ --exclude=./build -cf - . \
    | tar -C "$tree/trial" -xf -
echo "-- installing systemd into a tree of Debian 12"
chroot "$tree" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -q && apt-get install -y -q --no-install-recommends systemd systemd-sysv dbus procps openssl' >"$folder/systemd.log" 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=abuse.example.net -keyout "$tree/root/key.pem" -out "$tree/root/cert.pem" 2>/dev/null
echo 'a long password for the first login' >"$tree/root/first-password"
cp "$source_folder/installer/samples/customers.csv" "$tree/root/"
cat >"$tree/root/answers.yaml" <<'END'
organisation: {name: Example Networks, abuse_address: abuse@example.net}
networks: {prefixes: [192.0.2.0/24, "2001:db8::/32"], asns: [64496], domains: [example.net]}
customers: {file: customers.csv}
administrator: {mail: noc@example.net, password_file: first-password}
web: {host_name: abuse.example.net, tls: own, certificate: cert.pem, key: key.pem}
END

binds=(--bind="$folder/pip-cache:/pip-cache")
mkdir -p "$folder/pip-cache"
for extra in ${ABUSEHANDLER_BIND:-}; do binds+=(--bind-ro="$extra"); done
container='' first=''
# the container is thrown away, so nothing is lost by ending it at once
off() { kill -KILL "$first" "$container" 2>/dev/null || true; wait "$container" 2>/dev/null || true; }
trap off EXIT
boot() {
    systemd-nspawn --quiet --register=no --keep-unit --hostname=abuse -D "$tree" "${binds[@]}" --resolv-conf=off --timezone=off -b \
        </dev/null >>"$folder/systemd-console.log" 2>&1 &
    container=$!
    for _ in $(seq 60); do
        # nothing at first, which is no error
        first=$({ ps -o pid= --ppid "$container" || true; } | tr -d ' ' | head -n 1)
        [ -n "$first" ] && [ -S "/proc/$first/root/run/dbus/system_bus_socket" ] && break
        sleep 1
    done
}
# Usage: inside PART
inside() {
    nsenter -t "$first" -m -p -u -i -C -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        "${pip_settings[@]}" PIP_CACHE_DIR=/pip-cache PIP_CERT=/trial/ca.crt bash /trial/installer/try-systemd-inside.sh "$1"
}
mapfile -t pip_settings < <(env | grep '^PIP_' || true)
: >"$folder/systemd-console.log"
status=0
boot
inside first || status=1
echo
echo "---- the power goes: everything in the container is killed, and it boots again"
off
boot
inside second || status=1
exit "$status"
