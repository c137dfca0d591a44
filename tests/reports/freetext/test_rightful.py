# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which name is the copy and which the owner's, when both stand in the text and the subject line says neither."""

from __future__ import annotations

import pytest
from mails import CONTEXT, addresses, hosts, mail

from abusehandler.reports.freetext import read

COPY = "copy-shop.example.com"
OWN = "real-brand.example.org"


@pytest.mark.parametrize(
    "text",
    [
        f"The site infringes our rights: https://{COPY}/a\nOur articles, to which we own the exclusive copyrights, are at:\nhttps://{OWN}/b",
        f"A phishing page is at hxxps://{COPY.replace('.', '[.]')}/x. The official website of the company is: hxxps://{OWN.replace('.', '[.]')}",
        f"I write with the authorisation of Acme News ({OWN}). You host https://{COPY}/a, which copies its articles without permission.",
        f"Infringing URLs for your reference:\nhttps://{COPY}/1\nhttps://{COPY}/2",
        f"Infringing URL(s):\nhttps://{COPY}/1\n\nA DOCUMENT PROVING THAT THE MATERIALS ARE COPYRIGHTED AND BELONG TO THE OWNER\n\nhttps://{OWN}/film",
        f"Acme sells its products through websites including www.{OWN}. Counterfeit goods are offered at https://{COPY}/shop",
        f"Here is my original from 2023:\n\nhttps://{OWN}/art\n\nand here is the infringing shirt they sell: https://{COPY}/shirt",
        f"Texte copié depuis https://{OWN}/article sur le site contrefaisant https://{COPY}/article",
    ],
)
def test_the_copy_and_not_the_original(text: str) -> None:
    assert hosts(read(mail("Complaint", text), CONTEXT)) == [COPY]


def test_a_mail_address_of_the_swindlers_does_not_clear_their_domain() -> None:
    text = f"Domain: {COPY}\n\nThe unknown persons registered it this month, and with invest@{COPY} they solicit money from the public."
    assert hosts(read(mail("Cease and desist", text), CONTEXT)) == [COPY]


def test_a_site_beside_a_mail_address_is_how_somebody_is_reached() -> None:
    text = f"Phishing page: https://{COPY}/login\n\nAnna Berg\nE-mail: anna@{OWN}\nSite: www.{OWN}"
    assert hosts(read(mail("Takedown request", text), CONTEXT)) == [COPY]


@pytest.mark.parametrize(
    "text",
    [
        "The shop copy.example.com, which resolves to the IP address 192.0.2.10, sells pirated recordings.",
        "Die Phishing-Seite copy.example.com löst bei uns auf 192.0.2.10 auf, versendet wurde über einen Anbieter.",
        "El dominio de phishing copy.example.com apunta a la IP 192.0.2.10",
        "The IP used in the phishing campaign we were told of is: 192.0.2.10",
    ],
)
def test_the_address_that_a_name_leads_to(text: str) -> None:
    assert addresses(read(mail("Complaint", text), CONTEXT)) == ["192.0.2.10"]


def test_a_network_at_the_end_of_a_sentence_is_a_network() -> None:
    text = "192.0.2.10 scanned our ports; the sensors stand in 198.51.100.0/24."
    assert addresses(read(mail("Port scan", text), CONTEXT)) == ["192.0.2.10"]
