# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The exceptions of all parts.

AbusehandlerError          a person can mend it: the text names the place, what is wrong and what to do
├── ConfigurationError     abusehandler.yaml, a bot parameter, a customer file, a definition
├── StoreError             PostgreSQL cannot be used: not there, not migrated, newer than this program
└── EvidenceError          the evidence folder cannot be written or an item is missing
"""


class AbusehandlerError(Exception):
    """Something that a person can mend; the message says where, what and how."""


class ConfigurationError(AbusehandlerError):
    """A configuration is wrong; the message names file, line and key, and what to write instead."""


class StoreError(AbusehandlerError):
    """The database cannot be used as it is."""


class EvidenceError(AbusehandlerError):
    """Raw bytes could not be kept or found again."""
