#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# What try-install.sh runs in a third fresh tree: an installation that is killed in every step, and whose disk is full.
set -u
# shellcheck source=try-words.sh
. /trial/present/installer/try-words.sh
. /etc/os-release
install=(bash /trial/present/installer/install.sh --answers /root/answers.yaml)
write_answers
cp /trial/cert.pem /trial/key.pem /root/answers/

part "killed (kill -9) while packages are installed ($PRETTY_NAME)"
expect "Python" cut_off KILL /var/log/dpkg.log 'status unpacked libpython3' "${install[@]}"
expect "in the middle of pip" cut_off KILL /var/log/abusehandler/install.log 'Installing collected packages' "${install[@]}"
expect "PostgreSQL" cut_off KILL /var/log/dpkg.log 'status unpacked postgresql' "${install[@]}"

part "killed at the first step that has something to do, later each time"
kills=0 delay=0.2 before=
# the names of steps stand alone in their lines when there is something to do
while [ "$kills" -lt 60 ] && cut_off KILL /root/said '^-- [a-zA-Z() ]*$' "${install[@]}"; do
    # killed too late: it was done
    grep -q 'is set up' /root/said && break
    kills=$((kills + 1))
    step=$(grep -a '^-- ' /root/said | tail -n 1)
    echo "     killed at: $step, after $delay s"
    # so that it comes on: twice the time for a step that was killed before
    if [ "$step" = "$before" ]; then delay=$(awk -v delay="$delay" 'BEGIN { print delay * 2 }'); else delay=0.2; fi
    before=$step
done
expect "$kills times" test "$kills" -ge 8

part "with a full disk"
mount -t tmpfs -o size=4k,mode=1770 none /var/lib/abusehandler/shipped
rm /etc/abusehandler/runtime.yaml
"${install[@]}" >/root/said 2>&1
expect "says so" says "No space left on device.*make room"
umount /var/lib/abusehandler/shipped

part "left alone it goes on and comes to its end"
"${install[@]}" >/root/said 2>&1
expect "set up" says "is set up"
expect "the bots run" bots_run
"${install[@]}" >/root/said 2>&1
expect "and nothing is left to do" says "nothing had to be changed"
expect "one release, and nothing of those that were not finished" test "$(find /opt/abusehandler/releases -mindepth 1 -maxdepth 1 | wc -l)" = 1
expect "no secret in the log, which is not for others" sh -c '! grep -q "a long password" /var/log/abusehandler/install.log && [ "$(stat -c %a /var/log/abusehandler/install.log)" = 640 ]'
write_samples
tickets() { [ "$(number_of tickets)" -ge 12 ]; }
expect "12 tickets" within 90 tickets
intelmqctl stop >/dev/null 2>&1
bash /trial/present/installer/remove.sh --yes --purge >/root/said 2>&1
service postgresql stop >/dev/null 2>&1
service nginx stop >/dev/null 2>&1
finish
