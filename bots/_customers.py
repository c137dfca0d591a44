# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Opens the customer directory that abusehandler.yaml names; relative paths are taken from that file's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.configuration import configuration_path
from abusehandler.crm_connector import Directory, open_directory

if TYPE_CHECKING:
    from abusehandler.configuration import Configuration


def open_customers(configuration: Configuration) -> Directory:
    """The directory; raises ConfigurationError with the key that is wrong."""
    return open_directory(configuration.customers, base=configuration_path().resolve().parent)
