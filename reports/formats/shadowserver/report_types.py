# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which report a file is: told by its name, else by its columns."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from abusehandler.reports.formats.shadowserver.columns import column_names

# 2026-11-20-scan_dns-example-isp-asn64496.csv; the date and what follows the type may be missing.
# https://www.shadowserver.org/what-we-do/network-reporting/ ("filename" in the API's answer)
_NAME = re.compile(r"(?:\d{4}-?\d\d-?\d\d[-_])?([a-z][a-z0-9]*(?:_[a-z0-9]+)*)(?:[-.].*)?", re.DOTALL)
_TAGS = re.compile(r"[;,|\s]+")
_ENDINGS = re.compile(r"(?:\.(?:csv|txt|gz|gzip|zip))+$")

_TYPE_WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")

# Words before `_` or `6_` with which report types begin; a name without one of them is somebody else's file.
_BEGINNINGS = (
    "scan_", "scan6_", "event4_", "event6_", "population_", "population6_", "compromised_", "blocklist", "blacklist",
    "device_id", "malware_url", "phish_url", "spam_url", "sandbox_", "cwsandbox_", "special", "botnet_", "sinkhole",
    "microsoft_sinkhole", "hp_", "drone", "darknet", "ddos_", "caida_", "outdated_dnssec", "netis_", "cisco_",
    "dns_openresolver", "openresolver", "ssl_scan", "ransomware_", "vulnerable_",
)  # fmt: skip

# Columns that only one report type has, the telling ones first.
_TELLING = (
    (("http_referer_ip", "http_url"), "event4_sinkhole_http_referer"),
    (("src_ip", "dst_ip", "dst_netmask", "attack"), "event4_honeypot_ddos_target"),
    (("src_ip", "dst_ip", "payload_url", "username"), "event4_honeypot_brute_force"),
    (("src_ip", "dst_ip", "vulnerability_id", "http_request_method"), "event4_honeypot_http_scan"),
    (("src_ip", "dst_ip", "http_url", "http_agent", "forwarded_by"), "event4_sinkhole_http"),
    (("src_ip", "infection", "routedspoof"), "event4_ip_spoofer"),
    (("src_ip", "dst_ip", "infection", "count"), "event4_honeypot_darknet"),
    (("src_ip", "dst_ip", "dns_query"), "event4_sinkhole_dns"),
    (("src_ip", "dst_ip", "infection"), "event4_sinkhole"),
    (("ip", "http_host", "detected_since", "redirect_target"), "compromised_website"),
    (("ip", "type", "http_agent"), "sinkhole_http_drone"),
    (("ip", "cc_ip", "infection"), "botnet_drone"),
    (("ip", "dns_version", "min_amplification"), "scan_dns"),
    (("ip", "ipmi_version"), "scan_ipmi"),
    (("ip", "sysdesc", "community"), "scan_snmp"),
    (("ip", "bluekeep_vulnerable"), "scan_rdp"),
    (("ip", "smbv1_support"), "scan_smb"),
    (("ip", "mdns_name"), "scan_mdns"),
    (("ip", "couchdb_version"), "scan_couchdb"),
    (("ip", "freak_vulnerable", "ssl_poodle", "browser_trusted"), "scan_ssl"),
    (("ip", "serverkey_sha256"), "scan_ssh"),
    (("ip", "unique_service_name"), "scan_ssdp"),
    (("ip", "curr_connections", "pointer_size"), "scan_memcached"),
    (("ip", "supported_ldap_version"), "scan_ldap_tcp"),
    (("ip", "sip_code"), "scan_sip"),
    (("ip", "device_vendor", "device_type", "device_model", "naics"), "device_id"),
)

# What a report's header has, and hardly a table of somebody else: geography under these short names beside the rest.
_ALWAYS = frozenset(("timestamp", "asn", "geo"))


def is_shadowserver(header: list[str]) -> bool:
    """Whether a table with this header is a Shadowserver report."""
    names = frozenset(column_names(header[:500]))
    if "ip" in names:
        return names >= _ALWAYS
    return (
        "timestamp" in names
        and bool(names & {"src_ip", "http_referer_ip"})
        and bool(names & {"src_geo", "dst_geo", "http_referer_geo"})
    )


def detect_report_type(filename: str, header: list[str]) -> str | None:
    """The report type (`scan_dns`) from the file's name, else from the columns; None if neither tells.

    The name may have folders before it and `.csv`, `.gz`, `.zip` behind it. The type need not be known.
    """
    return _by_name(filename) or _by_columns(header)


def report_types_by_tag(header: list[str], cells: list[str]) -> list[str]:
    """Report types that the tag of a row may mean (`ssh` is what `scan_ssh` finds), the likeliest first."""
    names = column_names(header)
    if "tag" not in names or names.index("tag") >= len(cells):
        return []
    tags = [tag.replace("-", "_") for tag in _TAGS.split(cells[names.index("tag")][:200].lower()) if tag]
    return [candidate for tag in tags[:4] for candidate in (f"scan_{tag}", tag)]


def _by_name(filename: str) -> str | None:
    name = PurePosixPath(filename[-400:].replace("\\", "/")).name.lower().strip()
    found = _NAME.fullmatch(_ENDINGS.sub("", name))
    if found is None:
        return None
    report_type = found.group(1)
    if report_type.startswith(_BEGINNINGS):
        return report_type
    # CERTs pass reports on under names of their own, with the type somewhere in them.
    words = _ENDINGS.sub("", name).replace(" ", "-").split("-")
    return next((word for word in words if _TYPE_WORD.fullmatch(word) and word.startswith(_BEGINNINGS)), None)


def _by_columns(header: list[str]) -> str | None:
    names = frozenset(column_names(header[:500]))
    return next((report_type for columns, report_type in _TELLING if names.issuperset(columns)), None)
