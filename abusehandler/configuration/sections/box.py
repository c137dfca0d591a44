# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys about the operator and the machine: who it is, what is its own, where data lies, what is watched."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from abusehandler.configuration.sections import MailAddress, Section


class Organisation(Section):
    name: str = Field(min_length=1, max_length=200, description="Name of your company, as customers know it.")
    abuse_address: MailAddress = Field(
        description="The mail address to which reports come, for example abuse@example.net."
    )
    language: str = Field(
        "en", pattern=r"^[a-z]{2}$", description="Language of notices where the customer has none of his own."
    )
    time_zone: str = Field(
        "UTC", description="Time zone in which times are shown to people, for example Europe/Vienna."
    )
    website: str = Field("", description="Where customers find you; printed below notices.")
    phone: str = Field("", description="Telephone number printed below notices; empty prints none.")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("write a name of the IANA time zone list, for example Europe/Vienna or UTC") from error
        return value


class Networks(Section):
    prefixes: tuple[str, ...] = Field((), description="Your networks in CIDR form, IPv4 and IPv6.")
    asns: tuple[int, ...] = Field((), description="Your AS numbers, without 'AS'.")
    domains: tuple[str, ...] = Field((), description="Domains whose host names are yours.")

    @field_validator("prefixes")
    @classmethod
    def _prefixes_are_networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                try:
                    meant = f"write {ipaddress.ip_network(value, strict=False)}"
                except ValueError:
                    meant = "write for example 192.0.2.0/24 or 2001:db8::/32"
                raise ValueError(f"{value!r} is not a network: {error}; {meant}") from error
        return values

    @field_validator("domains")
    @classmethod
    def _domains_are_lower(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(value.lower().strip(".") for value in values)


class Database(Section):
    dsn: str = Field(
        "dbname=abusehandler",
        description="How to reach PostgreSQL, in libpq's form, for example 'dbname=abusehandler host=/run/postgresql'. "
        "Keep a password in ~/.pgpass or a file named by passfile=, not here.",
    )


class Evidence(Section):
    path: Path = Field(description="Folder in which the raw bytes of each report are kept.")


class Backup(Section):
    path: Path = Field(
        Path("/var/backups/abusehandler"),
        description="Folder of backups, where 'abusehandler backup' is not told another.",
    )
    keep: int = Field(7, ge=1, le=1000, description="So many backups are kept there.")
    max_age_hours: float = Field(26, gt=0, le=8760, description="'abusehandler doctor' warns when the newest is older.")


class Monitoring(Section):
    dkim_selectors: tuple[str, ...] = Field(
        (),
        description="Selectors under which your mail server signs mails of the sender's domain; doctor looks them up.",
    )
    silent_hours: float = Field(
        72, gt=0, le=8760, description="doctor warns when a source that reported within 30 days is silent for so long."
    )
    skip: tuple[str, ...] = Field(
        (), description="Checks of 'abusehandler doctor' that do not concern you, for example dmarc."
    )
