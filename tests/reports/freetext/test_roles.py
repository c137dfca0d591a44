# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which address is complained about when a text holds several."""

from __future__ import annotations

import pytest
from mails import CONTEXT, addresses, attached_mail, context, hosts, kind, log_file, mail, urls

from abusehandler.reports.freetext import read


def found(subject: str, text: str) -> list[str]:
    return addresses(read(mail(subject, text), CONTEXT))


@pytest.mark.parametrize(
    "text",
    [
        "Source IP: 192.0.2.10\nDestination IP: 198.51.100.7\n",
        "Attacker: 192.0.2.10:4711\nTarget: 198.51.100.7:22\n",
        "Attack from 192.0.2.10 against our server 198.51.100.7 was seen.",
        "Our server 198.51.100.7 was attacked by the host 192.0.2.10.",
        "kernel: IN=eth0 OUT= SRC=192.0.2.10 DST=198.51.100.7 LEN=40 PROTO=TCP SPT=40000 DPT=22",
        "TCP 192.0.2.10:40000 -> 198.51.100.7:22 SYN",
        "2026-11-20 10:00:00: 192.0.2.10 => 198.51.100.7:22 proto TCP",
        '192.0.2.10 - - [20/Nov/2026:10:00:00 +0100] "GET /wp-login.php HTTP/1.1" 404 162 198.51.100.7',
        "time,src_ip,src_port,dst_ip,dst_port\n10:00,192.0.2.10,40000,198.51.100.7,22\n10:01,192.0.2.10,40001,198.51.100.8,22\n",
        "TIME (UTC)          SRC        SRC-PORT -> DST  DST-PORT\n2026-11-20 10:00:00 192.0.2.10 40000 -> 198.51.100.7 22\n",
        "Timestamp\nCountry\nSource IP\nDestination IP\nCount\n2026-11-20 10:00\nAustria\n192.0.2.10\n198.51.100.7\n6\n",
        "sshd[1]: Failed password for root from 192.0.2.10 port 40000 ssh2\n(our host: 198.51.100.7)",
        "inetnum: 192.0.2.0 - 192.0.2.255\nnetname: EXAMPLE\nroute: 192.0.2.0/24\n\nThe IP address 192.0.2.10 in your network attacks us.",
        (
            "The following addresses were attacked from your network:\n198.51.100.7\n198.51.100.8\n"
            "The following IP addresses have attacked our systems:\n192.0.2.10\n"
        ),
        "Angreifer-IP: 192.0.2.10\nZiel-IP: 198.51.100.7",
        "IP origen: 192.0.2.10\nIP destino: 198.51.100.7",
        "IP source : 192.0.2.10\nIP destination : 198.51.100.7",
        "IP di origine\nIP sorgente: 192.0.2.10\nIP destinazione: 198.51.100.7",
        "Endereço de origem: 192.0.2.10\nalvo: 198.51.100.7",
        "Bron-IP: 192.0.2.10\nDoel-IP: 198.51.100.7",
        "Źródłowy adres IP: 192.0.2.10\nDocelowy adres IP: 198.51.100.7",
        "Zdrojová IP adresa: 192.0.2.10\nCílová IP adresa: 198.51.100.7",
        "Источник: 192.0.2.10\nЦель: 198.51.100.7",
        "送信元IPアドレス: 192.0.2.10\n宛先IPアドレス: 198.51.100.7",
        "源地址：192.0.2.10\n目标：198.51.100.7",
        "Hemos visto ataques a nuestro WordPress (www.example.org, 198.51.100.7) desde la IP 192.0.2.10 de su rango.",
        "192.0.2.10 greift unseren Mailserver mx1.example.org (198.51.100.7) an.",
        "The router 192.0.2.10 sent HTTP floods to our customer at 198.51.100.7 today.",
        "192.0.2.10 IP adresinden sunucumuza (198.51.100.7) brute force saldırısı yapılmaktadır.",
        "192.0.2.10 is trying SSH logins all day long!\n\n-- \nA. Person | example.org | 198.51.100.7",
        "Attacker IP    192.0.2.10\nWebsite        https://example.org/\nWebsite IP     198.51.100.7",
    ],
)
def test_the_source_and_not_the_target(text: str) -> None:
    assert found("Abuse report", text) == ["192.0.2.10"]


def test_the_subject_line_outweighs_the_text() -> None:
    text = "We monitor 198.51.100.7.\nfrom 203.0.113.9 came nothing.\n192.0.2.10 scanned port 22."
    assert found("Port scan from 192.0.2.10", text) == ["192.0.2.10"]
    assert found("SYN flood from 192.0.2.10 against 198.51.100.7", "Please help.") == ["192.0.2.10"]


def test_what_hosts_something_counts_where_no_attacker_is_named() -> None:
    assert found("Phishing", "Phishing page https://login.example.org/\nWebsite IP: 192.0.2.10") == ["192.0.2.10"]


def test_a_list_with_remarks_in_parentheses() -> None:
    text = (
        "We are scanned by these hosts:\n192.0.2.10 (12k packets), 192.0.2.11 (9k packets) and 192.0.2.12 (8k packets)"
    )
    assert found("Port scan", text) == ["192.0.2.10", "192.0.2.11", "192.0.2.12"]


def test_a_heading_that_speaks_of_networks() -> None:
    text = "New detections in your networks\n\n192.0.2.10\n  category: port scan\n"
    assert found("New alert for 192.0.2.0/24", text) == ["192.0.2.10"]


def test_a_list_is_a_list() -> None:
    text = "The following IP addresses of your network are infected:\n\n192.0.2.1\n192.0.2.2\n192.0.2.3\n\nRegards\nNOC 198.51.100.1\n"
    assert found("Infected systems", text) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert found("Attack", "Attackers: 192.0.2.1, 192.0.2.2 and 192.0.2.3 hit us") == [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
    ]


def test_rows_of_the_same_shape_belong_together() -> None:
    text = "The address 192.0.2.1 from your network tried to log in.\n\n" + "\n".join(
        f"20.11.2026 10:00:0{number}\t192.0.2.{number}\t22\t10.0.0.1" for number in range(1, 5)
    )
    assert found("Login attempts from your net", text) == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]


def test_the_control_server_of_an_infected_machine_is_not_the_subject() -> None:
    text = "Infected machines:\ntimestamp,ip,c2_ip\n2026-11-20 10:00,192.0.2.1,198.51.100.66\n2026-11-20 10:01,192.0.2.2,198.51.100.66\n"
    assert found("Botnet infections", text) == ["192.0.2.1", "192.0.2.2"]


def test_hops_of_a_trace_are_context() -> None:
    text = "Phishing at http://shop.example.net/login [192.0.2.1]\n\ntraceroute:\n 1  gw.example.org (198.51.100.1)  0.4 ms\n 2  a.example.org (198.51.100.2)  1.0 ms\n"
    assert found("Phishing site", text) == ["192.0.2.1"]


def test_own_networks_come_first() -> None:
    text = "Connections between 198.51.100.7 and 192.0.2.10 look like an attack."
    assert addresses(read(mail("Attack", text), context("198.51.100.0/24"))) == ["198.51.100.7"]


def test_a_log_beside_the_text_tells_time_and_port() -> None:
    log = log_file("All times UTC\n2026-11-20 10:00:00 192.0.2.10:40000 -> 198.51.100.7:22\n")
    (only,) = read(mail("SSH brute force from 192.0.2.10", "See the log.", log), CONTEXT).events
    assert only.event["time.source"] == "2026-11-20T10:00:00+00:00"
    assert only.event["source.port"] == 40000
    assert only.spans["source.port"].part == "2"


HEADER = """Received: from mx.receiver.example ([10.1.1.1]) by store.receiver.example with LMTP; Fri, 20 Nov 2026 10:00:09 +0000
Received: from mail.sender.example.net (mail.sender.example.net [192.0.2.25])
 by mx.receiver.example.com (Postfix) with ESMTPS id ABC
 for <me@receiver.example>; Fri, 20 Nov 2026 10:00:05 +0000
Received: from [203.0.113.77] (unknown) by mail.sender.example.net; Fri, 20 Nov 2026 10:00:01 +0000
From: "Shop" <win@example.org>
To: me@receiver.example
Subject: You have won
Message-ID: <1@example.org>
"""


def test_a_pasted_header_tells_who_handed_the_mail_over() -> None:
    reading = read(
        mail("Fwd: You have won", f"I never asked for this spam.\n\n{HEADER}\nClick http://win.example.org/now"),
        CONTEXT,
    )
    assert addresses(reading) == ["192.0.2.25"]
    assert kind(reading) == "spam"
    assert reading.events[0].event["time.source"] == "2026-11-20T10:00:05+00:00"


def test_an_attached_mail_tells_it_too() -> None:
    inner = mail(
        "You have won",
        "Click http://win.example.org/now",
        received="from mail.example.net ([192.0.2.25]) by mx.example.com; Fri, 20 Nov 2026 10:00:05 +0000",
    )
    reading = read(mail("spam", "see attachment", attached_mail(inner)), CONTEXT)
    assert addresses(reading) == ["192.0.2.25"]


def test_what_the_complainer_says_outweighs_the_header() -> None:
    text = f"This spam came from your customer 203.0.113.77.\n\n{HEADER}\n"
    assert found("Spam", text) == ["203.0.113.77"]


def test_phishing_sites_with_the_address_they_are_on() -> None:
    text = "Hello,\nwe found a phishing site:\n\nhxxps://login[.]shop[.]example[.]net/bank/\n\nIP address: 192.0.2.80\n\nLegitimate site: https://www.bank.example.com/\n"
    reading = read(mail("Phishing takedown request", text, sender="soc@brand.example"), CONTEXT)
    assert addresses(reading) == ["192.0.2.80"]
    assert hosts(reading) == ["login.shop.example.net"]
    assert urls(reading) == ["https://login.shop.example.net/bank/"]
    assert kind(reading) == "phishing"


def test_copies_and_not_the_originals() -> None:
    text = (
        "DMCA notice.\n\nOriginal work:\nhttps://www.artist.example.org/song\n\nInfringing URLs:\n"
        "https://files.example.net/1.mp3\nhttps://files.example.net/2.mp3\n\nKind regards\nA. Lawyer\nhttps://www.law.example.com\n"
    )
    reading = read(mail("Copyright infringement", text, sender="a@lawfirm.example"), CONTEXT)
    assert urls(reading) == ["https://files.example.net/1.mp3", "https://files.example.net/2.mp3"]
    assert kind(reading) == "copyright"


def test_places_are_those_of_the_text_as_it_came() -> None:
    text = "The bad host is 192[.]0[.]2[.]80 port 4444, seen 2026-11-20 10:00:00 UTC. It scans us."
    (only,) = read(mail("Port scan", text), CONTEXT).events
    for key, said in (
        ("source.ip", "192[.]0[.]2[.]80"),
        ("time.source", "2026-11-20 10:00:00 UTC"),
        ("source.port", "4444"),
    ):
        span = only.spans[key]
        assert span.part == "1"
        assert text[span.start : span.end] == said


def test_no_word_and_no_sign_is_unread_with_a_proposal() -> None:
    reading = read(mail("Hello", "Look at 192.0.2.1 and 198.51.100.1 please"), CONTEXT)
    assert reading.verdict == "unread"
    assert reading.events
    assert reading.confidence < 0.5


def test_nothing_at_all_is_unread() -> None:
    assert read(mail("Hello", "How are you?"), CONTEXT).verdict == "unread"


def test_defanged_control_servers_beside_plain_victims() -> None:
    text = "Infected systems and the C2 server they talked to:\n\n192.0.2.1 contacted 203[.]0[.]113[.]66\n192.0.2.2 contacted 203[.]0[.]113[.]66\n"
    assert found("Botnet infections", text) == ["192.0.2.1", "192.0.2.2"]


def test_the_time_of_the_log_and_not_of_the_forward() -> None:
    text = (
        "Begin forwarded message:\n\nFrom: Abuse <abuse@reporter.example>\nSubject: Port scan from 192.0.2.1\n"
        "Date: 20 November 2026 at 18:15:09 CET\n\nWe saw a port scan from 192.0.2.1.\n\n2026-11-20 10:00:00 UTC - port 22\n"
    )
    (only,) = read(mail("Fwd: Port scan from 192.0.2.1", text), CONTEXT).events
    assert only.event["time.source"] == "2026-11-20T10:00:00+00:00"


@pytest.mark.parametrize(
    "text",
    [
        "Source Network Address: 192.0.2.10\nPublic IP of this server: 198.51.100.7",
        "Address of the attacking host: 192.0.2.10\nAddress of the honeypot: 198.51.100.7",
        "Auf 192.0.2.10 läuft ein Fakeshop.",
        "Bitte nehmen Sie die Seite auf 192.0.2.10 vom Netz, dort wird gephisht.",
        "Op 192.0.2.10 draait een phishingsite.",
        "Attackers copied the documents of our client to 192.0.2.10 last night, a data leak.",
        "Notice: 192.0.2.10 scanned at least 15 unique ports of host 198.51.100.7 in 0m4s",
    ],
)
def test_whole_labels_and_where_something_is(text: str) -> None:
    reading = read(mail("Abuse", text), CONTEXT)
    assert addresses(reading) == ["192.0.2.10"]


@pytest.mark.parametrize(
    "text",
    [
        "Identificamos página falsa do nosso banco hospedada no IP 192.0.2.1",
        "a fake page of our bank hosted at IP 192.0.2.1",
        "Infringer's IP: 192.0.2.1",
        "spam mails submitted from 192.0.2.1",
    ],
)
def test_what_is_hosted_somewhere_is_not_the_complainers_address(text: str) -> None:
    assert addresses(read(mail("Phishing", text), CONTEXT)) == ["192.0.2.1"]
