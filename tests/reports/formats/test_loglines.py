# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Attached logs: the attacker by the form of the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.loglines import read_loglines
from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading


def mail(log: str, body: str = "See the log.") -> Reading | None:
    raw = (
        f'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n{body}\n'
        f'--b\nContent-Type: text/plain; name="evidence.log"\nContent-Disposition: attachment\n\n{log}\n--b--\n'
    )
    return read_loglines(decode(raw.encode()), ReadContext())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "Nov 20 10:00:00 web sshd[1]: Failed password for invalid user admin from 192.0.2.1 port 40000 ssh2",
            "brute-force",
        ),
        ("Nov 20 10:00:00 web sshd[1]: Invalid user oracle from 192.0.2.1 port 40000", "brute-force"),
        (
            "Nov 20 10:00:00 web sshd[1]: Connection closed by authenticating user root 192.0.2.1 port 40000 [preauth]",
            "brute-force",
        ),
        ("2026-11-20 10:00:00,123 fail2ban.actions [7]: NOTICE [sshd] Ban 192.0.2.1", "brute-force"),
        (
            "Nov 20 10:00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x",
            "brute-force",
        ),
        (
            "Nov 20 10:00:00 mx dovecot: imap-login: Disconnected (auth failed): user=<a>, rip=192.0.2.1, lip=198.51.100.1",
            "brute-force",
        ),
        (
            "Nov 20 10:00:00 fw kernel: IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.1 LEN=40 PROTO=TCP SPT=40000 DPT=22 SYN",
            "scanner",
        ),
        (
            "Nov 20 10:00:00 x sshd: pam_unix(sshd:auth): authentication failure; logname= uid=0 rhost=192.0.2.1 user=root",
            "brute-force",
        ),
    ],
)
def test_forms(line: str, problem: str) -> None:
    reading = mail(line)
    assert reading is not None
    assert reading.events[0].event["source.ip"] == "192.0.2.1"
    assert reading.events[0].event["classification.type"] == problem


def test_an_access_log_has_a_zone() -> None:
    reading = mail('192.0.2.1 - - [20/Nov/2026:11:00:00 +0100] "GET /wp-login.php HTTP/1.1" 404 12 "-" "x"')
    assert reading is not None
    assert reading.events[0].event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert reading.events[0].spans["source.ip"].part == "2"


def test_a_stamp_without_zone_counts_when_the_mail_states_one() -> None:
    line = "2026-11-20 11:00:00,000 fail2ban.actions [7]: NOTICE [sshd] Ban 192.0.2.1"
    without, stated = mail(line), mail(line, "All times are UTC+1.")
    assert without is not None and "time.source" not in without.events[0].event
    assert stated is not None and stated.events[0].event["time.source"] == "2026-11-20T10:00:00+00:00"


def test_firewall_lines_have_ports_and_both_sides() -> None:
    reading = mail("kernel: SRC=192.0.2.1 DST=198.51.100.1 LEN=40 PROTO=UDP SPT=53 DPT=4444")
    assert reading is not None
    event = reading.events[0].event
    assert (event["source.port"], event["destination.port"], event["protocol.transport"]) == (53, 4444, "udp")


def test_unknown_lines_are_not_mine() -> None:
    assert mail("something happened at 192.0.2.1") is None


@pytest.mark.parametrize(
    "bait", ["Failed password for x from ", "rip=imap-login:", "SRC=1.2.3.4 DST=", "[20/Nov/2026", "warning: a[", "a\n"]
)
def test_evil_input_is_bounded(bait: str) -> None:
    mail(bait * (100_000 // len(bait)))
