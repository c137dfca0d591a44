# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keys of abusehandler.yaml, their types, defaults and meaning.

Descriptions are written for the operator: `abusehandler config explain KEY` prints them.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from abusehandler.reports.links.prefix import LinkPrefix


class Section(BaseModel):
    """A part of the file; a key that is not known here is an error, not a silent no."""

    model_config = ConfigDict(extra="forbid", frozen=True)


MailAddress = Annotated[str, Field(pattern=r"^[^@\s<>\"]+@[^@\s<>\"]+$", max_length=254)]


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


class Smtp(Section):
    host: str = Field("localhost", description="Your mail server.")
    port: int = Field(25, ge=1, le=65535, description="25, 587 (starttls) or 465 (tls).")
    security: Literal["none", "starttls", "tls"] = Field(
        "none", description="'none' is for a server on this machine only."
    )
    user: str = Field("", description="Login name; empty means no login.")
    password_file: Path | None = Field(None, description="File whose first line is the password; mode 0600.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's.")
    timeout_seconds: float = Field(30, gt=0, le=600, description="How long the mail server may take for each answer.")
    hello_name: str = Field("", description="Name said in EHLO; empty means this machine's own.")

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Smtp:
        if self.user and self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("a login without encryption is refused: set security to starttls or tls")
        if self.user and self.password_file is None:
            raise ValueError("user is set, so password_file must name the file with the password")
        return self


class Mail(Section):
    sender: MailAddress | None = Field(
        None, description="From address of notices; the organisation's abuse_address where it is not set."
    )
    sender_name: str = Field("", description="Name beside the From address; the organisation's name where it is empty.")
    domain: str = Field("", description="Right side of the Message-IDs we make; the sender's domain where it is empty.")
    trusted_hosts: tuple[str, ...] = Field(
        (), description="Names (authserv-id) of your own mail servers; only their Authentication-Results count."
    )
    own_addresses: tuple[MailAddress, ...] = Field(
        (), description="More addresses of yours: mail from them is never a report."
    )
    smtp: Smtp = Field(default_factory=lambda: Smtp(), description="Where notices are handed in.")


class Notices(Section):
    hold: bool = Field(False, description="true: no notice goes out before a person approved it.")
    settle_seconds: float = Field(
        60,
        ge=0,
        le=86400,
        description="How long a new ticket waits for others of the same customer, to go in one mail.",
    )
    repeat_hours: float = Field(
        24, ge=0, le=8760, description="How long after a notice an update about the same ticket may follow."
    )
    digest_hour: int = Field(
        8, ge=0, le=23, description="Hour of the day, in the organisation's time zone, for daily and weekly policies."
    )
    policy: Literal["catalogue", "at-once", "daily", "weekly", "never"] = Field(
        "catalogue", description="'catalogue' follows each problem's own policy; another word overrules all."
    )
    in_doubt: Literal["ask", "resend"] = Field(
        "ask",
        description="What to do with a mail of which a crash left open whether the mail server had taken it: "
        "'ask' leaves it to you, 'resend' sends it again under the same Message-ID.",
    )


class Tickets(Section):
    ipv6_prefix: int = Field(64, ge=32, le=128, description="IPv6 addresses that share this many bits share a ticket.")


class Mailbox(Section):
    max_mail_bytes: int = Field(
        52_428_800, ge=10_000, description="Larger mails are kept as evidence and wait for a person."
    )
    verify_signatures: bool = Field(
        True,
        description="Whether DKIM and ARC signatures are checked when a mail is read, by DNS; the verdict stays with the report.",
    )
    link_prefixes: tuple[str, ...] = Field(
        (),
        description="Beginnings of links that may be fetched when a mail holds only a link to the report, for example "
        "https://dl.shadowserver.org/; empty fetches nothing. See docs/links-and-signatures.md.",
    )
    max_link_bytes: int = Field(
        268_435_456, ge=10_000, description="A file behind a link that is larger than this is not fetched."
    )

    @field_validator("link_prefixes")
    @classmethod
    def _prefixes_are_safe(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            LinkPrefix.of(value)
        return values


class Reading(Section):
    sure_enough: float = Field(
        0.5, ge=0, le=1, description="Free text read with less sureness than this waits for a person."
    )
    reporters: Path | None = Field(None, description="Folder with reporter definitions of your own.")
    catalogue: Path | None = Field(None, description="File with problems and feeds of your own.")


class Configuration(Section):
    """The whole file."""

    organisation: Organisation = Field(description="Who you are.")
    networks: Networks = Field(default_factory=lambda: Networks(), description="What is yours.")
    database: Database = Field(default_factory=lambda: Database(), description="Where tickets are kept.")
    evidence: Evidence = Field(description="Where raw reports are kept.")
    customers: dict[str, Any] = Field(
        description="Where customers are found: a connector and its settings, see docs/connect-your-crm.md."
    )
    mail: Mail = Field(default_factory=lambda: Mail(), description="How mail is sent and whom to believe.")
    notices: Notices = Field(default_factory=lambda: Notices(), description="When customers are told.")
    tickets: Tickets = Field(default_factory=lambda: Tickets(), description="How events become tickets.")
    mailbox: Mailbox = Field(default_factory=lambda: Mailbox(), description="What comes in by mail.")
    reading: Reading = Field(default_factory=lambda: Reading(), description="How reports are read.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(
        None, description="How much our bots log; what runtime.yaml says as logging_level where it is not set."
    )

    @property
    def sender(self) -> str:
        """The From address of notices."""
        return self.mail.sender or self.organisation.abuse_address

    @property
    def message_id_domain(self) -> str:
        """The right side of our Message-IDs."""
        return self.mail.domain or self.sender.rpartition("@")[2]

    @property
    def own_addresses(self) -> frozenset[str]:
        """Addresses from which a mail is a loop or an answer, lower case."""
        return frozenset(a.lower() for a in (self.organisation.abuse_address, self.sender, *self.mail.own_addresses))
