# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The customer directory as the desk sees it: contacts of a customer, and what notices would be addressed to."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from abusehandler.configuration import configuration_path
from abusehandler.configuration.sending import CustomerContacts
from abusehandler.crm_connector import open_directory
from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from abusehandler.crm_connector import Directory
    from abusehandler.portal.settings import Portal

REFRESH_SECONDS = 60
_lock = threading.Lock()
_open: dict[int, tuple[float, Directory]] = {}


def directory(portal: Portal) -> Directory:
    """The directory, opened when first needed and looked at again once a minute. Raises ConfigurationError."""
    with _lock:
        at, found = _open.get(portal.number, (0.0, None))
        if found is None:
            found = open_directory(portal.configuration.customers, base=configuration_path().resolve().parent)
        elif time.monotonic() - at > REFRESH_SECONDS:
            found.refresh()
        else:
            return found
        _open[portal.number] = (time.monotonic(), found)
        return found


def time_zone_of(portal: Portal, customer: str) -> str:
    """The zone in which the customer's first contact reads times (IANA name); empty where nothing says one. Never raises."""
    try:
        return next((one.time_zone for one in contacts(portal).recipients(customer) if one.time_zone), "")
    except AbusehandlerError:
        return ""


def contacts(portal: Portal) -> CustomerContacts:
    """What the senders of notices ask."""
    return CustomerContacts(directory(portal))
