#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# What try-install.sh runs in a second fresh tree, which has never had abusehandler and gets the backup of the first:
# docs/install.md word by word, "From a backup, on a new machine" and "By hand".
set -u
# shellcheck source=try-words.sh
. /trial/present/installer/try-words.sh || exit 1
cd /trial/present || exit 1
# Usage: commands_of HEADING NUMBER    the NUMBER-th indented block below a heading of docs/install.md
commands_of() { awk -v heading="$1" -v wanted="$2" '
    /^#/ { here = ($0 ~ heading); next }
    here && /^    / { if (!inside) { inside = 1; block++ } if (block == wanted) print substr($0, 5); next }
    here && !/^$/ { inside = 0 }' docs/install.md; }
. /etc/os-release

part "a machine that never had it, from the backup ($PRETTY_NAME)"
B=$(find /backups -maxdepth 1 -name 'abusehandler-*' | sort | tail -n 1)
# what the answers name and no backup of the bots holds
mkdir -p /root/answers && cp /backups/cert.pem /backups/key.pem /root/answers/
apt-get update -q >/dev/null 2>&1
install_exim
commands_of "From a backup" 1 >/root/commands
sed 's/^/     | /' /root/commands
export B
bash -e /root/commands >/root/said 2>&1
expect "every command works" test $? = 0
expect "the tickets are there" test "$(number_of tickets)" = "$(cat /backups/tickets)"
expect "what the operator edited is there" grep -q 'error_retry_delay: 20' /etc/abusehandler/runtime.yaml
expect "raw reports are there" test "$(find /var/lib/abusehandler/evidence -name '*.gz' | wc -l)" -ge 8
expect "the bots run" bots_run
expect "nothing is wrong with database, evidence, secrets and queues" abusehandler doctor --quiet --only database --only partitions --only evidence --only permissions --only redis --only bots
grep -A 3 '^restored\|^next' /root/said | sed 's/^/     /'
bash installer/remove.sh --yes --purge >/root/said 2>&1
expect "and gone again" test ! -e /opt/abusehandler -a ! -e /etc/abusehandler -a ! -e /var/lib/abusehandler

if [ "$VERSION_ID" = 22.04 ]; then
    echo "(not by hand on Ubuntu 22.04: its Redis is too old)"
    finish
fi

part "by hand, beside IntelMQ"
bash -e <(commands_of "By hand" 1) >/root/said 2>&1 </dev/null
expect "packages" test $? = 0
sed -i 's/^appendonly no/appendonly yes/; s/^# *maxmemory-policy .*/maxmemory-policy noeviction/' /etc/redis/redis.conf
# in this tree packages do not start their servers by themselves
service postgresql start >/dev/null 2>&1
service redis-server start >/dev/null 2>&1 || service redis-server restart >/dev/null 2>&1
bash -e <(commands_of "By hand" 3) >/root/said 2>&1 </dev/null
expect "root's commands" test $? = 0
{ echo 'export EDITOR=true PATH=/opt/abusehandler/bin:$PATH INTELMQ_ROOT_DIR=/opt/intelmq'; commands_of "By hand" 4; } >/tmp/commands
cp installer/samples/customers.csv /tmp/customers.csv
# the edit that $EDITOR stands for
sed -i 's#^\$EDITOR.*#cp /tmp/customers.csv $INTELMQ_ROOT_DIR/etc/#' /tmp/commands
runuser -u intelmq -- bash -e /tmp/commands >/root/said 2>&1
expect "the commands of user intelmq" test $? = 0
by_hand() { runuser -u intelmq -- env PATH=/opt/abusehandler/bin:/usr/bin:/bin INTELMQ_ROOT_DIR=/opt/intelmq "$@"; }
bots_by_hand() { [ "$(by_hand intelmqctl status 2>&1 | grep -c 'is running')" -ge 8 ]; }
expect "the bots run" within 20 bots_by_hand
printf 'From: a@example.org\nTo: abuse@example.net\nSubject: delivered\n\nHost 192.0.2.10 sends spam since 2026-11-20 10:00 UTC.\n' | by_hand abusehandler deliver
read_by_hand() { [ "$(number_of "reports WHERE state = 'read'")" -ge 1 ]; }
expect "a mail is read" within 60 read_by_hand
by_hand intelmqctl stop >/dev/null 2>&1
service redis-server stop >/dev/null 2>&1
service postgresql stop >/dev/null 2>&1
service nginx stop >/dev/null 2>&1
finish
