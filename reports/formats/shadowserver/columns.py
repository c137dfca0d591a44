# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What Shadowserver's columns mean, by their names alone; the same in all reports.

Field lists: https://www.shadowserver.org/what-we-do/network-reporting/ (one page for each report).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from abusehandler.reports.formats.shadowserver import values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abusehandler.harmonization.catalogue import Feed
    from abusehandler.reports.formats.shadowserver.values import Converter


class Target(NamedTuple):
    """Where a column goes, how, and where its text goes when the field cannot hold it."""

    key: str
    convert: Converter
    misfit_key: str


# The parts that `src_`, `dst_`, `cc_` or nothing stand before.
_PARTY = {
    "ip": "{0}.ip",
    "port": "{0}.port",
    "asn": "{0}.asn",
    "as_name": "{0}.as_name",
    "geo": "{0}.geolocation.cc",
    "region": "{0}.geolocation.region",
    "city": "{0}.geolocation.city",
    "hostname": "{0}.reverse_dns",
    "naics": "extra.{0}.naics",
    "sic": "extra.{0}.sic",
    "sector": "extra.{0}.sector",
}

_FIXED = {
    "timestamp": "time.source",
    "protocol": "protocol.transport",
    "application": "protocol.application",
    "severity": "severity",
    "infection": "malware.name",
    "device_vendor": "product.vendor",
    "device_model": "product.name",
    "device_version": "product.version",
    "cc_dns": "destination.fqdn",
    # In IntelMQ's nested form, extra.os, extra.source and extra.destination are objects and cannot be texts as well.
    "os": "extra.os.name",
    "p0f_genre": "extra.os.name",
    "p0f_detail": "extra.os.version",
    "source": "extra.source_name",
    "destination": "extra.destination_name",
}

_WHOLE = frozenset((
    "response_size", "content_length", "http_code", "cert_length", "ssl_version", "packets", "bytes", "count",
    "duration", "packet_length", "amplification_factor", "tcp_port", "http_port", "internal_port",
    "server_port", "video_input_channels", "alarm_input_channels", "video_output_channels",
    "alarm_output_channels", "remote_video_input_channels", "pid", "pointer_size", "uptime", "curr_connections",
    "total_connections", "ack_number", "window_size", "domain_controller_functionality", "domain_functionality",
    "forest_functionality", "highest_committed_usn", "number_of_connections", "body_length", "avg_pps", "max_pps", "status_code",
))  # fmt: skip
_NONZERO = frozenset(
    ("sequence_number", "urgent_pointer", "next_extension_offset", "http_referer_naics", "http_referer_sic")
)
_DECIMAL = frozenset(("amplification", "min_amplification", "vulnerability_score"))
_TRUTH = frozenset((
    "ssl_poodle", "freak_vulnerable", "cert_valid", "cert_expired", "self_signed", "browser_trusted",
    "anonymous_access", "none_auth", "md2_auth", "md5_auth", "passkey_auth", "oem_auth", "permessage_auth",
    "userlevel_auth", "usernames", "nulluser", "anon_login", "is_global_catalog_ready", "is_synchronized",
    "ipv4_dhcp_enable", "ipv6_dhcp_enable", "http_usessl",
))  # fmt: skip
_MOMENT = frozenset(("start_time", "end_time", "first_seen", "last_seen"))
# Reports write 0 or "unknown" where such a column has nothing to say.
_KNOWN_TEXT = frozenset(
    ("errorcode", "smb_revision", "validation_level", "handshake", "jarm", "device_type", "device_sector")
)

_NAME = re.compile(r"[^a-z0-9_]+")


def column_names(header: Sequence[str]) -> list[str]:
    """The names in small letters with nothing but letters, digits and `_`; repeated and empty ones numbered."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for position, cell in enumerate(header, 1):
        name = _NAME.sub("_", cell.strip().lower()).strip("_")[:80] or f"column_{position}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def targets(names: Sequence[str], feed: Feed) -> list[Target | None]:
    """For each column its target; None for one that the feed leaves out."""
    return [_target(name, frozenset(names), feed) for name in names]


def parties(names: frozenset[str]) -> Mapping[str, str]:
    """Which beginning of a column's name speaks of which party.

    Events name both sides. In the others the columns without beginning speak of the reported host, also where
    `src_` columns stand beside them (spam_url: who mailed the URL).
    """
    if "ip" in names or not names & {"src_ip", "http_referer_ip"}:
        return {"": "source", "dst_": "destination", "cc_": "destination"}
    if "src_ip" in names:
        return {"src_": "source", "dst_": "destination"}
    return {"http_referer_": "source", "dst_": "destination"}


def _target(name: str, names: frozenset[str], feed: Feed) -> Target | None:
    extra = _FIXED.get(name, "")
    extra = extra if extra.startswith("extra.") else f"extra.{name}"
    if name in feed.columns:
        field = feed.columns[name]
        return _to_field(field, name, extra) if field else None
    for beginning, party in parties(names).items():
        if name.startswith(beginning) and (field := _PARTY.get(name[len(beginning) :], "")):
            return _to_field(field.format(party), name, extra)
    if name == "src_port" and "port" not in names and "ip" in names:
        return _to_field("source.port", name, extra)
    if name == "http_referer" and "http_referer_ip" in names:
        # The page that sent visitors to the sinkhole is what the report is about.
        return _to_field("source.url", name, extra)
    if name == "mac_address":
        return Target("extra.mac_address", values.lower, extra)
    return _to_field(_FIXED.get(name, extra), name, extra)


def _to_field(field: str, column: str, misfit_key: str) -> Target:
    if misfit_key == field:
        misfit_key = f"extra.{column}"
    return Target(field, _converter(field, column), misfit_key)


_BY_FIELD: Mapping[str, Converter] = {
    "time.source": values.moment,
    "severity": values.severity,
    "protocol.transport": values.transport,
    "protocol.application": values.application,
    "malware.name": values.printable,
    "source.network": values.network,
    "destination.network": values.network,
    "product.vendor": values.lower,
    "product.name": values.lower,
    "product.version": values.lower,
    "product.vulnerabilities": values.lower,
}
_BY_LAST: Mapping[str, Converter] = {
    "ip": values.address,
    "local_ip": values.address,
    "port": values.port,
    "asn": values.asn,
    "cc": values.country,
    "reverse_dns": values.host,
    "fqdn": values.host,
    "url": values.url,
    "md5": values.file_hash,
    "sha1": values.file_hash,
    "sha256": values.file_hash,
}


def _converter(field: str, column: str) -> Converter:
    if not field.startswith("extra."):
        return _BY_FIELD.get(field) or _BY_LAST.get(field.rpartition(".")[2]) or values.text
    if field.endswith((".naics", ".sic")) or column in _NONZERO:
        return values.nonzero
    for columns, convert in (
        (_WHOLE, values.whole),
        (_DECIMAL, values.decimal),
        (_TRUTH, values.truth),
        (_MOMENT, values.moment),
        (_KNOWN_TEXT, values.known_text),
    ):
        if column in columns:
            return convert
    return values.http_date if column == "http_date" else values.text
