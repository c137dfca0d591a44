#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# What try-install.sh runs in a third fresh tree: an installation that is killed in every step, whose disks are full, and whose
# ports are taken.
set -u
# shellcheck source=try-words.sh
. /trial/present/installer/try-words.sh || exit 1
. /etc/os-release
install=(bash /trial/present/installer/install.sh --answers /root/answers.yaml)
install() { "${install[@]}" >/root/said 2>&1; }
write_answers
cp /trial/cert.pem /trial/key.pem /root/answers/

part "killed (kill -9) while Python is installed, and in the middle of pip ($PRETTY_NAME)"
expect "Python" cut_off KILL /var/log/dpkg.log 'status unpacked libpython3' "${install[@]}"
expect "pip" cut_off KILL /var/log/abusehandler/install.log 'Installing collected packages' "${install[@]}"

part "the network goes away before pip"
unshare --net "${install[@]}" >/root/said 2>&1
expect "says what is missing" says 'Is the network there (pip needs a package index)'

part "with a full disk for the programs"
mount -t tmpfs -o size=2g none /opt/abusehandler
: >/var/log/abusehandler/install.log
install &
installing=$!
pip_is_at_work() { grep -q 'Installing collected packages' /var/log/abusehandler/install.log; }
within 300 pip_is_at_work
mount -o "remount,size=$(($(du -sm /opt/abusehandler | cut -f 1) + 20))m" /opt/abusehandler
wait "$installing"
expect "says so" says 'No space left on device'
expect "and where" says 'A disk is full: make room.* MB on the disk of /opt/abusehandler'
tail -n 2 /root/said | cut -c 1-200 | sed 's/^/     | /'
umount /opt/abusehandler

part "killed while PostgreSQL is installed, with a full disk for its data"
mkdir -p /var/lib/postgresql
mount -t tmpfs -o size=10m none /var/lib/postgresql
expect "killed" cut_off KILL /var/log/dpkg.log 'status unpacked postgresql' "${install[@]}"
install
expect "says so" says 'No space left on device'
expect "and where" says 'The disk is full: make room.* MB are free on the disk of .*postgresql'
tail -n 3 /root/said | cut -c 1-200 | sed 's/^/     | /'
umount /var/lib/postgresql

part "with a taken port"
python3 -m http.server 5432 --directory /var/empty >/dev/null 2>&1 &
other=$!
listens() { (: </dev/tcp/127.0.0.1/5432) 2>/dev/null; }
within 10 listens
install
expect "says who has it, and what to write" says '5432.*is taken by python3.*write port = 5432 into /etc/postgresql/.*postgresql.conf'
kill "$other"; wait "$other" 2>/dev/null
sed -i 's/^port = .*/port = 5432/' /etc/postgresql/*/main/postgresql.conf
service postgresql stop >/dev/null 2>&1
# what these runs have set up, so that the next part has all steps before it
runuser -u intelmq -- redis-cli -s /run/abusehandler/redis.sock shutdown >/dev/null 2>&1
rm -rf /etc/abusehandler /var/lib/abusehandler /usr/local/bin/{abusehandler,intelmqctl,intelmqdump}
userdel intelmq

part "killed in the first step that has something to do, later each time until the next one begins"
kills=0 delay=5 before='' steps=''
# the names of steps stand alone in their lines when there is something to do
while [ "$kills" -lt 80 ] && cut_off KILL /root/said '^-- [a-zA-Z() ]*$' "${install[@]}"; do
    # killed too late: it was done
    grep -q 'is set up' /root/said && break
    kills=$((kills + 1))
    step=$(grep -a '^-- [a-zA-Z() ]*$' /root/said | tail -n 1)
    if [ "$step" = "$before" ]; then delay=$((delay * 4)); else delay=5 steps="$steps${steps:+, }${step#-- }"; fi
    before=$step
done
echo "     killed $kills times, in: $steps"
expect "in six steps at least" test "$(tr ',' '\n' <<<"$steps" | wc -l)" -ge 6

part "with a full disk for what it remembers"
mount -t tmpfs -o size=4k,mode=1770 none /var/lib/abusehandler/shipped
rm /etc/abusehandler/runtime.yaml
install
expect "says so" says "No space left on device"
expect "and where" says "The disk is full: make room.* 0 MB are free on the disk of /var/lib/abusehandler/shipped"
umount /var/lib/abusehandler/shipped

part "left alone it goes on and comes to its end"
install
expect "set up" says "is set up"
expect "the bots run" bots_run
install
expect "and nothing is left to do" says "nothing had to be changed"
expect "one release, and nothing of those that were not finished" test "$(find /opt/abusehandler/releases -mindepth 1 -maxdepth 1 | wc -l)" = 1
expect "no secret in the log, which is not for others" sh -c '! grep -q "a long password" /var/log/abusehandler/install.log && [ "$(stat -c %a /var/log/abusehandler/install.log)" = 640 ]'
expect "nginx has our site" bash -c 'exec 3<>/dev/tcp/127.0.0.1/80 && printf "GET / HTTP/1.0\r\nHost: abuse.example.net\r\n\r\n" >&3 && grep -q "https://abuse.example.net" <&3'
write_samples
tickets() { [ "$(number_of tickets)" -ge 12 ]; }
expect "12 tickets" within 90 tickets
intelmqctl stop >/dev/null 2>&1
bash /trial/present/installer/remove.sh --yes --purge >/root/said 2>&1
expect "removed" test ! -e /opt/abusehandler -a ! -e /etc/abusehandler -a ! -e /var/lib/abusehandler
service postgresql stop >/dev/null 2>&1
service nginx stop >/dev/null 2>&1
finish
