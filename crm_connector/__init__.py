# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who had this address then?

Bots use `open_directory`, `Query`, `Answer`; an ISP's own connector the values and the `Connector` protocol.
"""

from abusehandler.crm_connector.assignment import Assignment, HostName, PortRange
from abusehandler.crm_connector.connector import Connector, Item, Report
from abusehandler.crm_connector.customer import Contact, Customer
from abusehandler.crm_connector.directory import Directory, check_settings, open_directory
from abusehandler.crm_connector.question import Answer, Outcome, Query

__all__ = [
    "Answer",
    "Assignment",
    "Connector",
    "Contact",
    "Customer",
    "Directory",
    "HostName",
    "Item",
    "Outcome",
    "PortRange",
    "Query",
    "Report",
    "check_settings",
    "open_directory",
]
