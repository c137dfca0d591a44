#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# What try-systemd.sh runs in the container, beside its systemd: `first`, and after a power failure `second`.
set -u
# shellcheck source=try-words.sh
. /trial/installer/try-words.sh
unit=abusehandler-bot@mail-parser.service
state() { [ "$(systemctl is-active "$unit")" = "$1" ]; }
all_up() {
    ! systemctl list-units --all --no-legend 'abusehandler-bot@*' abusehandler-portal.service abusehandler-redis.service abusehandler-metrics.service \
        | grep -v 'active *running' && [ "$(systemctl is-active abusehandler-units.timer)" = active ]
}
result() { systemctl show -p Result --value "$1"; }
release_of_bot() { tr '\0' ' ' <"/proc/$(systemctl show -p MainPID --value "$unit")/cmdline"; }

if [ "${1:-first}" = second ]; then
    [ ! -e /root/failed ] || failed=1
    part "the power is back"
    put_right() { tail -n 20 /var/log/abusehandler/install.log | grep -q 'cut off was put right'; }
    expect "systemd goes back to the old release by itself" within 180 put_right
    expect "all units are up" within 60 all_up
    expect "of the old release" sh -c 'readlink /opt/abusehandler/current | grep -q "/0.1.0-"'
    expect "no ticket is lost" test "$(number_of tickets)" = "$(cat /root/tickets)"
    expect "no bot ran on tables that were half way" test "$(journalctl -b -u "$unit" -o cat | grep -c 'skipped because\|was not met')" -ge 1

    part "upgrade"
    bash /trial/installer/upgrade.sh >/root/said 2>&1
    expect "done" says "upgraded to 99.0"
    expect "all units are up" all_up
    expect "of the new release" sh -c 'readlink /opt/abusehandler/current | grep -q "/99.0-"'
    expect "no ticket is lost" test "$(number_of tickets)" -ge "$(cat /root/tickets)"
    bash /trial/installer/install.sh >/root/said 2>&1
    expect "nothing is left to do" says "nothing had to be changed"

    part "remove everything"
    bash /trial/installer/remove.sh --yes --purge >/root/said 2>&1
    expect "no unit is left" test -z "$(systemctl list-units --all --no-legend 'abusehandler*')"
    expect "no file, no user" sh -c 'test ! -e /opt/abusehandler -a ! -e /etc/abusehandler -a ! -e /var/lib/abusehandler && ! getent passwd intelmq >/dev/null'
    finish
fi

part "install under $(systemctl --version | head -n 1)"
bash /trial/installer/install.sh --answers /root/answers.yaml >/root/said 2>&1
expect "set up" says "is set up"
expect "all units are up" all_up
expect "intelmqctl knows the processes" sh -c '! intelmqctl status | grep -v "is running\|is disabled"'
bash /trial/installer/install.sh >/root/said 2>&1
expect "the second time nothing had to be changed" says "nothing had to be changed"

part "a bot is killed"
killed=$(systemctl show -p MainPID --value "$unit")
kill -9 "$killed"
again() { local now; now=$(systemctl show -p MainPID --value "$unit"); [ "$now" != 0 ] && [ "$now" != "$killed" ] && state active; }
expect "systemd has started it again" within 60 again

part "intelmqctl stop"
intelmqctl stop mail-parser >/dev/null 2>&1
expect "it is down" within 20 state inactive
abusehandler units sync >/dev/null
expect "and is left alone" state inactive

part "intelmqctl start as another program would call it"
runuser -u intelmq -- intelmqctl start mail-parser >/dev/null 2>&1
runs() { pgrep -f 'abusehandler.mail mail-parser' >/dev/null; }
expect "it runs" within 20 runs
expect "outside of systemd" state inactive
systemctl start abusehandler-units.service
expect "the timer's service takes it over" within 20 state active
expect "one process" test "$(pgrep -c -f 'abusehandler.mail mail-parser')" = 1
intelmqctl restart mail-parser
expect "sudo intelmqctl restart is systemctl's" state active

part "samples through the sandbox"
write_samples
tickets() { [ "$(number_of tickets)" -ge 12 ]; }
expect "12 tickets" within 90 tickets
before=$(number_of tickets)
systemctl start abusehandler-backup.service
expect "the timer's backup" test "$(result abusehandler-backup.service)" = success
for name in "$unit" abusehandler-portal.service abusehandler-redis.service; do systemd-analyze security "$name" --no-pager | tail -n 1 | sed 's/^/     /'; done

part "doctor as a unit"
# no mail server in here, and the network of another machine: these are critical, so the unit fails
systemctl start abusehandler-doctor.service 2>/dev/null
expect "fails for what is critical" test "$(result abusehandler-doctor.service)" = exit-code
printf 'monitoring: {skip: [smtp, mx, spf, dkim, reverse, certificates]}\n' >>/etc/abusehandler/abusehandler.yaml
expect "the configuration is right" abusehandler config check
systemctl start abusehandler-doctor.service
abusehandler doctor --quiet >/root/said 2>&1
echo "     exit code of the command: $?"
sed 's/^/     | /' /root/said
expect "does not fail for warnings" test "$(result abusehandler-doctor.service)" = success

part "metrics as a unit"
systemctl enable --now abusehandler-metrics.service 2>/dev/null
metrics() { python3 -I -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:9427/metrics", timeout=10).read().decode())' >/root/said 2>&1; }
expect "are served" within 30 metrics
expect "with the tickets" says '^abusehandler_tickets{.*} [1-9]'
bash /trial/installer/install.sh >/root/said 2>&1
expect "and install.sh leaves that alone" says "nothing had to be changed"

part "upgrade that fails"
cp -a /trial /trial-broken
echo 'raise RuntimeError("broken on purpose")' >>/trial-broken/bots/outputs/tickets.py
bash /trial-broken/installer/upgrade.sh >/root/said 2>&1
expect "says so" says "broken on purpose"
expect "goes back by itself" says "back at .*all bots run"
expect "all units are up" within 30 all_up
expect "of the old release" sh -c 'readlink /opt/abusehandler/current | grep -q "/0.1.0-"'
expect "no ticket is lost" test "$(number_of tickets)" -ge "$before"
rm -r /trial-broken

part "upgrade, and a power failure in the middle"
sed -i 's/^__version__ = .*/__version__ = "99.0"/' /trial/abusehandler/__init__.py
number_of tickets >/root/tickets
setsid bash /trial/installer/upgrade.sh >/root/said 2>&1 </dev/null &
checking() { grep -q -- '^-- checking' /root/said; }
expect "it was at its checks" within 400 checking
[ "$failed" = 0 ] || touch /root/failed
sync
exit "$failed"
