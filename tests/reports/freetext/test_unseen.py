# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Habits of senders nobody has seen: each line is one cause for which a mail was once misread."""

from __future__ import annotations

from typing import Any

import pytest
from mails import CONTEXT, addresses, hosts, kind, mail

from abusehandler.reports.freetext import not_a_report, read
from abusehandler.reports.freetext.addresses import find_addresses
from abusehandler.reports.freetext.problem import problems

MINE, THEIRS = "198.51.100.7", "192.0.2.10"


def only(text: str, subject: str = "Abuse", sender: str = "noc@reporter.example") -> dict[str, Any]:
    """The one event of a report about 192.0.2.10."""
    reading = read(mail(subject, text, sender=sender), CONTEXT)
    assert addresses(reading) == [THEIRS], reading.reason
    return reading.events[0].event


@pytest.mark.parametrize(
    "text",
    [
        f"{THEIRS} keeps attacking our shop server. We're at {MINE} behind a proxy.",
        f"Visitor IP: {MINE}\nIP or domain you complain about: {THEIRS}\nMessage: it attacks me",
        f"Origin host: {THEIRS}\nReported: brute force\nCDN IP: {MINE}",
        f"Our API gateway sits at {MINE}. The attack came from {THEIRS}.",
        f"The attacker is {THEIRS}. Target was our game server {MINE}",
        f"На наш магазин (IP {MINE}) идёт атака с адреса {THEIRS}",
        f"Unsere Seite: www.verein.example (IP {MINE}) wurde angegriffen, im Protokoll findet sich die IP {THEIRS}.",
        f"贵司IP {THEIRS} 对我司服务器 {MINE} 发起DDoS攻击",
        f"貴社のIP {THEIRS} から当社サーバ {MINE} への不正アクセス",
        f"filterlog: 5,,,1000,igb0,match,block,in,4,0x0,,238,5,0,none,6,tcp,44,{THEIRS},{MINE},47213,8443,0,S",
        f"1,2026/11/19 03:44:12,0011C1,THREAT,vulnerability,2561,x,{THEIRS},{MINE},0.0.0.0,0.0.0.0,Inbound,log4j",
        f"Registration from '\"101\" <sip:101@{MINE}>' failed for '{THEIRS}:5071' - Wrong password",
        f"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n1\tC1\t{THEIRS}\t50122\t{MINE}\t8080\n2\tC2\t{THEIRS}\t50123\t{MINE}\t8081\n",
        f"TCP scan - {THEIRS}, 40001, X1 - {MINE}, 443, X1 - TCP scanned port list, 8080",
        f"An intrusion attempt from {THEIRS} to {MINE} has been blocked.",
        f"Nuestro sensor detectó que el equipo {THEIRS} de su red realiza ataques contra {MINE}",
        f"GET /comprar 5 mil pedidos por segundo de {THEIRS}\nO nosso balanceador: {MINE}",
        f"Wir kriegen verseuchte Mails, im Header steht {THEIRS}. Unser Mailserver ist {MINE}.",
        f"Who: {THEIRS}\nWhat: credential stuffing\nWhere: api.example.net ({MINE})",
        f"C2 hosts: {MINE}. The infected DSL user is {THEIRS}.",
    ],
)
def test_the_other_address_is_the_complainers(text: str) -> None:
    only(text)


def test_an_address_beside_a_host_of_the_senders_domain_is_the_senders() -> None:
    text = f"SQL injection from {THEIRS} on our portal (www.shop-nord.net, hosted at {MINE})."
    only(text, sender="it@shop-nord.net")
    only(f"Ban {THEIRS}\nServer: web55.agency.net [{MINE}]", sender="root@web55.agency.net", subject="fail2ban")


def test_a_control_server_is_the_subject_where_it_is_said_to_be_ours() -> None:
    only(f"Our workstation (NAT {MINE}) contacted a command-and-control server in your network:\n C2: {THEIRS}:8443\n")


def test_a_table_row_with_a_number_in_front_is_no_trace() -> None:
    text = "# | IP | Hits | Protocol\n1 | 192.0.2.10 | 8,112 | ssh brute force\n2 | 192.0.2.11 | 311 | ssh brute force\n\nSensors: a (198.51.100.7)\n"
    assert addresses(read(mail("Daily report", text), CONTEXT)) == ["192.0.2.10", "192.0.2.11"]


def test_a_name_that_is_longer_than_the_senders_imitates_it() -> None:
    text = "Somebody sells fake vouchers at yoga-raum-berlin.shop, please take the site offline. Tina (yoga-raum.de)"
    assert hosts(read(mail("Fake site", text, sender="tina@yoga-raum.de"), CONTEXT)) == ["yoga-raum-berlin.shop"]


def test_from_one_to_another_is_a_range_only_within_one_network() -> None:
    assert [one.bound for one in find_addresses("192.0.2.1 to 198.51.100.7")] == [False, False]
    assert [one.bound for one in find_addresses("192.0.2.1 to 192.0.2.9")] == [True, True]
    assert [one.bound for one in find_addresses("192.0.2.0 - 192.0.2.255")] == [True, True]


@pytest.mark.parametrize(
    "text",
    [
        f"Angriff von {THEIRS} am 20.11.2026 gegen 10:00 Uhr MEZ",
        f"Angriff von {THEIRS} heute (20.11.2026) um 10:00:00 MEZ",
        f"Hyökkäys osoitteesta {THEIRS} 20.11.2026 klo 11.00 UTC+2",
        f"Angreb fra {THEIRS} den 20. november 2026 kl. 10.00 (dansk tid, UTC+1)",
        f"Attacco dall'IP {THEIRS}, 20/11/26 ore 10.00 (ora italiana)",
        f"Attaque depuis {THEIRS} le 20/11/2026 à 10h00 (heure de Paris)",
        f"Útok z IP adresy {THEIRS} dne 20. 11. 2026 v 10:00 SEČ",
        f"Atak z adresu {THEIRS} o 10:00 dnia 20.11.2026 (CET)",
        f"Атака с адреса {THEIRS} 20.11.2026 12:00 МСК",
        f"Атака с адреса {THEIRS} 20.11.2026 в 12:00 по МСК",
        f"Атака с адреса {THEIRS} 20 ноября 2026 г. в 12:00 (МСК)",
        f"攻击者 {THEIRS} 发现时间：2026年11月20日 17:00（UTC+8）",
        f"공격자 {THEIRS} 발생 시각: 2026년 11월 20일 18시 00분 (KST)",
        f"攻撃元 {THEIRS} 2026年11月20日 18時00分（日本時間）",
        f"Attacker: {THEIRS}\nData: 2026-11-20\nGodzina: 10:00:00 (CET)\n",
        f"attack from {THEIRS}\ndate=2026-11-20 time=10:00:00 tz=\"+0100\" action=block",
        f"attack by {THEIRS} between 09:00 and 09:40 UTC on 20 Nov 2026",
        f"attack from 2026-11-20T09:00:00Z until 2026-11-20T09:40:00Z, sources:\n{THEIRS}\n",
        f"attack by {THEIRS} on 20 November 2026 09:00-09:30 UTC",
        f"攻击来源 {THEIRS} 2026-11-20 17:00:00 至 2026-11-20 19:20:00 (UTC+8)",
        f"attacker: {THEIRS}\nFirst seen: Fri Nov 20 2026 09:00:00 GMT\nLast seen: Fri Nov 20 2026 11:44:10 GMT\n",
        f"11/20-09:00:00.000000 [**] [1:2019401:3] ET EXPLOIT [**] {{TCP}} {THEIRS}:41230 -> {MINE}:80\n(clock in GMT)",
        f"IP | Hits | Last beacon (UTC)\n{THEIRS} | 12 | 2026-11-20 09:00:00\nbotnet member",
        f"ip_address={THEIRS}\nutc_time=2026-11-20 09:00:00\nport=6889\n",
        f"attacker_ip,first_seen_utc\n{THEIRS},2026-11-20 09:00:00\n",
    ],
)  # fmt: skip
def test_when_it_happened(text: str) -> None:
    assert only(text)["time.source"] == "2026-11-20T09:00:00+00:00"


@pytest.mark.parametrize(
    "text",
    [
        f"Attack from {THEIRS}, source port 40022.",
        f"Атака с адреса {THEIRS}. Порт источника 40022.",
        f"攻击来源 {THEIRS} 源端口40022",
        f"%ASA-4-106023: Deny tcp src outside:{THEIRS}/40022 dst inside:{MINE}/445",
        f"authenticator failed for H=(x) [{THEIRS}]:40022: 535 Incorrect authentication data",
        f"IP-Address / Port / Date / Hash\n{THEIRS} / 40022 / 18.11.2026 23:15:47 / 0123456789",
        f"Source: {THEIRS} : 40022",
        f"On 16 Nov the IP {THEIRS} (port 40022) was observed",
        f"{THEIRS} 2026-11-18 02:22:22 UTC sport 40022",
        f"Connections: accepted: {THEIRS}::40022",
        f"filterlog: 5,,,1000,igb0,match,block,in,4,0x0,,238,5,0,none,6,tcp,44,{THEIRS},{MINE},40022,8443,0,S",
        f"scan detected - {THEIRS}, 40022, X1 - {MINE}, 443, X1 - TCP",
        f'"request":{{"remote_ip":"{THEIRS}","remote_port":"40022"}} vulnerability scan',
    ],
)
def test_from_which_port(text: str) -> None:
    assert only(text, subject="Attack")["source.port"] == 40022


def test_tcpdump_puts_the_port_of_ipv6_behind_a_dot() -> None:
    (first, _) = find_addresses("IP6 2001:db8::17.40991 > 2001:db8:1::1.22: Flags [S]")
    assert (first.ip, first.port) == ("2001:db8::17", 40991)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("z adresu IP prowadzone jest zgadywanie haseł", "brute-force"),
        ("den Versuch, sich einzuloggen, mehrfach bemerkt", "brute-force"),
        ("probeert in te loggen op onze server", "brute-force"),
        ("подбор логинов и паролей, перебор паролей", "brute-force"),
        ("Hackpoging: 600 inlogpogingen op onze VPN", "brute-force"),
        ("intrusion attempt: port scan of our network", "scanner"),
        ("złośliwe oprogramowanie pod adresem serwera", "malware-distribution"),
        ("prichádza nevyžiadaná pošta", "spam"),
        ("thousands of bounces (backscatter)", "spam"),
        ("setki żądań na sekundę, sklep nie działa", "ddos"),
        ("tjenestenektangrep mot vår server", "ddos"),
        ("se hace pasar por nuestro banco", "phishing"),
        ("strona podszywająca się pod naszą firmę", "phishing"),
        ("clone of our app, steals seed phrases", "phishing"),
        ("pokus o zneužití zranitelnosti Log4Shell", "exploit"),
        ("In our weekly scan we found databases open without authentication", "vulnerable-system"),
        ("незаконно розміщено книги нашого видавництва", "copyright"),
        ("utan tillåtelse", "copyright"),
        ("contenuti diffamatori", "harmful-speech"),
        ("contacted a command and control server in your network", "c2-server"),
        ("el equipo está infectado con un troyano", "infected-system"),
    ],
)
def test_the_problem_in_the_words_of_many_countries(text: str, wanted: str) -> None:
    assert problems("", text)[0].type == wanted


def test_a_time_in_brackets_belongs_to_the_address_before_it() -> None:
    text = "Scam account used 192.0.2.10 (2026-11-18T17:17:17Z) and 192.0.2.11 (2026-11-18T22:00:00Z). Fraudulent activity."
    events = read(mail("Scammer", text), CONTEXT).events
    assert {one.event["source.ip"]: one.event["time.source"] for one in events} == {
        "192.0.2.10": "2026-11-18T17:17:17+00:00",
        "192.0.2.11": "2026-11-18T22:00:00+00:00",
    }


def test_a_star_inside_a_phrase_takes_any_ending() -> None:
    assert problems("", "подбирает: подбора чужих паролей, подбору паролей")[0].type == "brute-force"


def test_a_mail_that_nobody_complains_in_is_no_report() -> None:
    for subject, text in (
        ("My line", "Hello, my internet is slow since yesterday, my IP is 192.0.2.10. Can you have a look? Thank you"),
        ("Storing", "Goedemorgen, sinds vanmorgen hebben wij geen internet in de winkel. Ons IP is 192.0.2.10."),
        ("Sell your IPv4", "We buy /24 blocks at the best price. Do you have unused space, e.g. in 192.0.2.0/24?"),
        (
            "Delisting",
            "Our mail server 192.0.2.10 is blocked by your server. Please remove it from your blacklist, thank you.",
        ),
        (
            "Weekly: botnets and patches",
            "In this issue:\n* new botnet (C2 192.0.2.10)\nUnsubscribe: https://weekly.example/u",
        ),
        (
            "Verify your abuse-c contact",
            "Please confirm that abuse@isp.example works: abuse-mailbox validation for 192.0.2.0/24.",
        ),
        ("[DOWN] web1 is down", "Monitor web1 is down since 08:00 UTC: connection timeout 192.0.2.10"),
    ):
        assert not_a_report(mail(subject, text), CONTEXT) is not None, subject


def test_complaints_that_speak_softly_stay_reports() -> None:
    for subject, text in (
        (
            "Web shop",
            "We established that www.shop-x.example, hosted at 192.0.2.10, sells illicit goods. Please suspend it.",
        ),
        (
            "Re: DDoS attack",
            "> Could you please provide the source IPs?\n\nSure:\n192.0.2.10 2026-11-18T20:33:10Z flooded us\n",
        ),
        (
            "our shop",
            "Hello, the log of my shop says:\n2026-11-20 10:00:00 192.0.2.10 failed\nThank you for having a look.",
        ),
        (
            "Newsletter",
            "Your customer at 192.0.2.10 sends this newsletter to people that never asked. Unsubscribe does not work.",
        ),
    ):
        assert not_a_report(mail(subject, text), CONTEXT) is None, subject


def test_answers_of_customers_and_other_desks_are_told_apart() -> None:
    quoted = "\n\n> Von Ihrer IP 192.0.2.10 geht Spam aus.\n"
    for text in (
        "Hallo,\n\nder Rechner wurde neu installiert, die Schadsoftware ist entfernt. Danke für den Hinweis.",
        "Bonjour,\n\nNous vous remercions pour votre signalement. Le compte du client a été suspendu.",
        "Hi,\n\nwe cleaned the site and changed the passwords. Thank you for the hint.",
    ):
        reading = not_a_report(mail("Re: [T#4711] Abuse", text + quoted, in_reply_to="<1@isp.example>"), CONTEXT)
        assert reading is not None
        assert reading.kind == "ticket-answer"


def test_extortion_mails_are_reported_as_spam() -> None:
    text = (
        "Got this extortion mail today:\n\nReceived: from vm18.vps.example (HELO mx) (192.0.2.10)\n"
        "  by mail.school.example with SMTP; 19 Nov 2026 04:11:58 +1300\nSubject: Your device is hacked - pay 500 USD\n"
    )
    assert kind(read(mail("Your server sends blackmail mail", text), CONTEXT)) == "spam"
