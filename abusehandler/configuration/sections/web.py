# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys about the web pages, checks from outside, and what is told to other programs."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from abusehandler.configuration.sections import Section


class SingleSignOn(Section):
    issuer: str = Field(
        "",
        description="Address of your OpenID Connect provider, for example https://login.example.net/realms/noc; "
        "empty: none.",
    )
    client_id: str = Field("", description="Under which name the provider knows this portal.")
    client_secret_file: Path | None = Field(
        None, description="File whose first line is the client's secret; mode 0600."
    )
    label: str = Field("Single sign-on", description="What stands on the button.")
    role_claim: str = Field("groups", description="The claim of the identity token that holds the person's groups.")
    roles: dict[str, Literal["admin", "desk", "read-only"]] = Field(
        default_factory=dict,
        description="Group of the provider to role here. A person in none of them is let in only where 'abusehandler user add' "
        "named the login before.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> SingleSignOn:
        if self.issuer and not (self.client_id and self.client_secret_file):
            raise ValueError("issuer is set, so client_id and client_secret_file must be set, too")
        local = ("http://localhost:", "http://127.0.0.1:", "http://[::1]:")
        if self.issuer and not self.issuer.startswith(("https://", *local)):
            raise ValueError("issuer must begin with https://")
        return self


class Portal(Section):
    public_url: str = Field(
        "",
        description="Under which address people reach the portal, for example https://abuse.example.net. "
        "Empty: there is no portal, and nobody gets in.",
    )
    socket: Path | None = Field(
        None, description="Unix socket for the web server in front; where it is set, host and port do not count."
    )
    host: Literal["127.0.0.1", "::1"] = Field("127.0.0.1", description="Loopback address to listen on.")
    port: int = Field(8480, ge=1, le=65535, description="Port to listen on.")
    proxies: int = Field(
        1,
        ge=0,
        le=5,
        description="How many web servers of yours stand in front, each adding to X-Forwarded-For; 0: the header is not believed.",
    )
    session_hours: float = Field(12, gt=0, le=720, description="After so long a person logs in again.")
    idle_minutes: float = Field(120, gt=0, le=10_080, description="A session that is not used for so long ends.")
    seal_file: Path | None = Field(
        None,
        description="File with the key that seals the secrets of second factors in the database, mode 0600; 'openssl rand -hex 32' "
        "makes one. Keep it apart from the database's backups. Secrets from before are sealed at the next login.",
    )
    database_connections: int = Field(8, ge=1, le=200, description="How many requests may use PostgreSQL at once.")
    api_per_minute: int = Field(
        600,
        ge=1,
        le=1_000_000,
        description="How many requests one API token may make in a minute, for each portal process.",
    )
    single_sign_on: SingleSignOn = Field(
        default_factory=lambda: SingleSignOn(), description="Login by OpenID Connect, beside passwords."
    )

    @field_validator("public_url")
    @classmethod
    def _url_is_origin(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]{1,255}", value.rstrip("/")):
            raise ValueError("write the scheme and name alone, for example https://abuse.example.net")
        local = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$", value.rstrip("/"))
        if value.startswith("http://") and not local:
            raise ValueError("passwords would cross the network readable: write https://")
        return value.rstrip("/")


class SelfHelp(Section):
    links: bool = Field(
        True,
        description="Whether notices hold a link to the customer's own page; there is none without portal: public_url.",
    )
    opens: Literal["customer", "ticket"] = Field(
        "customer",
        description="What a notice's link opens: all open tickets of the customer, or, when the notice is about one, that ticket alone.",
    )
    days: int = Field(180, ge=1, le=3650, description="A link is good for so long at most.")
    days_after_close: int = Field(
        14, ge=0, le=365, description="A link ends so long after the last ticket behind it was closed."
    )
    pages_per_minute: int = Field(
        120, ge=5, le=100_000, description="So many pages one address may open in a minute; wrong links count tenfold."
    )
    colour: str = Field(
        "",
        pattern=r"^(#[0-9a-f]{6})?$",
        description="Your colour, for example '#1d5fd1'; made darker or lighter where it would be hard to read.",
    )
    logo: Path | None = Field(None, description="Your logo, PNG, JPEG, WebP or SVG, at most 500 kB.")
    texts: dict[Literal["greeting", "contact", "footer"], str | dict[str, str]] = Field(
        default_factory=dict,
        description="Words of your own, a text or one for each language: greeting stands at the top of the page, contact says how "
        "to reach you, footer stands below (imprint, privacy). An account's own words come before these.",
    )


class Recheck(Section):
    enabled: bool = Field(
        False,
        description="Whether customers and the desk may ask for one harmless probe of an address of yours that has such a ticket.",
    )
    probes: tuple[str, ...] = Field(
        (), description="Names of probes that may be used; empty: all. See docs/self-help.md."
    )
    timeout_seconds: float = Field(3, gt=0, le=15, description="So long an answer is waited for.")
    pause_seconds: float = Field(60, ge=1, le=86_400, description="So long one address is left alone after a probe.")
    per_address_hour: int = Field(6, ge=1, le=100, description="Probes of one address within an hour at most.")
    per_customer_hour: int = Field(
        30, ge=1, le=1000, description="Probes that one customer may ask for within an hour."
    )
    at_once: int = Field(4, ge=1, le=32, description="So many probes run at the same time.")
    dns_name: str = Field(
        "example.com", pattern=r"^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,5}$",
        description="The name that a suspected open resolver is asked for; not one of your own.",
    )  # fmt: skip


class Webhooks(Section):
    allowed_networks: tuple[str, ...] = Field(
        (),
        description="Networks to which webhooks may go although they are not public or are yours, for example 10.1.2.3/32; "
        "elsewhere only public addresses that are not in networks: prefixes are reached.",
    )
    timeout_seconds: float = Field(15, ge=1, le=60, description="How long a receiver may take for one message.")

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                raise ValueError(f"{value!r} is not a network: {error}; write for example 10.1.2.3/32") from error
        return values
