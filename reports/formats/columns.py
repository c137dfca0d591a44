# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a column of a table means, judged by its name: `SrcIP`, `attacker_address`, `Quell-IP` are all the source
address.

A name is cut into words; one set of words says which side it is about, another what kind of value. Names of IntelMQ's
own fields, dotted or with underscores, mean themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.zones import abbreviation_zone, offset_zone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

_SOURCE = frozenset(
    ["source", "src", "attacker", "attacking", "attackers", "offender", "offending", "client", "infected",
     "bot", "abuser", "abusive", "suspect", "suspected", "suspicious", "malicious", "hostile", "sender",
     "sending", "origin", "originating", "orig", "infringing", "infringer", "reported", "hacker", "scanner",
     "scanning", "bad", "zombie", "drone", "compromised", "vulnerable", "affected", "quelle", "quell", "origen",
     "origem", "fuente", "fonte", "bron", "zdroj", "zrodlo", "outbound", "customer", "s"]
)  # fmt: skip
_WEAK_SOURCE = frozenset(["remote", "peer", "host", "hosting", "device", "node", "actor", "c"])
_DESTINATION = frozenset(
    ["destination", "dest", "dst", "target", "targeted", "victim", "attacked", "server", "local", "cnc", "c2",
     "cc", "sinkhole", "honeypot", "sensor", "destino", "ziel", "doel", "cible", "our", "internal", "reporter",
     "reporting", "attackee", "d", "resolver", "gateway", "nat", "relay"]
)  # fmt: skip
_ADDRESS = frozenset(
    ["ip", "ips", "ipv4", "ipv6", "addr", "address", "addresses", "adresse", "direccion", "endereco", "adres",
     "ipaddress", "ipaddr", "adresa", "indirizzo"]
)  # fmt: skip
_NOT_ADDRESS = frozenset(
    ["mail", "email", "mac", "street", "postal", "version", "count", "country", "reputation", "range", "block",
     "network", "owner", "geo", "cc", "location", "name"]
)  # fmt: skip
_PORT = frozenset(["port", "ports", "puerto", "porta", "poort", "puertos", "sport", "spt", "dport", "dpt"])
_TIME = frozenset(
    ["time", "timestamp", "datetime", "date", "seen", "lastseen", "firstseen", "detected", "observed", "fecha",
     "datum", "zeit", "uhrzeit", "zeitstempel", "hora", "horodatage", "tijd", "heure", "czas", "cas", "start",
     "begin", "when", "epoch", "ts", "data"]
)  # fmt: skip
_NOT_TIME = frozenset(
    ["allocated", "registered", "created", "expiry", "expires", "updated", "delivered", "sent", "zone",
     "timezone", "duration", "delta", "count", "reported", "observation", "processing", "end", "received",
     "tests", "size", "bytes", "transfer", "source_data", "ttl", "elapsed", "timeout", "response", "type",
     "taken", "mod", "modified", "name"]
)  # fmt: skip
_URL = frozenset(["url", "urls", "uri", "link", "links", "website", "webpage", "site", "weburl", "enlace"])
_NOT_URL = frozenset(
    ["feed", "screenshot", "reference", "ref", "report", "image", "documentation", "doc", "info", "evidence",
     "referer", "referrer", "original", "licensed"]
)  # fmt: skip
_HOST = frozenset(
    ["domain", "domains", "fqdn", "hostname", "host", "domainname", "dominio", "domena", "vhost", "sitename"]
)  # fmt: skip
_CLASSES = (
    "classification_type", "classification", "incident_type", "abuse_type", "attack_type", "threat_type",
    "event_type", "report_type",
    "type", "category", "incident_class", "class", "threat", "attack", "abuse", "problem", "vulnerabilidad",
    "vulnerability", "tag",
    "alert", "event", "method", "incident", "reason", "description", "data_type", "classification_identifier",
)  # fmt: skip
_MALWARE = frozenset(
    {
        "malware",
        "malware_name",
        "malware_family",
        "botname",
        "bot_name",
        "infection",
        "family",
        "botnet",
        "virus",
        "malware_type",
        "bot",
    }
)
_GLUED = re.compile(
    r"(source|src|destination|dest|dst|attacker|attacking|client|remote|local|victim|target|infected|host|sender|server|bot|c2|cc)"
    r"_?(ip|addr|address|port|host|hostname|url|domain|ipaddress|ipaddr|ipv4|ipv6|fqdn)"
)
_ZONE_IN_NAME = re.compile(
    r"(?i)(?<![A-Za-z])(utc|gmt|cet|cest|est|edt|pst|pdt|msk|jst|kst|eet|bst|zulu)(?![A-Za-z])\s{0,2}([+-]\s?\d{1,2}(?::?\d{2})?)?|([+-]\d{2}:?\d{2})"
)
_INTELMQ = {
    name.replace(".", "_"): name
    for name in [
        "source.ip",
        "source.port",
        "source.fqdn",
        "source.url",
        "source.asn",
        "source.network",
        "source.account",
        "source.reverse_dns",
        "source.local_hostname",
        "destination.ip",
        "destination.port",
        "destination.fqdn",
        "destination.url",
        "destination.asn",
        "destination.account",
        "classification.type",
        "classification.identifier",
        "classification.taxonomy",
        "malware.name",
        "malware.hash.md5",
        "malware.hash.sha1",
        "malware.hash.sha256",
        "malware.version",
        "protocol.transport",
        "protocol.application",
        "time.source",
        "event_description.text",
        "event_description.url",
        "event_description.target",
        "feed.name",
        "feed.provider",
        "feed.code",
        "source.as_name",
        "source.geolocation.cc",
        "source.geolocation.city",
        "source.local_ip",
        "comment",
        "severity",
        "status",
        "tlp",
        "product.name",
        "product.vendor",
        "product.version",
    ]
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The places (from 0) of what matters in a table. `intelmq` maps places to IntelMQ field names instead."""

    names: tuple[str, ...]
    places: dict[str, int] = field(default_factory=dict)
    classes: tuple[int, ...] = ()
    intelmq: dict[int, str] = field(default_factory=dict)
    zone: tzinfo | None = None

    def score(self) -> int:
        """How many columns are understood."""
        return len(self.intelmq) or len(self.places)


@lru_cache(maxsize=2048)
def plain_name(name: str) -> str:
    """A column's name as lower-case words with `_` between: `SrcIP` → `src_ip`, `Source Address` → `source_address`."""
    name = re.sub(r"IPv([46])", r"Ipv\1", name)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip()[:80])
    plain = re.sub(r"[^\w]+|_+", "_", name.lower()).strip("_")
    glued = _GLUED.fullmatch(plain)
    return f"{glued[1]}_{glued[2]}" if glued else plain


def columns_of(header: Sequence[str]) -> Columns | None:
    """The meaning of a header row, or None if no column can be a resource."""
    names = tuple(plain_name(name) for name in header[:200])
    own = {place: _INTELMQ[name] for place, name in enumerate(names) if name in _INTELMQ}
    certain = any(name.startswith(("time.", "classification.", "feed.")) for name in own.values()) or "." in "".join(
        header
    )
    if len(own) >= 3 and certain and any(name in ("source.ip", "source.fqdn", "source.url") for name in own.values()):
        return Columns(names, {}, (), own)
    found: dict[str, tuple[int, int]] = {}  # role → (rank, place); the lowest rank wins, then the first place
    for place, name in enumerate(names):
        for role, rank in _roles(name):
            if role not in found or rank < found[role][0]:
                found[role] = (rank, place)
    places = {role: place for role, (_, place) in found.items()}
    _settle(names, found, places)
    if places.get("date") == places.get("time"):
        places.pop("date", None)
    if not places.keys() & {"source.ip", "source.url", "source.fqdn"}:
        return None
    classes = [names.index(name) for name in _CLASSES if name in names]
    return Columns(names, places, tuple(dict.fromkeys(classes)), {}, _zone(header, places))


def _settle(names: Sequence[str], found: dict[str, tuple[int, int]], places: dict[str, int]) -> None:
    """Decide what a single name cannot: whose a bare `port` is, and whether `host` is the attacked one."""
    if "port" in places:
        side = "destination.port" if "destination.ip" in places and "destination.port" not in places else "source.port"
        places.setdefault(side, places["port"])
        del places["port"]
    weak = found.get("source.ip", (0, 0))[0] >= 4
    if weak and found["source.ip"][1] == places.get("source.fqdn"):
        # A column `host` may hold either; beside a request it is the server that was asked.
        if {"request", "method", "path", "query", "user_agent", "status"} & set(names):
            del places["source.ip"], places["source.fqdn"]
    elif "source.ip" in places and places.get("source.fqdn") is not None and {"request", "path", "method"} & set(names):
        places["destination.fqdn"] = places.pop("source.fqdn")
    if "source.url" in places and {"request", "user_agent", "referer"} & set(names) and "source.ip" in places:
        places["destination.url"] = places.pop("source.url")


@lru_cache(maxsize=2048)
def _roles(name: str) -> tuple[tuple[str, int], ...]:
    """What a name may mean, with ranks: 1 is explicit, 5 a guess."""
    words = set(name.split("_"))
    side, rank = _side(words)
    if words & _PORT and not words & {"count", "name", "speed"}:
        if words & {"dport", "dpt"}:
            side = "destination"
        elif words & {"sport", "spt"}:
            side = "source"
        return ((f"{side}.port", rank),) if side else (("port", 2),)
    if words & _URL and not words & _NOT_URL:
        return ((f"{side or 'source'}.url", rank if side else 2),)
    if words & _ADDRESS and not words & _NOT_ADDRESS:
        return ((f"{side or 'source'}.ip", rank if side else 2 if words & {"ip", "ipv4", "ipv6", "ips"} else 3),)
    if words & _HOST and not words & {"count", "registrar", "expiry"}:
        if words & {"reverse", "rdns", "ptr"}:
            return (("source.reverse_dns", 1),)
        roles: list[tuple[str, int]] = [
            (f"{side or 'source'}.fqdn", rank if side and side != "source" else 1 if words & {"fqdn", "domain"} else 2)
        ]
        if name in ("host", "hostname", "source_host", "src_host", "client_host", "remote_host"):
            roles.append(("source.ip", 4))
        return tuple(roles)
    if name in ("rdns", "reverse_dns", "ptr", "reverse"):
        return (("source.reverse_dns", 1),)
    if _is_time(words, name):
        rank = _time_rank(words, name)
        return (("time", rank), ("date", 1)) if rank == 6 else (("time", rank),)
    if name in _MALWARE:
        return (("malware", 1 if name.startswith("malware") else 2),)
    if words & {"protocol", "proto", "transport", "protocolo"} and len(words) <= 2:
        return (("protocol", 1),)
    if name in ("asn", "source_asn", "src_asn", "as_number", "asnumber"):
        return (("source.asn", 1),)
    if name in ("source", "src", "attacker", "attackers", "offender", "abuser", "client", "ioc", "indicator"):
        return (("source.ip", 3), ("source.any", 3))
    if name in ("destination", "dst", "target", "victim", "dest"):
        return (("destination.ip", 3),)
    if name in ("user", "username", "account", "login", "source_account"):
        return (("account", 1),)
    return ()


def _side(words: set[str]) -> tuple[str, int]:
    if words & _DESTINATION:
        return "destination", 1
    if words & _SOURCE:
        return "source", 1
    if words & _WEAK_SOURCE:
        return "source", 4
    return "", 0


def _is_time(words: set[str], name: str) -> bool:
    return bool(words & _TIME) and not words & _NOT_TIME and not name.endswith(("_data", "_name", "_type"))


def _time_rank(words: set[str], name: str) -> int:
    if name == "data":  # Portuguese and Italian for "date"
        return 8
    if words & {"timestamp", "datetime"} or {"date", "time"} <= words or name in ("time_source", "event_time", "ts"):
        return 2 if len(words) == 1 or "event" in words or "source" in words or "detected" in words else 3
    if words & {"first", "firstseen", "start", "begin"}:
        return 5
    if words & {"date", "fecha", "datum", "data"}:
        return 6
    return 4


def _zone(header: Sequence[str], places: dict[str, int]) -> tzinfo | None:
    """A zone named in the time column's own name: `timestamp(UTC+0)`, `time_utc`."""
    if "time" not in places:
        return None
    match = _ZONE_IN_NAME.search(header[places["time"]].replace("_", " ")[:100])
    if not match:
        return None
    if match[3] or match[2]:
        return offset_zone((match[3] or match[2]).replace(" ", ""))
    return abbreviation_zone("utc" if match[1].lower() == "zulu" else match[1])
