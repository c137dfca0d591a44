# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# Read by what try-install.sh and try-systemd.sh run inside: telling what is expected, and waiting for it.
# shellcheck shell=bash
# shellcheck disable=SC2034
failed=0
begin=$(date +%s)
part() { printf '\n==== %s  (%s s)\n' "$*" "$(($(date +%s) - begin))"; }
good() { printf '     ok: %s\n' "$*"; }
bad() { printf '     FAILED: %s\n' "$*"; failed=1; }
# Usage: expect DESCRIPTION COMMAND...
expect() { local about=$1; shift; if "$@"; then good "$about"; else bad "$about"; fi; }
# Whether the program whose words went to /root/said said this; else its last words are shown.
says() { grep -q -- "$1" /root/said || { tail -n 8 /root/said; return 1; }; }
# Usage: within SECONDS COMMAND...    looks once a second until the command is true
within() { local left=$1; shift; until "$@"; do left=$((left - 1)); [ "$left" -gt 0 ] || return 1; sleep 1; done; }
db() { runuser -u intelmq -- psql -qAtX -d abusehandler -c "$1"; }
number_of() { db "SELECT count(*) FROM $1"; }
bots_run() { [ "$(runuser -u intelmq -- /usr/local/bin/intelmqctl status 2>&1 | grep -c 'is running')" -ge 8 ]; }
write_samples() {
    /opt/abusehandler/current/venv/bin/python -I -W ignore -c '
from pathlib import Path
from abusehandler.installer import samples
samples.write("feeds", Path("/var/lib/abusehandler/feeds")); samples.write("mails", Path("/var/lib/abusehandler/maildir/new"))'
    chown -R intelmq: /var/lib/abusehandler/feeds /var/lib/abusehandler/maildir
}
install_exim() {
    debconf-set-selections <<'END'
exim4-config exim4/dc_eximconfig_configtype select local delivery only
exim4-config exim4/use_split_config boolean true
exim4-config exim4/dc_other_hostnames string example.net
END
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends exim4-daemon-light >/dev/null 2>&1
}
# /root/answers.yaml, and what it names but the certificate
write_answers() {
    mkdir -p /root/answers
    cp /trial/present/installer/samples/customers.csv /root/answers/customers.csv
    echo 'a long password for the first login' >/root/answers/first-password
    chmod 600 /root/answers/first-password
    cat >/root/answers.yaml <<'END'
organisation: {name: Example Networks, abuse_address: abuse@example.net}
networks: {prefixes: [192.0.2.0/24, "2001:db8::/32"], asns: [64496], domains: [example.net]}
customers: {file: answers/customers.csv}
administrator: {mail: noc@example.net, password_file: answers/first-password}
smtp: {host: localhost, port: 8025}
web: {host_name: abuse.example.net, tls: own, certificate: answers/cert.pem, key: answers/key.pem}
END
}
# Usage: cut_off SIGNAL FILE WORDS COMMAND...    kills the command and all it started when WORDS stand in FILE; with $delay so
# many hundredths of a second later, or when they stand there in one more line; false if it ended before
cut_off() {
    local signal=$1 file=$2 words=$3 leader left=24000 seen=1 count waited=0
    shift 3
    : >/root/said
    setsid bash -c 'exec "$@" >/root/said 2>&1' _ "$@" </dev/null &
    leader=$!
    until grep -q -- "$words" "$file" 2>/dev/null; do
        left=$((left - 1))
        { [ "$left" -gt 0 ] && kill -0 "$leader" 2>/dev/null; } || { seen=''; break; }
        sleep 0.05
    done
    count=$(grep -c -- "$words" "$file" 2>/dev/null)
    while [ "$waited" -lt "${delay:-0}" ] && [ "$(grep -c -- "$words" "$file")" = "$count" ] && kill -0 "$leader" 2>/dev/null; do
        sleep 0.02
        waited=$((waited + 2))
    done
    kill "-$signal" -- "-$leader" 2>/dev/null
    wait "$leader" 2>/dev/null
    [ -n "$seen" ]
}
finish() {
    printf '\n==== %s after %s s\n' "$([ "$failed" = 0 ] && echo 'all is well' || echo 'SOMETHING FAILED')" "$(($(date +%s) - begin))"
    exit "$failed"
}
