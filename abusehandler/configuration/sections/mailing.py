# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys about mails that go out, and what follows from answers to them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from abusehandler.configuration.sections import MailAddress, Section


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
