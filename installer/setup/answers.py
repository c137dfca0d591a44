# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the installer cannot know: the answers, from a file or from a terminal, kept in answers.yaml.

No secret stands in them, only files that hold one. docs/install.md tells of every key.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from abusehandler.configuration.load import load_checked
from abusehandler.configuration.sections import MailAddress, Section
from abusehandler.configuration.sections.box import Networks, Organisation
from abusehandler.configuration.sections.mailing import Smtp

if TYPE_CHECKING:
    from abusehandler.installer.setup.system import System

#: What can be read; the keys are the names of the pipelines in runtime/.
Pipeline = Literal["everything", "shadowserver", "mail"]
HOST_NAME = r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}"


class Customers(Section):
    file: Path | None = Field(
        None, description="CSV file with your customers' networks; copied once to /etc/abusehandler."
    )
    connector: dict[str, Any] | None = Field(
        None, description="Instead: the 'customers' section of abusehandler.yaml, see docs/connect-your-crm.md."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Customers:
        if self.file is not None and self.connector is not None:
            raise ValueError("file and connector are both set: keep one")
        return self


class Shadowserver(Section):
    api_key_file: Path | None = Field(None, description="File whose first line is the API key; leave out for 'later'.")
    secret_file: Path | None = Field(None, description="File whose first line is the API secret.")

    @model_validator(mode="after")
    def _both_or_none(self) -> Shadowserver:
        if (self.api_key_file is None) != (self.secret_file is None):
            raise ValueError("api_key_file and secret_file belong together: set both, or none for 'later'")
        return self


class Mailbox(Section):
    kind: Literal["imap", "maildir", "postfix", "exim", "later"] = Field(
        "later",
        description="How abuse mail comes in: an IMAP mailbox, a Maildir on this machine, this machine's Postfix or Exim.",
    )
    host: str = Field("", description="imap: the server.")
    user: str = Field("", description="imap: the login.")
    password_file: Path | None = Field(None, description="imap: file whose first line is the password.")
    security: Literal["tls", "starttls", "none"] = Field("tls", description="imap: how the connection is made safe.")
    folder: str = Field("INBOX", description="imap: the folder with the reports.")
    processed_folder: str = Field("", description="imap: where taken mails are moved; empty leaves them there.")
    path: Path | None = Field(None, description="maildir: the folder that holds new/, cur/ and tmp/.")

    @model_validator(mode="after")
    def _whole(self) -> Mailbox:
        if self.kind == "imap" and not (self.host and self.user and self.password_file):
            raise ValueError("an IMAP mailbox needs host, user and password_file")
        if self.kind == "maildir" and self.path is None:
            raise ValueError("a Maildir needs path")
        return self


class Administrator(Section):
    mail: MailAddress = Field(description="The administrator's mail address: the first login of the portal.")
    password_file: Path | None = Field(
        None,
        description="File whose first line is the administrator's first password; without it you are asked, or told how.",
    )


class Web(Section):
    host_name: str = Field("", description="Name under which people reach the portal; empty: no portal.")
    tls: Literal["own", "certbot", "proxy"] = Field(
        "proxy",
        description="own: nginx with your certificate; certbot: nginx with one of Let's Encrypt; proxy: you set up a web server "
        "before the portal's socket yourself.",
    )
    certificate: Path | None = Field(None, description="own: the certificate with its chain, PEM.")
    key: Path | None = Field(None, description="own: its key, PEM.")

    @field_validator("certificate", "key")
    @classmethod
    def _is_plain(cls, value: Path | None) -> Path | None:
        # it is written into nginx's configuration
        if value is not None and not re.fullmatch(r"[^\s\"'\\;{}$]+", str(value)):
            raise ValueError(
                "this path has spaces, quotes or other signs that nginx reads in its own way; rename the file"
            )
        return value

    @field_validator("host_name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if value and not re.fullmatch(HOST_NAME, value):
            raise ValueError("write a full host name in lower case, for example abuse.example.net")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Web:
        if self.host_name and self.tls == "own" and not (self.certificate and self.key):
            raise ValueError("tls is 'own', so certificate and key must be set")
        return self


class Answers(Section):
    """The whole file."""

    organisation: Organisation = Field(description="Who you are.")
    networks: Networks = Field(default_factory=lambda: Networks(), description="What is yours.")
    pipeline: Pipeline = Field("everything", description="What is read: everything, shadowserver or mail.")
    customers: Customers = Field(default_factory=lambda: Customers(), description="Where customers are found.")
    shadowserver: Shadowserver = Field(default_factory=lambda: Shadowserver(), description="Shadowserver's API.")
    mailbox: Mailbox = Field(default_factory=lambda: Mailbox(), description="How abuse mail comes in.")
    smtp: Smtp = Field(default_factory=lambda: Smtp(), description="Where notices are handed in.")
    administrator: Administrator = Field(description="Who runs this.")
    web: Web = Field(default_factory=lambda: Web(), description="The portal.")

    @model_validator(mode="after")
    def _networks_are_named(self) -> Answers:
        if not (self.networks.prefixes or self.networks.asns):
            raise ValueError("networks: name your prefixes or AS numbers; without them no report is about you")
        return self


def load_answers(path: Path) -> Answers:
    """The answers of a file, with absolute paths. Raises ConfigurationError naming file, line and key of each fault."""
    return load_checked(path, Answers)


def as_text(answers: Answers) -> str:
    """The answers as they are kept."""
    said = answers.model_dump(mode="json", exclude_defaults=True)
    head = "# The answers given to installer/install.sh; change them and run it again. No secret stands here.\n"
    return head + str(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))


def kept_answers(answers: Answers, system: System) -> Answers:
    """The answers with the kept copies in the place of the secret files that were named, which may be gone tomorrow."""
    changed = answers
    for key, name in SECRETS.items():
        section, _, field = key.partition(".")
        part = getattr(changed, section)
        if getattr(part, field) is not None:
            changed = changed.model_copy(
                update={section: part.model_copy(update={field: system.layout.secrets / name})}
            )
    return changed


def missing_files(answers: Answers, system: System) -> list[str]:
    """Files that the answers name and that are not there, one line each."""
    named = {
        "customers.file": answers.customers.file,
        "shadowserver.api_key_file": answers.shadowserver.api_key_file,
        "shadowserver.secret_file": answers.shadowserver.secret_file,
        "mailbox.password_file": answers.mailbox.password_file,
        "smtp.password_file": answers.smtp.password_file,
        "smtp.ca_file": answers.smtp.ca_file,
        "administrator.password_file": answers.administrator.password_file,
        "web.certificate": answers.web.certificate,
        "web.key": answers.web.key,
    }
    # what was copied at the first run may be gone since
    kept = {"customers.file": system.layout.etc / "customers.csv"}
    kept |= {key: system.layout.secrets / name for key, name in SECRETS.items()}
    return [
        f"{key}: {path}: there is no such file"
        for key, path in named.items()
        if path is not None and not path.is_file() and not (key in kept and kept[key].is_file())
        and key != "administrator.password_file"
    ]  # fmt: skip


#: Answers that name a secret, and under which name it is kept below /etc/abusehandler/secrets.
SECRETS = {
    "shadowserver.api_key_file": "shadowserver-api-key",
    "shadowserver.secret_file": "shadowserver-secret",
    "mailbox.password_file": "imap-password",
    "smtp.password_file": "smtp-password",
}
