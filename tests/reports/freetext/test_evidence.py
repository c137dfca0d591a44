# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What log lines show tells the problem where the complainer only speaks of hacking; what he tells outright counts more."""

from __future__ import annotations

import pytest
from mails import CONTEXT, mail

from abusehandler.reports.freetext import read
from abusehandler.reports.freetext.problem import problems

THEIRS = "192.0.2.10"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("sshd[9]: Failed password for root from 192.0.2.10 port 40022 ssh2", "brute-force"),
        ("FATAL: password authentication failed for user \"postgres\" (connection from 192.0.2.10:51822)", "brute-force"),
        ("Login failed for user 'sa'. Reason: Password did not match [CLIENT: 192.0.2.10]", "brute-force"),
        ("Event ID 4625, Logon Type 10, source network address 192.0.2.10", "brute-force"),
        ("chan_sip.c: Registration from '\"1\" <sip:1@198.51.100.7>' failed for '192.0.2.10:5071' - Wrong password", "brute-force"),
        ("imap-login: Disconnected (auth failed, 1 attempts): user=<a>, rip=192.0.2.10, lip=198.51.100.7", "brute-force"),
        ("unknown[192.0.2.10]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", "brute-force"),
        ("192.0.2.10 - - [18/Nov/2026:06:06:06 +0000] \"POST /wp-login.php HTTP/1.1\" 200 6712", "brute-force"),
        ("system,error,critical login failure for user admin from 192.0.2.10 via winbox", "brute-force"),
        ("kernel: IN=eth0 SRC=192.0.2.10 DST=198.51.100.7 PROTO=TCP SPT=50112 DPT=3389 SYN URGP=0", "scanner"),
        ("%ASA-4-106023: Deny tcp src outside:192.0.2.10/40022 dst inside:198.51.100.7/445", "scanner"),
        ("IP 192.0.2.10.51000 > 198.51.100.7.9200: Flags [S], seq 1, win 1024, length 0", "scanner"),
        ("192.0.2.10 - - [18/Nov/2026:06:06:06 +0000] \"GET /.env HTTP/1.1\" 404 0", "exploit"),
        ("192.0.2.10 - - [18/Nov/2026:06:06:06 +0000] \"GET /?id=1%27%20UNION%20SELECT%201 HTTP/1.1\" 403 0", "exploit"),
        ("192.0.2.10 - - [18/Nov/2026:06:06:06 +0000] \"POST /cgi-bin/.%2e/.%2e/bin/sh HTTP/1.1\" 404 0", "exploit"),
        ("192.0.2.10 \"GET /vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php HTTP/1.1\" 404", "exploit"),
        ("Signature: MALWARE-CNC Win.Trojan outbound connection, source 192.0.2.10", "infected-system"),
        ("Signature: SERVER-WEBAPP command injection attempt, source 192.0.2.10", "exploit"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("subject", ["Hacking", "Intrusion attempt from your network", "Cyber attack"])
def test_log_lines_tell_what_hacking_means(subject: str, line: str, wanted: str) -> None:
    assert problems(subject, f"Hello, {THEIRS} attacks us, please stop this.\n\n{line}\n{line}\n")[0].type == wanted


@pytest.mark.parametrize(
    ("subject", "text", "wanted"),
    [
        ("Port scan", "sshd[9]: Failed password for root from 192.0.2.10 port 40022 ssh2", "scanner"),
        (
            "DDoS attack",
            "kernel: IN=eth0 SRC=192.0.2.10 DST=198.51.100.7 PROTO=TCP SPT=50112 DPT=80 SYN URGP=0",
            "ddos",
        ),
        ("Phishing site", '192.0.2.10 "GET /wp-config.php HTTP/1.1"', "phishing"),
    ],
)
def test_what_the_subject_line_names_counts_more(subject: str, text: str, wanted: str) -> None:
    assert problems(subject, text)[0].type == wanted


def test_many_lines_of_one_log_say_no_more_than_one() -> None:
    line = "sshd[9]: Failed password for invalid user root from 192.0.2.10 port 40022 ssh2\n"
    assert problems("", line * 20)[0].score < 2 * problems("", line)[0].score


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Fraudulent registration attempts on our PBX, REGISTER with wrong password", "brute-force"),
        ("It tries default passwords on every camera of ours.", "brute-force"),
        ("Pokusy o zneužitie zraniteľnosti Log4j voči našim serverom", "exploit"),
        ("The page impersonates the tax office and asks for payment card details.", "phishing"),
        ("Our registered mark is impersonated on this shop, a trademark infringement.", "masquerade"),
        ("We track a controller of AsyncRAT at this address.", "c2-server"),
        ("The .git and .env files are readable for everybody.", "vulnerable-system"),
        ("It can be downloaded by anyone.", "vulnerable-system"),
        ("Drei meiner Fotografien werden gezeigt, ohne dass ich zugestimmt habe.", "copyright"),
        ("Der Kunde hat meine Bilder gestohlen.", "copyright"),
        ("They offer entwendete Patientendaten unserer Klinik.", "data-leak"),
        ("I ordered there and never got anything, the shop was copied.", "masquerade"),
        ("Es sendet den ganzen Tag cold emails, I opted out.", "spam"),
        ("대량의 SYN 패킷이 유입되어 서비스가 중단되었습니다", "ddos"),
        ("對本校網路進行大量連接埠掃描", "scanner"),
        ("釣魚網站", "phishing"),
        ("Jūsų tinkle rasta pažeidžiama sistema", "vulnerable-system"),
        ("tehát adathalász oldal", "phishing"),
    ],
)
def test_the_problem_in_other_words(text: str, wanted: str) -> None:
    assert problems("", text)[0].type == wanted


def test_a_list_of_all_threats_of_the_world_names_none_of_them() -> None:
    warning = "Malicious software, phishing, spam and DDoS attacks are a threat to everyone; keep your systems patched."
    text = f"{THEIRS} tried passwords of our users over SSH, 18 Nov 2026 10:00 UTC.\n\n{warning}"
    assert read(mail("Abuse report", text), CONTEXT).events[0].event["classification.type"] == "brute-force"
    assert {one.type for one in problems("", "It sends spam, phishing and malware.")} & {"spam", "phishing"}


def test_a_site_that_serves_a_trojan_distributes_it() -> None:
    text = "https://cdn.example.org/app/wallet.apk (192.0.2.10) is a banking trojan."
    event = read(mail("Malicious package", text), CONTEXT).events[0].event
    assert event["source.ip"] == THEIRS
    assert event["classification.type"] == "malware-distribution"
