# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Text of a cell to the value of an event field.

Every converter takes the cell's text (never empty) and gives the value as IntelMQ's sanitation would leave it, None
when the text says "nothing", or MISFIT when the field cannot hold it. None of them raises.
"""

from __future__ import annotations

import ipaddress
import math
import re
import socket
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    Converter = Callable[[str], Any]


class _Misfit:
    def __repr__(self) -> str:
        return "MISFIT"


MISFIT: Final = _Misfit()

#: JSON and PostgreSQL hold whole numbers of 64 bits.
_GREATEST = 2**63 - 1

_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: ?(?:(Z|UTC|GMT)|([+-])(\d\d):?(\d\d)))?",
    re.ASCII,
)
# RFC 9110, 5.6.7
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_PRINTABLE = re.compile(r"[ -~]+")
_CC = re.compile(r"[A-Z0-9]{2}")
_HEX = re.compile(r"[0-9A-Fa-f]{32,128}")

# IANA protocol names that reports use; anything else in such a column is no transport.
_TRANSPORTS = frozenset(
    ("tcp", "udp", "icmp", "icmp6", "ipv6-icmp", "sctp", "gre", "dccp", "esp", "ah", "igmp", "ipip")
)
# A column "application" also carries names of malware; those are no protocols.
_APPLICATIONS = frozenset((
    "http", "https", "ssh", "telnet", "ftp", "ftps", "smtp", "smtps", "imap", "imaps", "pop3", "pop3s", "rdp",
    "vnc", "smb", "dns", "ntp", "snmp", "sip", "sips", "socks", "socks4", "socks5", "mysql", "mssql",
    "postgres", "postgresql", "redis", "mongodb", "mqtt", "mqtts", "amqp", "ldap", "ldaps", "tftp", "rsync",
    "adb", "cwmp", "upnp", "ssdp", "coap", "rtsp", "modbus", "s7", "s7comm", "bacnet", "iec104", "iec-104",
    "enip", "ethernetip", "dnp3", "fox", "kamstrup", "guardian_ast", "ike", "ikev2", "isakmp", "ipmi",
    "kerberos", "netbios", "nfs", "pptp", "openvpn", "wireguard", "quic", "tls", "ssl", "irc", "rocketmq",
    "elasticsearch", "memcached", "winbox", "docker", "kubernetes",
))  # fmt: skip
_TRUE = frozenset(("y", "yes", "true", "enabled", "1", "t"))
_FALSE = frozenset(("n", "no", "false", "disabled", "0", "f"))
_SEVERITIES = frozenset(("critical", "high", "medium", "low", "info"))


def text(cell: str) -> Any:
    """The text without white space around it."""
    return cell.strip() or None


def lower(cell: str) -> Any:
    """The text in small letters."""
    return cell.strip().lower() or None


def printable(cell: str) -> Any:
    """Small letters, printable ASCII: `malware.name`."""
    value = cell.strip().lower()
    if not value:
        return None
    return value if len(value) <= 200 and _PRINTABLE.fullmatch(value) else MISFIT


def application(cell: str) -> Any:
    """The name of a known application protocol."""
    value = cell.strip().lower()
    if not value:
        return None
    return value if value in _APPLICATIONS else MISFIT


def transport(cell: str) -> Any:
    """The name of a transport protocol."""
    value = cell.strip().lower()
    if not value:
        return None
    return value if value in _TRANSPORTS else MISFIT


def severity(cell: str) -> Any:
    """IntelMQ's `severity`; `undefined` leaves the report's own."""
    value = cell.strip().lower()
    if value in ("", "undefined"):
        return None
    return value if value in _SEVERITIES else MISFIT


def address(cell: str) -> Any:
    """An IP address in canonical text; neither a network nor `0.0.0.0`, which IntelMQ does not allow."""
    value = cell.strip()
    if ":" not in value:
        # inet_pton takes nothing but four plain decimal numbers, and is ten times as fast as ipaddress.
        try:
            packed = socket.inet_pton(socket.AF_INET, value)
        except (OSError, ValueError):
            return MISFIT if value else None
        return MISFIT if packed == b"\0\0\0\0" else socket.inet_ntop(socket.AF_INET, packed)
    try:
        return str(ipaddress.IPv6Address(value.partition("%")[0]))
    except ValueError:
        return MISFIT


def network(cell: str) -> Any:
    """A network as prefix, host bits cleared."""
    value = cell.strip()
    if not value:
        return None
    try:
        return str(ipaddress.ip_network(value, strict=False)) if "/" in value and len(value) < 60 else MISFIT
    except ValueError:
        return MISFIT


def port(cell: str) -> Any:
    """A port from 1 to 65535; 0 says "none"."""
    value = cell.strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 5):
        return MISFIT if value else None
    number = int(value)
    return (number or None) if number <= 65535 else MISFIT


def asn(cell: str) -> Any:
    """An AS number; 0 says "not known"."""
    value = cell.strip()
    if value[:2] in ("AS", "as"):
        value = value[2:]
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        return MISFIT if value else None
    number = int(value)
    return (number or None) if number <= 4294967295 else MISFIT


def country(cell: str) -> Any:
    """A country as two characters, capital."""
    value = cell.strip().upper()
    if not value:
        return None
    return value if _CC.fullmatch(value) else MISFIT


def host(cell: str) -> Any:
    """A host name: small letters, A-labels, no dot at the end; no IP address."""
    value = cell.strip().strip(".").lower()
    if not value:
        return None
    if len(value) > 253:
        return MISFIT
    if not value.isascii():
        try:
            value = value.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return MISFIT
    if not _HOST.fullmatch(value):
        return MISFIT
    return MISFIT if value[-1].isdigit() and address(value) is not MISFIT else value


def url(cell: str) -> Any:
    """A URL with scheme and host, `hxxp` made `http`."""
    value = cell.strip()
    if not value:
        return None
    if value[:4].lower() == "hxxp":
        value = "http" + value[4:]
    try:
        parts = urlsplit(value)
    except ValueError:
        return MISFIT
    return value if parts.scheme and parts.netloc and not any(mark.isspace() for mark in parts.netloc) else MISFIT


def file_hash(cell: str) -> Any:
    """A file's hash in hexadecimal."""
    value = cell.strip()
    if not value:
        return None
    return value if _HEX.fullmatch(value) else MISFIT


def whole(cell: str) -> Any:
    """A whole number."""
    value = cell.strip()
    digits = value[1:] if value[:1] == "-" else value
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        return MISFIT if value else None
    number = int(value)
    return number if -_GREATEST <= number <= _GREATEST else MISFIT


def nonzero(cell: str) -> Any:
    """A whole number for which 0 says "not known"."""
    number = whole(cell)
    return number or None


def decimal(cell: str) -> Any:
    """A number with a fraction; neither infinite nor NaN, which JSON does not know."""
    try:
        number = float(cell) if len(cell) <= 40 and cell.isascii() and "_" not in cell else math.nan
    except ValueError:
        return MISFIT if cell.strip() else None
    return number if math.isfinite(number) else MISFIT


def truth(cell: str) -> Any:
    """Yes or no in the spellings that reports have."""
    value = cell.strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    return None if value in ("", "unknown", "-") else MISFIT


def known_text(cell: str) -> Any:
    """A text for which `0` and `unknown` say nothing."""
    value = cell.strip()
    return None if value in ("", "0", "unknown") else value


def moment(cell: str) -> Any:
    """A time as `YYYY-MM-DDTHH:MM:SS+00:00`; without zone it is UTC, as Shadowserver's are. Nothing is guessed."""
    value = cell.strip()
    if not value:
        return None
    if len(value) == 19 and value[4] == value[7] == "-" and value[13] == value[16] == ":" and value[10] in " T":
        # Nearly all times look so. The separators rule out the other forms that fromisoformat takes since Python 3.11.
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return MISFIT
        return f"{value[:10]}T{value[11:]}+00:00" if value >= "1990" and value.isascii() else MISFIT
    found = _TIME.fullmatch(value)
    if found is None:
        return MISFIT
    year, month, day, hour, minute, second, fraction, _, sign, off_hours, off_minutes = found.groups()
    try:
        at = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second),
            int(fraction[:6].ljust(6, "0")) if fraction else 0, tzinfo=timezone.utc,
        )  # fmt: skip
        if sign:
            offset = timedelta(hours=int(off_hours), minutes=int(off_minutes))
            at = at - offset if sign == "+" else at + offset
    except (ValueError, OverflowError):
        return MISFIT
    # Nothing in a report is older than its first feed; such years are mistakes such as 0001-01-01.
    return at.isoformat() if at.year >= 1990 else MISFIT


def http_date(cell: str) -> Any:
    """A Date header's time, or any that `moment` takes."""
    found = _HTTP_DATE.fullmatch(cell.strip())
    if found is None:
        return moment(cell)
    day, month, year, hour, minute, second = found.groups()
    try:
        at = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=timezone.utc
        )  # fmt: skip
    except (ValueError, KeyError):
        return MISFIT
    return at.isoformat()
