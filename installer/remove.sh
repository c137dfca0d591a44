#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Takes abusehandler off this machine.
#
#   sudo installer/remove.sh             asks; keeps configuration, evidence, database, backups and logs
#   sudo installer/remove.sh --purge     deletes these too (not the backups)
#        --yes                           does not ask
set -u
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=release.sh
. "$source_folder/installer/release.sh"

purge='' yes=''
for word in "$@"; do
    case "$word" in
        --purge) purge=yes ;;
        --yes) yes=yes ;;
        -h | --help) sed -n '5,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) fail "remove.sh: '$word' is not known; write --purge, --yes or nothing" ;;
    esac
done
require_root remove.sh
lock
[ -e /opt/abusehandler ] || [ -e /etc/abusehandler ] || [ -e /var/lib/abusehandler ] || fail "abusehandler is not on this machine"

if [ -z "$yes" ]; then
    [ -t 0 ] || fail "there is no terminal to ask on: say --yes"
    if [ -n "$purge" ]; then
        echo "This deletes abusehandler WITH ALL DATA: the database, all evidence, configuration, secrets and logs."
        echo "Backups in /var/backups/abusehandler stay. Write the word 'purge' to go on:"
        phrase=purge
    else
        echo "This removes the programs of abusehandler; database, evidence, configuration and logs stay. Write 'yes' to go on:"
        phrase=yes
    fi
    read -r answer
    [ "$answer" = "$phrase" ] || fail "nothing was removed."
fi

say "stopping"
if [ -d /run/systemd/system ]; then
    systemctl disable --now abusehandler-units.timer abusehandler-backup.timer abusehandler-doctor.timer 2>/dev/null
    systemctl disable --now abusehandler-metrics.service abusehandler-unfinished.service 2>/dev/null
    systemctl disable --now abusehandler.target abusehandler-portal.service 2>/dev/null
    systemctl stop 'abusehandler-bot@*.service' 2>/dev/null
fi
# whatever intelmqctl has started: by the PID files, and only what is a bot of ours
for file in /run/abusehandler/bots/*.pid; do
    [ -f "$file" ] || continue
    number=$(tr -cd 0-9 <"$file")
    bot=$(basename "$file" .pid)
    if [ -n "$number" ] && { tr '\0' ' ' <"/proc/$number/cmdline"; } 2>/dev/null | grep -q "/intelmq\.bots\.[A-Za-z0-9_.]* $bot "; then
        kill "$number"
        for _ in $(seq 100); do [ -d "/proc/$number" ] || break; sleep 0.1; done
        [ -d "/proc/$number" ] && kill -9 "$number"
    fi
done
if [ -d /run/systemd/system ]; then
    systemctl disable --now abusehandler-redis.service 2>/dev/null
elif [ -S /run/abusehandler/redis.sock ]; then
    runuser -u intelmq -- redis-cli -s /run/abusehandler/redis.sock shutdown 2>/dev/null
    for _ in $(seq 100); do [ -S /run/abusehandler/redis.sock ] || break; sleep 0.1; done
fi

say "removing units, site, commands and programs"
rm -rf -- /etc/systemd/system/abusehandler.target.wants
rm -f -- /etc/systemd/system/abusehandler* /etc/systemd/system/*.target.wants/abusehandler* \
    /etc/tmpfiles.d/abusehandler.conf /etc/logrotate.d/abusehandler
[ -d /run/systemd/system ] && { systemctl daemon-reload; systemctl reset-failed 'abusehandler*' 2>/dev/null; }
if [ -e /etc/nginx/sites-available/abusehandler ]; then
    rm -f -- /etc/nginx/sites-enabled/abusehandler /etc/nginx/sites-available/abusehandler
    if [ -d /run/systemd/system ]; then systemctl reload nginx; else service nginx reload; fi >/dev/null 2>&1
fi
if [ -e /etc/postfix/abusehandler ] && ! command -v postconf >/dev/null; then
    rm -f -- /etc/postfix/abusehandler
elif [ -e /etc/postfix/abusehandler ]; then
    maps=$(postconf -h transport_maps | sed 's#texthash:/etc/postfix/abusehandler,\{0,1\} *##')
    if [ -n "$maps" ]; then postconf -e "transport_maps=$maps"; else postconf -X transport_maps; fi
    postconf -MX abusehandler/unix
    rm -f -- /etc/postfix/abusehandler
    postfix reload >/dev/null 2>&1
    echo "     Postfix: mail to the abuse address goes where it went before; recipient_delimiter was left as it is"
fi
if [ -e /etc/exim4/conf.d/router/150_abusehandler ]; then
    rm -f -- /etc/exim4/conf.d/router/150_abusehandler /etc/exim4/conf.d/transport/30_abusehandler
    command -v update-exim4.conf >/dev/null && update-exim4.conf && service exim4 reload >/dev/null 2>&1
fi
for name in abusehandler intelmqctl intelmqdump; do
    grep -q /opt/abusehandler/ "/usr/local/bin/$name" 2>/dev/null && rm -f -- "/usr/local/bin/$name"
done
rm -rf -- /opt/abusehandler /run/abusehandler /run/abusehandler-upgrade

if [ -z "$purge" ]; then
    say "removed. These are kept: /etc/abusehandler, /var/lib/abusehandler, /var/log/abusehandler, /var/backups/abusehandler,"
    say "the PostgreSQL database abusehandler, the user intelmq. install.sh finds them again; remove.sh --purge deletes them."
    exit 0
fi
say "deleting all data"
if id postgres >/dev/null 2>&1 && command -v psql >/dev/null; then
    runuser -u postgres -- dropdb --if-exists --force abusehandler || echo "     the database could not be dropped: is PostgreSQL running? dropdb abusehandler" >&2
    # another IntelMQ may use this role: then it owns something and stays
    runuser -u postgres -- dropuser --if-exists intelmq 2>/dev/null || echo "     the role intelmq is in use by another database and stays"
fi
rm -rf -- /etc/abusehandler /var/lib/abusehandler /var/log/abusehandler
if getent passwd intelmq | grep -q ':/var/lib/abusehandler:'; then
    userdel intelmq || echo "     the user intelmq could not be removed" >&2
    getent group intelmq >/dev/null && groupdel intelmq
fi
say "removed, with all data. Packages (PostgreSQL, Redis, nginx) stay; backups, if any, are in /var/backups/abusehandler."
