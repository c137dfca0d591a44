#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# What try-systemd.sh runs in the container, beside its systemd.
set -u
failed=0
begin=$(date +%s)
part() { printf '\n==== %s  (%s s)\n' "$*" "$(($(date +%s) - begin))"; }
# Usage: expect DESCRIPTION COMMAND...
expect() { local about=$1; shift; if "$@"; then printf '     ok: %s\n' "$about"; else printf '     FAILED: %s\n' "$about"; failed=1; fi; }
db() { runuser -u intelmq -- psql -qAtX -d abusehandler -c "$1"; }
unit=abusehandler-bot@mail-parser.service
state() { [ "$(systemctl is-active "$unit")" = "$1" ]; }
# Usage: within SECONDS COMMAND...    looks once a second until the command is true
within() { local left=$1; shift; until "$@"; do left=$((left - 1)); [ "$left" -gt 0 ] || return 1; sleep 1; done; }

part "install under $(systemctl --version | head -n 1)"
bash /trial/installer/install.sh --answers /root/answers.yaml >/root/said 2>&1
expect "set up" grep -q "is set up" /root/said
expect "all units are up" sh -c '! systemctl list-units --all --no-legend "abusehandler-bot@*" abusehandler-portal.service abusehandler-redis.service | grep -v "active *running"'
expect "intelmqctl knows the processes" sh -c '! intelmqctl status | grep -v "is running\|is disabled"'
bash /trial/installer/install.sh >/root/said 2>&1
expect "the second time nothing had to be changed" grep -q "nothing had to be changed" /root/said

part "a bot is killed"
kill -9 "$(systemctl show -p MainPID --value "$unit")"
expect "systemd has started it again" within 60 state active

part "intelmqctl stop"
intelmqctl stop mail-parser >/dev/null 2>&1
expect "it is down" within 20 state inactive
abusehandler units sync >/dev/null
expect "and is left alone" state inactive

part "intelmqctl start as another program would call it"
runuser -u intelmq -- intelmqctl start mail-parser >/dev/null 2>&1
expect "it runs" within 20 pgrep -f "abusehandler.mail mail-parser" >/dev/null
expect "outside of systemd" state inactive
systemctl start abusehandler-units.service
expect "the timer's service takes it over" within 20 state active
expect "one process" test "$(pgrep -c -f 'abusehandler.mail mail-parser')" = 1
intelmqctl restart mail-parser
expect "sudo intelmqctl restart is systemctl's" state active

part "samples through the sandbox"
/opt/abusehandler/current/venv/bin/python -W ignore -c '
from pathlib import Path
from abusehandler.installer import samples
samples.write("feeds", Path("/var/lib/abusehandler/feeds")); samples.write("mails", Path("/var/lib/abusehandler/maildir/new"))'
chown -R intelmq: /var/lib/abusehandler/feeds /var/lib/abusehandler/maildir
tickets() { [ "$(db 'SELECT count(*) FROM tickets')" -ge 12 ]; }
expect "12 tickets" within 90 tickets
before=$(db 'SELECT count(*) FROM tickets')
systemctl start abusehandler-backup.service
expect "the timer's backup" test "$(systemctl show -p Result --value abusehandler-backup.service)" = success
for name in "$unit" abusehandler-portal.service abusehandler-redis.service; do systemd-analyze security "$name" --no-pager | tail -n 1 | sed 's/^/     /'; done

part "upgrade"
sed -i 's/^__version__ = .*/__version__ = "99.0"/' /trial/abusehandler/__init__.py
bash /trial/installer/upgrade.sh >/root/said 2>&1
expect "done" grep -q "upgraded to 99.0" /root/said
expect "all units are up" sh -c '! systemctl list-units --all --no-legend "abusehandler-bot@*" abusehandler-portal.service abusehandler-redis.service | grep -v "active *running"'
expect "of the new release" sh -c 'tr "\0" " " </proc/$(systemctl show -p MainPID --value abusehandler-bot@mail-parser.service)/cmdline | grep -q releases/99.0'
expect "no ticket is lost" test "$(db 'SELECT count(*) FROM tickets')" -ge "$before"

part "remove everything"
bash /trial/installer/remove.sh --yes --purge >/root/said 2>&1
expect "no unit is left" test -z "$(systemctl list-units --all --no-legend 'abusehandler*')"
expect "no file, no user" sh -c 'test ! -e /opt/abusehandler -a ! -e /etc/abusehandler -a ! -e /var/lib/abusehandler && ! getent passwd intelmq >/dev/null'

printf '\n==== %s after %s s\n' "$([ "$failed" = 0 ] && echo 'all is well' || echo 'SOMETHING FAILED')" "$(($(date +%s) - begin))"
exit "$failed"
