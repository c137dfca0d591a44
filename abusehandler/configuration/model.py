# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keys of abusehandler.yaml, their types, defaults and meaning.

Descriptions are written for the operator: `abusehandler config explain KEY` prints them.
"""

from __future__ import annotations

import ipaddress
import re
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
    receipts: bool = Field(
        False,
        description="true: the mail server is asked for a receipt of each delivery (DSN, RFC 3461), not just news of failure and delay.",
    )

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Smtp:
        if self.user and self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("a login without encryption is refused: set security to starttls or tls")
        if self.user and self.password_file is None:
            raise ValueError("user is set, so password_file must name the file with the password")
        return self


class Sign(Section):
    pgp_key: Path | None = Field(
        None,
        description="Secret OpenPGP key as 'gpg --armor --export-secret-keys' writes it, mode 0600; mails are PGP/MIME.",
    )
    smime_key: Path | None = Field(None, description="Secret key for S/MIME, PEM, mode 0600; ECDSA or RSA.")
    smime_certificate: Path | None = Field(
        None, description="Its certificate, PEM; certificates of the authorities follow in the same file."
    )
    passphrase_file: Path | None = Field(None, description="File whose first line opens the key; mode 0600.")

    @model_validator(mode="after")
    def _is_one_way(self) -> Sign:
        if self.pgp_key is not None and self.smime_key is not None:
            raise ValueError("a mail is signed in one way: set pgp_key, or smime_key with smime_certificate")
        if (self.smime_key is None) != (self.smime_certificate is None):
            raise ValueError("smime_key and smime_certificate belong together: set both")
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
    templates: Path | None = Field(
        None,
        description="Folder with mail templates of your own, <language>/<kind>.txt.j2 and so on; they are used before ours. "
        "See docs/notices.md.",
    )
    sign: Sign = Field(default_factory=lambda: Sign(), description="Whether and how mails are signed.")
    answer_secret_file: Path | None = Field(
        None,
        description="File with the secret that signs the reply and bounce addresses of our mails (abuse+n12.…@), mode 0600; "
        "'abusehandler answer new-secret' makes it. Without it the plain sender is used. Your mail server must deliver "
        "sub-addresses of the sender to the abuse mailbox.",
    )
    subaddress_delimiter: str = Field(
        "+",
        pattern=r"^[+=_-]$",
        description="What your mail server takes between a name and its sub-address (Postfix: recipient_delimiter).",
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


class Answers(Section):
    reply_means: Literal["nothing", "working"] = Field(
        "nothing",
        description="'working': when a contact of the customer replies, the customer's side of the ticket goes from open to working.",
    )
    soft_bounces: int = Field(
        3,
        ge=1,
        le=100,
        description="So many mails lost within 30 days for passing reasons (mailbox full, refused as spam) mark an address as bouncing.",
    )
    acknowledge: bool = Field(
        False, description="true: a reporter whose mail was proven to be his gets one acknowledgement a day."
    )
    outcome: bool = Field(
        False, description="true: such a reporter is told when all tickets that his report brought about are closed."
    )
    not_to: tuple[str, ...] = Field(
        (), description="Addresses and domains of reporters who get neither; reporters that are machines, for example."
    )
    mails_per_day: int = Field(
        10,
        ge=1,
        le=1000,
        description="Mails of all kinds that one reporter's address gets from us in 24 hours at most.",
    )


class Tickets(Section):
    ipv6_prefix: int = Field(64, ge=32, le=128, description="IPv6 addresses that share this many bits share a ticket.")


class Retention(Section):
    events_months: int | None = Field(
        None,
        ge=1,
        le=1200,
        description="So many whole months of events are kept beside the present one; all if it is not set.",
    )
    closed_tickets_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Tickets go so long after closing, with notices, notes and history, once their events are gone; never if not set.",
    )
    reports_days: int | None = Field(
        None, ge=1, le=36500, description="Reports and their evidence go so long after receipt; never if it is not set."
    )
    mail_texts_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="The text of a sent notice goes so long after sending; that it was sent stays known.",
    )
    answers_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Answers to closed tickets and their files go so long after they came; with the ticket if not set.",
    )
    sessions_days: int | None = Field(
        30, ge=1, le=36500, description="Sessions of the portal go so long after their end."
    )
    audit_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Lines of the audit trail go after so long, except those about erasures; never if it is not set.",
    )


class RulesFile(Section):
    path: Path = Field(
        Path("rules.yaml"),
        description="The file with rules about tickets and notices; without such a file the defaults apply. See docs/rules.md.",
    )


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
    answers: Answers = Field(
        default_factory=lambda: Answers(),
        description="What follows from bounces and replies, and what reporters are told.",
    )
    tickets: Tickets = Field(default_factory=lambda: Tickets(), description="How events become tickets.")
    retention: Retention = Field(
        default_factory=lambda: Retention(), description="How long things are kept; for ever where nothing is said."
    )
    rules: RulesFile = Field(default_factory=lambda: RulesFile(), description="How tickets live, as data.")
    mailbox: Mailbox = Field(default_factory=lambda: Mailbox(), description="What comes in by mail.")
    reading: Reading = Field(default_factory=lambda: Reading(), description="How reports are read.")
    portal: Portal = Field(default_factory=lambda: Portal(), description="The web desk and self-help.")
    self_help: SelfHelp = Field(default_factory=lambda: SelfHelp(), description="The customers' own pages.")
    webhooks: Webhooks = Field(
        default_factory=lambda: Webhooks(), description="Where webhooks may go, see docs/api.md."
    )
    recheck: Recheck = Field(default_factory=lambda: Recheck(), description="Checks from outside, on request.")
    backup: Backup = Field(default_factory=lambda: Backup(), description="Where backups lie and how many are kept.")
    monitoring: Monitoring = Field(
        default_factory=lambda: Monitoring(), description="What 'abusehandler doctor' looks at."
    )
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
