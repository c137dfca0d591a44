#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
# What try-install.sh runs in the fresh tree, as its first process: everything ends with it.
set -u
# shellcheck source=try-words.sh
. /trial/present/installer/try-words.sh || exit 1

. /etc/os-release
echo "try-install in a fresh tree of $PRETTY_NAME"
write_answers

part "without rights"
setpriv --reuid=65534 --clear-groups bash /trial/previous/installer/install.sh >/root/said 2>&1
expect "says that root is needed" says "must be root"

part "without network"
unshare --net bash /trial/previous/installer/install.sh --answers /root/answers.yaml >/root/said 2>&1
expect "says that the network is missing" says "Is the network there"

part "with an answer that is wrong"
sed 's/192.0.2.0.24/192.0.2.1\/24/' /root/answers.yaml >/root/wrong.yaml
bash /trial/previous/installer/install.sh --answers /root/wrong.yaml >/root/said 2>&1
expect "names file, line and what to write" says "wrong.yaml, line 2: networks.prefixes.*write 192.0.2.0/24"
bash /trial/previous/installer/install.sh --answers /root/answers.yaml >/root/said 2>&1
expect "a file that is not there is named" says "web.certificate: /root/answers/cert.pem: there is no such file"
expect "nothing was set up" test ! -e /etc/abusehandler

part "with a taken port"
cp /trial/cert.pem /trial/key.pem /root/answers/
python3 -m http.server 443 --directory /var/empty >/dev/null 2>&1 &
other=$!
listens() { (: </dev/tcp/127.0.0.1/443) 2>/dev/null; }
within 10 listens
bash /trial/previous/installer/install.sh --answers /root/answers.yaml >/root/said 2>&1
expect "says who has it" says "port 443 is taken by python3"
kill "$other"; wait "$other" 2>/dev/null

part "install, going on from there"
bash /trial/previous/installer/install.sh --answers /root/answers.yaml 2>&1 | tee /root/said | grep -v '^     '
expect "set up" says "is set up"
expect "the bots run" bots_run

part "install again"
# from a folder with modules that are none of ours
mkdir -p /root/elsewhere && cd /root/elsewhere && echo 'raise SystemExit("a stranger")' | tee yaml.py abusehandler.py >/dev/null
bash /trial/previous/installer/install.sh >/root/said 2>&1
expect "nothing had to be changed" says "nothing had to be changed"

cd /

part "an edit of the operator, and a repair"
sed -i 's/error_retry_delay: 15/error_retry_delay: 20/' /etc/abusehandler/runtime.yaml
rm /usr/local/bin/intelmqdump
chmod 644 /etc/abusehandler/harmonization.conf
bash /trial/previous/installer/install.sh >/root/said 2>&1
expect "what was broken is mended" test -x /usr/local/bin/intelmqdump -a "$(stat -c %a /etc/abusehandler/harmonization.conf)" = 640
expect "what was edited stays" grep -q 'error_retry_delay: 20' /etc/abusehandler/runtime.yaml
grep '^     ' /root/said

part "configuration"
intelmqctl --type json check >/root/said 2>&1
grep '^ *"[A-Z].* ' /root/said | sed 's/^ *"/     | /; s/"$//'
expect "intelmqctl check is clean" sh -c '! grep -qE "\"(error|warning|critical)\"|rror:" /root/said'
expect "abusehandler config check" abusehandler config check
expect "secrets and runtime.yaml are the bots' alone" test "$(stat -c %a /etc/abusehandler/runtime.yaml)" = 600
if command -v systemd-analyze >/dev/null; then
    expect "systemd likes the units" systemd-analyze verify /etc/systemd/system/abusehandler*.service /etc/systemd/system/abusehandler*.timer
fi

part "samples"
write_samples
runuser -u intelmq -- /opt/abusehandler/current/venv/bin/python -m abusehandler.installer.smtp_sink 8025 /tmp/mails >/tmp/sink.log 2>&1 &
sink=$!
first=$(date +%s)
tickets() { [ "$(number_of tickets)" -gt 0 ]; }
within 180 tickets
expect "tickets after $(($(date +%s) - first)) s" tickets
printf 'From: a@example.org\nTo: abuse@example.net\nSubject: delivered\n\nHost 192.0.2.10 sends spam since 2026-11-20 10:00 UTC.\n' | abusehandler deliver
expect "a mail server's pipe" test $? = 0
under_way() { [ "$(db "SELECT count(*) FROM reports WHERE state IN ('received', 'queued')")" -gt 0 ] || [ "$(db "SELECT count(*) FROM reports WHERE channel = 'pipe'")" -eq 0 ]; }
all_read() { ! under_way; }
expect "every report is read" within 60 all_read
db "SELECT 'reports: ' || count(*) FROM reports UNION ALL SELECT 'tickets: ' || count(*) FROM tickets UNION ALL SELECT 'events: ' || count(*) FROM events" | sed 's/^/     /'
before=$(number_of tickets)

part "doctor"
if abusehandler doctor --help >/dev/null 2>&1; then
    abusehandler doctor 2>&1 | sed 's/^/     /'
else
    echo "     this release has no doctor"
fi

part "the portal"
runuser -u intelmq -- abusehandler portal --quiet >/tmp/portal.log 2>&1 &
portal=$!
within 30 test -S /run/abusehandler/portal.sock
expect "answers through nginx with TLS" /opt/abusehandler/current/venv/bin/python - <<'END'
import http.client, ssl, sys
context = ssl.create_default_context(cafile="/root/answers/cert.pem"); context.check_hostname = False
connection = http.client.HTTPSConnection("127.0.0.1", 443, context=context, timeout=20)
connection.request("GET", "/healthz", headers={"Host": "abuse.example.net"})
sys.exit(connection.getresponse().status != 200)
END
kill "$portal"; wait "$portal" 2>/dev/null

part "a changed answer: mail by this machine's Postfix"
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postfix >/dev/null 2>&1
postconf -e 'inet_interfaces = loopback-only' 'mydestination = example.net, localhost' 'myhostname = mx.example.net' 'maillog_file = /var/log/postfix.log'
echo 'mailbox: {kind: postfix}' >>/etc/abusehandler/answers.yaml
bash /trial/previous/installer/install.sh >/root/said 2>&1
grep '^     ' /root/said
bash /trial/previous/installer/install.sh >/root/said 2>&1
expect "the second time nothing had to be changed" says "nothing had to be changed"
postfix start >/dev/null 2>&1
reports=$(db "SELECT count(*) FROM reports WHERE channel = 'pipe'")
for to in abuse@example.net abuse+n1.x@example.net; do
    printf 'From: a@example.org\nTo: %s\nSubject: spam from 192.0.2.20\n\n%s: 192.0.2.20 sent spam at 2026-11-20 10:00 UTC.\n' "$to" "$to" | sendmail -f a@example.org "$to"
done
came() { [ "$(db "SELECT count(*) FROM reports WHERE channel = 'pipe'")" -ge $((reports + 2)) ]; }
within 60 came
expect "mail to the address and to a sub-address became reports" test "$(db "SELECT count(*) FROM reports WHERE channel = 'pipe'")" = $((reports + 2))
postfix stop >/dev/null 2>&1

part "upgrade that fails: a configuration that the new release does not like"
cp -a /trial/present /trial/broken
echo 'raise RuntimeError("broken on purpose")' >>/trial/broken/bots/outputs/tickets.py
bash /trial/broken/installer/upgrade.sh >/root/said 2>&1
expect "it says so" says "broken on purpose\|does not"
expect "and goes back by itself" says "back at"
grep -v '^     ' /root/said | tail -n 12 | sed 's/^/     | /'
expect "the bots run again" bots_run
expect "no ticket is lost" test "$(number_of tickets)" -ge "$before"

part "upgrade whose terminal is closed"
rm -f /root/said
# a terminal of its own, which goes when the bots of the new release are to be checked
python3 -I - <<'END'
import os, pty, signal
number, terminal = pty.fork()
if number == 0:
    # whoever started this trial may have ignored it (nohup)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.execvp("bash", ["bash", "/trial/present/installer/upgrade.sh"])
seen = b""
while b"-- checking" not in seen:
    try:
        seen += os.read(terminal, 4096)
    except OSError:
        break
open("/root/said", "wb").write(seen)
os.close(terminal)
END
expect "it was at its checks" says "-- checking"
is_back() { tail -n 30 /var/log/abusehandler/install.log | grep -q 'back at .*all bots run'; }
expect "goes back by itself" within 120 is_back
expect "the bots run again" bots_run
unlocked() { flock --nonblock /run/abusehandler-install.lock true; }
expect "and is done" within 30 unlocked

part "upgrade that is killed"
expect "at its checks" cut_off KILL /root/said '-- checking' bash /trial/present/installer/upgrade.sh
printf 'From: a@example.org\nTo: abuse@example.net\nSubject: late\n\nHost 192.0.2.10 sends spam.\n' | runuser -u intelmq -- /usr/local/bin/abusehandler deliver 2>/root/said
expect "a mail server is asked to wait" test $? = 75
bash /trial/present/installer/install.sh >/root/said 2>&1
expect "install.sh says what to do" says "upgrade.sh puts that right first"

part "upgrade"
bash /trial/present/installer/upgrade.sh >/root/said 2>&1
expect "goes back first" says "an earlier upgrade was cut off"
expect "done" says "upgraded to"
grep -v '^     ' /root/said | sed 's/^/     | /'
expect "the bots run" bots_run
expect "what was saved is root's and the bots cannot exchange it" sh -c 'cd /var/backups/abusehandler/before-upgrade-* && [ "$(stat -c %U:%a . configuration.tar redis.tar .. | tr "\n" " ")" = "root:750 root:600 root:600 root:1770 " ]'
expect "what the operator edited stays" grep -q 'error_retry_delay: 20' /etc/abusehandler/runtime.yaml
expect "no ticket is lost" test "$(number_of tickets)" -ge "$before"

part "a changed answer: mail by this machine's Exim"
install_exim
sed -i 's/kind: postfix/kind: exim/' /etc/abusehandler/answers.yaml
bash /trial/present/installer/install.sh >/root/said 2>&1
grep '^     ' /root/said
bash /trial/present/installer/install.sh >/root/said 2>&1
expect "the second time nothing had to be changed" says "nothing had to be changed"
reports=$(number_of "reports WHERE channel = 'pipe'")
by_exim() { printf 'From: a@example.org\nTo: %s\nSubject: spam from 192.0.2.30\n\n%s: 192.0.2.30 sent spam at 2026-11-20 10:00 UTC.\n' "$2" "$3" | exim4 -odf -f "$1" "$2"; }
by_exim a@example.org abuse@example.net first
by_exim '<>' abuse+n2.y@example.net second
came() { [ "$(number_of "reports WHERE channel = 'pipe'")" -ge $((reports + $1)) ]; }
expect "mail to the address and to a sub-address became reports" within 30 came 2
echo '{}' >/opt/abusehandler/upgrading
by_exim a@example.org abuse@example.net third
expect "what cannot be taken stays in Exim's queue" test "$(exim4 -bpc)" = 1
rm /opt/abusehandler/upgrading
exim4 -qff
expect "and is taken later" within 30 came 3
last=$(db "SELECT evidence FROM reports WHERE channel = 'pipe' ORDER BY id DESC OFFSET 1 LIMIT 1")
zcat "/var/lib/abusehandler/evidence/$(printf %s "$last" | cut -c 1-2)/$(printf %s "$last" | cut -c 3-4)/$last.gz" >/root/said
expect "with return path and recipient, and nothing else added" test "$(sed -n '1p;2p' /root/said | tr '\n' ' ')" = 'Return-path: <> Envelope-to: abuse+n2.y@example.net '

part "backup"
before=$(number_of tickets)
abusehandler backup --to /var/backups/abusehandler 2>&1 | sed 's/^/     /'
expect "it is whole" sh -c 'abusehandler restore /var/backups/abusehandler --verify >/dev/null'
echo "$before" >/var/backups/abusehandler/tickets

part "remove, data kept"
bash /trial/present/installer/remove.sh --yes >/root/said 2>&1
expect "said what is kept" says "kept"
expect "programs are gone" test ! -e /opt/abusehandler -a ! -e /usr/local/bin/abusehandler -a ! -e /etc/systemd/system/abusehandler.target
expect "configuration, evidence and database are there" test -e /etc/abusehandler/answers.yaml -a -d /var/lib/abusehandler/evidence -a "$(number_of tickets)" -ge "$before"

part "install again over the kept data"
bash /trial/present/installer/install.sh >/root/said 2>&1
expect "set up without a question" says "is set up"
expect "with the tickets of before" test "$(number_of tickets)" -ge "$before"

part "remove everything"
kill "$sink"
bash /trial/present/installer/remove.sh --yes --purge >/root/said 2>&1
expect "nothing is left" test ! -e /opt/abusehandler -a ! -e /etc/abusehandler -a ! -e /var/lib/abusehandler -a ! -e /var/log/abusehandler
expect "no user, no database" sh -c '! getent passwd intelmq >/dev/null && [ -z "$(runuser -u postgres -- psql -lqAtX | grep ^abusehandler)" ]'

service postgresql stop >/dev/null 2>&1
service nginx stop >/dev/null 2>&1
finish
