# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is wrong with abusehandler.yaml beyond its own keys: files that it names, secrets that others may read, rules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from abusehandler.configuration.secrets import named_secrets
from abusehandler.crm_connector.directory import check_settings
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.configuration.model import Configuration


def faults(configuration: Configuration) -> list[str]:
    """One line for each, with the file and what to do; nothing is connected to."""
    return list(_faults(configuration))


def _faults(configuration: Configuration) -> Iterator[str]:
    for path in dict.fromkeys(named_secrets(configuration)):
        fault = _secret_fault(path)
        if fault:
            yield fault
    mail, reading = configuration.mail, configuration.reading
    wanted: tuple[tuple[str, Path | None, bool], ...] = (
        ("mail.smtp.ca_file", mail.smtp.ca_file, False),
        ("mail.sign.smime_certificate", mail.sign.smime_certificate, False),
        ("mail.templates", mail.templates, True),
        ("reading.reporters", reading.reporters, True),
        ("self_help.logo", configuration.self_help.logo, False),
    )
    for key, named, is_folder in wanted:
        if named is not None and not (named.is_dir() if is_folder else named.is_file()):
            yield f"{key}: {named}: there is no such {'folder' if is_folder else 'file'}; write it, or take the key out"
    yield from check_settings(configuration.customers)
    try:
        Rules.load(configuration.rules.path, Catalogue.load(reading.catalogue))
    except AbusehandlerError as error:
        yield from str(error).splitlines()


def _secret_fault(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"{path}: {error.strerror}: the file with this secret; write it, mode 0600"
    if mode & 0o077:
        return f"{path}: others may read this secret; run: chmod 600 {path}"
    # who checks may be another than who runs the bots
    return (
        ""
        if os.access(path, os.R_OK) or os.geteuid() != path.stat().st_uid
        else f"{path}: its owner may not read it; run: chmod 600 {path}"
    )
