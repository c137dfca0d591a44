# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The problem by its words, in many languages."""

from __future__ import annotations

import pytest

from abusehandler.reports.freetext.problem import identifier, problems


@pytest.mark.parametrize(
    ("subject", "text", "kind"),
    [
        ("SSH brute force from 192.0.2.1", "Too many failed logins.", "brute-force"),
        ("", "Brute-Force-Angriff: viele Anmeldeversuche von Ihrer IP", "brute-force"),
        ("", "Tentatives de connexion répétées sur notre serveur", "brute-force"),
        ("", "Hemos detectado intentos de acceso por fuerza bruta", "brute-force"),
        ("", "Foram detectadas tentativas de acesso ao nosso servidor", "brute-force"),
        ("", "Rilevati tentativi di accesso al nostro server", "brute-force"),
        ("", "Herhaalde inlogpogingen op onze server", "brute-force"),
        ("", "Wykryto próby logowania z Państwa sieci", "brute-force"),
        ("", "Pokusy o přihlášení z vaší sítě", "brute-force"),
        ("", "С вашего адреса идет подбор паролей", "brute-force"),
        ("", "贵公司IP正在对我方服务器进行DDoS攻击", "ddos"),
        ("", "SSHブルートフォース攻撃を検知しました", "brute-force"),
        ("", "귀사 IP에서 악성코드가 유포되고 있습니다", "malware-distribution"),
        ("", "REGISTER floods, user-agent friendly-scanner", "brute-force"),
        ("", "Auf der Webseite werden meine Fotos ohne Lizenz benutzt", "copyright"),
        ("", "ブルートフォース攻撃を検知しました", "brute-force"),
        ("", "检测到来自贵网络的暴力破解", "brute-force"),
        ("Port scan", "Your host probes our network.", "scanner"),
        ("", "Aktivní skenování z IP adresy", "scanner"),
        ("", "Сканирование портов", "scanner"),
        ("Phishing site", "Please take it down.", "phishing"),
        ("", "Подозрение на фишинговый сайт", "phishing"),
        ("Notice of infringement", "under the DMCA, 17 USC 512(c)", "copyright"),
        ("", "Urheberrechtsverletzung auf Ihrem Server", "copyright"),
        ("Spam from your network", "unsolicited bulk email", "spam"),
        ("", "Courrier indésirable", "spam"),
        ("DDoS attack", "UDP flood of 4 Gbps", "ddos"),
        ("Open DNS resolver", "used in amplification attacks", "ddos-amplifier"),
        ("Infizierte Systeme", "mit einem Trojaner infiziert", "infected-system"),
        ("Malware distribution", "Your site serves malware downloads", "malware-distribution"),
        ("Vulnerable systems", "unpatched and openly accessible", "vulnerable-system"),
        ("Botnet controller", "a command and control server", "c2-server"),
        ("SQL injection attempts", "GET /?id=1 union select", "exploit"),
    ],
)
def test_the_problem_by_its_words(subject: str, text: str, kind: str) -> None:
    assert problems(subject, text)[0].type == kind


def test_the_subject_line_counts_more() -> None:
    assert (
        problems("Port scan from your network", "The host may be infected with malware or a trojan.")[0].type
        == "scanner"
    )


def test_a_guess_about_the_cause_is_not_the_complaint() -> None:
    text = (
        "We saw SSH brute force attempts. Your machine may be infected, probably part of a botnet, and it is no spam."
    )
    assert problems("Abuse report", text)[0].type == "brute-force"


def test_no_word_no_problem() -> None:
    assert problems("Hello", "Nice weather today.") == []


@pytest.mark.parametrize(
    ("kind", "subject", "text", "name"),
    [
        ("brute-force", "SSH brute force", "sshd: Failed password", "ssh"),
        ("brute-force", "Brute force", "POST /wp-login.php", "wordpress"),
        ("ddos-amplifier", "Exploitable NTP server", "ntpd monlist", "open-ntp"),
        ("exploit", "Attack", "a SQL injection", "sql-injection"),
        ("brute-force", "Brute force on SSH and FTP", "", ""),
        ("scanner", "Port scan", "of SSH", ""),
    ],
)
def test_the_identifier_only_where_it_is_clear(kind: str, subject: str, text: str, name: str) -> None:
    assert identifier(kind, subject, text) == name
