# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An event as a report in XARF version 4 (https://xarf.org/docs/specification/), valid by its schema.

Each type of XARF demands other fields. Where the event does not have them, the nearest type that it can fill is used;
`reputation / threat_intelligence`, which demands nothing but a word, is the last.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.tickets.notice import NoticeEvent, NoticeTicket

VERSION = "4.2.0"
_NAMES = uuid.UUID("6f3b2b0e-5f0c-5c1e-9a43-2f0a9d1c7f11")
_CVE = re.compile(r"cve-\d{4}-\d{4,9}", re.IGNORECASE | re.ASCII)
_TRANSPORTS = ("tcp", "udp", "icmp", "sctp")
_OPEN = ("potentially-unwanted-accessible", "ddos-amplifier")
_WEAK = ("misconfiguration", "weak-crypto", "vulnerable-system", "potentially-unwanted-accessible", "ddos-amplifier")


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who says it: our organisation, its mail address and domain. Whoever told us stays unnamed."""

    organisation: str
    contact: str

    @property
    def contact_info(self) -> dict[str, str]:
        """The form that XARF gives it."""
        return {
            "org": self.organisation[:200],
            "contact": self.contact,
            "domain": self.contact.rpartition("@")[2],
        }


def xarf_report(event: NoticeEvent, ticket: NoticeTicket, reporter: Reporter) -> dict[str, Any] | None:
    """The report; None for an event that names no source. The same event always gets the same `report_id`."""
    data = event.data
    source = data.get("source.ip") or data.get("source.fqdn") or data.get("source.url") or ticket.resource
    if not source:
        return None
    at = event.at.astimezone(timezone.utc).isoformat(timespec="seconds")
    who = reporter.contact_info
    name = orjson.dumps([ticket.id, at, _plain(data)], option=orjson.OPT_SORT_KEYS).decode("utf-8", "replace")
    report: dict[str, Any] = {
        "xarf_version": VERSION, "report_id": str(uuid.uuid5(_NAMES, name)), "timestamp": at, "reporter": who, "sender": who,
        "source_identifier": str(source), **_type(data, at), "description": _description(data, ticket),
    }  # fmt: skip
    port = _port(data)
    if port:
        report["source_port"] = port
    return report


def _type(data: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Category, type and what the type demands."""
    kind = str(data.get("classification.type") or "other")
    identifier = str(data.get("classification.identifier") or "")
    transport = str(data.get("protocol.transport") or "").lower()
    transport = transport if transport in _TRANSPORTS else "tcp"
    connection = {"category": "connection", "protocol": transport, "first_seen": at}
    port, url = _port(data), data.get("source.url")
    if kind == "brute-force" and port:
        return {**connection, "type": "login_attack"}
    if kind == "ddos" and port:
        return {**connection, "type": "ddos"}
    if kind == "scanner":
        if port:
            return {**connection, "type": "port_scan"}
        scan = transport if transport != "sctp" else "mixed"
        return {**connection, "protocol": scan, "type": "vulnerability_scan", "scan_type": "port_scan"}
    if kind == "infected-system":
        said = str(data.get("malware.name") or identifier or "communication with a control server or sinkhole")
        return {"category": "infrastructure", "type": "botnet", "compromise_evidence": said[:500]}
    if kind in ("c2-server", "system-compromise", "application-compromise"):
        if url:
            return {
                "category": "content",
                "type": "remote_compromise",
                "compromise_type": _compromise(kind, identifier),
                "url": str(url),
            }
        return {"category": "infrastructure", "type": "compromised_server", "compromise_method": (identifier or kind)[:200]}  # fmt: skip
    if kind == "phishing" and url:
        return {"category": "content", "type": "phishing", "url": str(url)}
    if kind == "malware-distribution" and url:
        return {"category": "content", "type": "malware", "url": str(url)}
    if kind == "copyright" and url:
        return {"category": "copyright", "type": "copyright", "infringing_url": str(url)}
    if kind == "spam":
        # `smtp` would demand the sender of the spam, which may be a victim's address
        return {"category": "messaging", "type": "spam", "protocol": "other"}
    if kind == "blacklist":
        return {"category": "reputation", "type": "blocklist", "threat_type": (identifier or kind)[:200]}
    if kind in _WEAK:
        return _weakness(data, kind, identifier, port)
    return {"category": "reputation", "type": "threat_intelligence", "threat_type": (identifier or kind)[:200]}


def _weakness(data: Mapping[str, Any], kind: str, identifier: str, port: int | None) -> dict[str, Any]:
    service = str(data.get("protocol.application") or identifier or kind)[:200]
    cve = _CVE.search(identifier) or _CVE.search(str(data.get("extra.tag") or ""))
    if kind == "vulnerable-system" and cve and port:
        return {
            "category": "vulnerability",
            "type": "cve",
            "service": service,
            "service_port": port,
            "cve_id": cve[0].upper(),
        }
    if kind in _OPEN:
        return {"category": "vulnerability", "type": "open_service", "service": service}
    return {"category": "vulnerability", "type": "misconfiguration", "service": service}


def _compromise(kind: str, identifier: str) -> str:
    for word, meant in (
        ("webshell", "webshell"),
        ("deface", "defacement"),
        ("backdoor", "backdoor"),
        ("phish", "phishing_kit"),
    ):
        if word in identifier:
            return meant
    return "c2_server" if kind == "c2-server" else "other"


def _description(data: Mapping[str, Any], ticket: NoticeTicket) -> str:
    told = [str(data.get(key) or "") for key in ("classification.type", "classification.identifier", "malware.name")]
    return f"{ticket.problem}: {', '.join(word for word in told if word)}"[:1000]


def _port(data: Mapping[str, Any]) -> int | None:
    port = data.get("source.port")
    return port if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536 else None


def _plain(data: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value)[:2000] for key, value in data.items()}
