# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of what DNS says about the address that mails come from and go to: MX, SPF, DKIM, DMARC, reverse."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.resolver
import dns.reversename

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.doctor.finding import critical, ok, unknown, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.doctor.finding import Finding

#: More terms that cost a look-up make receivers give up (RFC 7208, 4.6.4).
SPF_LOOKUPS = 10
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class NoAnswer(AbusehandlerError):
    """The name servers gave no answer; nothing is known about the name."""


def _ask(examined: Examined, name: str, kind: str) -> list[Any]:
    """The records; empty if there are none. Raises NoAnswer."""
    try:
        return list(examined.resolver.resolve(name, kind))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise NoAnswer(f"{kind} of {name}: {type(error).__name__}") from None


def _texts(examined: Examined, name: str, beginning: str) -> list[str]:
    found = [b"".join(record.strings).decode("utf-8", "replace") for record in _ask(examined, name, "TXT")]
    return [text for text in found if text.lower().replace(" ", "").startswith(beginning)]


def _addresses(examined: Examined, name: str) -> list[str]:
    return [record.to_text() for kind in ("A", "AAAA") for record in _ask(examined, name, kind)]


def _domain(examined: Examined) -> str:
    return examined.configuration.sender.rpartition("@")[2].lower()


def mx(examined: Examined) -> Iterator[Finding]:
    """Reports and answers can arrive: the abuse address and the sender have mail servers with addresses."""
    domains = {examined.configuration.organisation.abuse_address.rpartition("@")[2].lower(), _domain(examined)}
    for domain in sorted(domains):
        try:
            yield _mail_servers(examined, domain)
        except NoAnswer as error:
            yield _unanswered(error)


def _mail_servers(examined: Examined, domain: str) -> Finding:
    records = sorted(
        (record.preference, record.exchange.to_text().rstrip(".")) for record in _ask(examined, domain, "MX")
    )
    if any(not name for _, name in records):
        return critical(
            f"{domain} says that it takes no mail (null MX, RFC 7505)",
            "publish an MX record that names your mail server",
        )
    if not records:
        if _addresses(examined, domain):
            return warning(f"{domain} has no MX; mail goes to its own address", f"publish an MX record for {domain}")
        return critical(
            f"{domain} has neither MX nor address: no report and no answer arrives",
            f"publish an MX record for {domain}",
        )
    dead = [name for _, name in records if not _addresses(examined, name)]
    if len(dead) == len(records):
        return critical(
            f"{domain}: none of its mail servers ({', '.join(dead)}) has an address",
            "publish A or AAAA records for them",
        )
    if dead:
        return warning(
            f"{domain}: its mail server {', '.join(dead)} has no address",
            "publish its address, or remove it from the MX",
        )
    return ok(f"{domain}: mail goes to {', '.join(name for _, name in records)}")


def spf(examined: Examined) -> Iterator[Finding]:
    """One SPF record (RFC 7208) that does not let everybody in."""
    domain = _domain(examined)
    try:
        records = [text for text in _texts(examined, domain, "v=spf1") if text.lower().split()[:1] == ["v=spf1"]]
    except NoAnswer as error:
        yield _unanswered(error)
        return
    if not records:
        yield warning(
            f"{domain} has no SPF record", f'publish TXT "v=spf1 mx -all", or what fits your mail servers, at {domain}'
        )
        return
    if len(records) > 1:
        yield critical(
            f"{domain} has {len(records)} SPF records: receivers take none of them",
            "leave one TXT record that begins with v=spf1",
        )
        return
    words = records[0].lower().split()[1:]
    lookups = sum(
        word.lstrip("+-~?").partition(":")[0].partition("/")[0] in ("include", "a", "mx", "ptr", "exists")
        for word in words
    )
    lookups += sum(word.startswith("redirect=") for word in words)
    if lookups > SPF_LOOKUPS:
        yield critical(
            f"{domain}: its SPF record needs {lookups} look-ups or more, {SPF_LOOKUPS} are allowed",
            "name networks by ip4: and ip6: instead",
        )
    elif any(word in ("all", "+all") for word in words):
        yield critical(f"{domain}: its SPF record lets everybody send in your name (+all)", "end it with -all or ~all")
    elif not any(word.endswith("all") or word.startswith("redirect=") for word in words):
        yield warning(f"{domain}: its SPF record does not say what to do with others", "end it with -all or ~all")
    else:
        yield ok(f"{domain}: {records[0][:200]}")


def dkim(examined: Examined) -> Iterator[Finding]:
    """The keys under the selectors that the operator named (RFC 6376)."""
    domain = _domain(examined)
    selectors = examined.configuration.monitoring.dkim_selectors
    if not selectors:
        yield warning(
            "no DKIM selector is named, so it is not known whether mails are signed",
            "name those of your mail server under monitoring: dkim_selectors, or write 'dkim' under monitoring: skip",
        )
    for selector in selectors:
        name = f"{selector}._domainkey.{domain}"
        try:
            keys = [b"".join(record.strings).decode("ascii", "replace") for record in _ask(examined, name, "TXT")]
        except NoAnswer as error:
            yield _unanswered(error)
            continue
        tags = [dict(part.strip().partition("=")[::2] for part in key.split(";") if "=" in part) for key in keys]
        if not any("p" in tag for tag in tags):
            yield critical(f"{name}: there is no DKIM key", "publish the key that your mail server signs with")
        elif not any(tag.get("p", "").strip() for tag in tags):
            yield critical(
                f"{name}: this DKIM key was revoked (empty p=)", "publish the present key, or name the present selector"
            )
        elif any("y" in tag.get("t", "").split(":") for tag in tags):
            yield warning(f"{name}: this DKIM key is marked as a test (t=y)", "remove t=y")
        else:
            yield ok(f"{name}: a key is there")


def dmarc(examined: Examined) -> Iterator[Finding]:
    """A DMARC policy (RFC 7489) at the domain or at the registered domain above it."""
    domain = _domain(examined)
    above = _registered(domain)
    try:
        for name in dict.fromkeys((domain, above)):
            records = _texts(examined, f"_dmarc.{name}", "v=dmarc1")
            if len(records) > 1:
                yield critical(f"_dmarc.{name} has {len(records)} records: receivers take none of them", "leave one")
                return
            if records:
                yield ok(f"_dmarc.{name}: {records[0][:200]}")
                return
    except NoAnswer as error:
        yield _unanswered(error)
        return
    yield warning(
        f"{domain} has no DMARC record; large mail hosts ask for one",
        f'publish TXT "v=DMARC1; p=none; rua=mailto:…" at _dmarc.{above}',
    )


def _registered(domain: str) -> str:
    from publicsuffixlist import PublicSuffixList

    return str(PublicSuffixList().privatesuffix(domain) or domain)


def reverse(examined: Examined) -> Iterator[Finding]:
    """The host that sends has a name for its address, and the name leads back (RFC 1912, 2.1)."""
    smtp = examined.configuration.mail.smtp
    if smtp.host not in THIS_MACHINE:
        yield from _relay(examined, smtp.host)
        return
    name = smtp.hello_name or socket.getfqdn()
    if "." not in name:
        yield warning(f"this machine's name is {name!r}, without a domain; mail servers refuse such a greeting",
                      "set the host name, or mail.smtp: hello_name")  # fmt: skip
        return
    try:
        addresses = _addresses(examined, name)
        if not addresses:
            yield warning(
                f"{name} has no address in DNS", f"publish A and AAAA records for {name}, or set mail.smtp: hello_name"
            )
        for address in addresses:
            yield _back(examined, name, address)
    except NoAnswer as error:
        yield _unanswered(error)


def _relay(examined: Examined, host: str) -> Iterator[Finding]:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        try:
            there = bool(_addresses(examined, host))
        except NoAnswer as error:
            yield _unanswered(error)
            return
        if not there:
            # a name of /etc/hosts or a container network is none of DNS
            yield ok(f"mails go out by {host}, which DNS does not know; its own reverse is not looked at")
            return
    yield ok(f"mails go out by {host}; the reverse of its outgoing address is its operator's")


def _back(examined: Examined, name: str, address: str) -> Finding:
    pointer = dns.reversename.from_address(address).to_text()
    names = [record.to_text().rstrip(".").lower() for record in _ask(examined, pointer, "PTR")]
    if not names:
        return critical(
            f"{address} ({name}) has no reverse name: many mail servers refuse mail from it",
            f"publish PTR {address} → {name}",
        )
    if any(address in _addresses(examined, back) for back in names):
        return ok(f"{address} is {names[0]} and back")
    return critical(f"{address} points to {names[0]}, which does not point back", f"publish PTR {address} → {name}")


def _unanswered(error: NoAnswer) -> Finding:
    return unknown(f"the name servers do not answer: {error}", "look at /etc/resolv.conf and the network")
