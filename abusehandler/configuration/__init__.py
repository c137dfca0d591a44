# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""abusehandler.yaml: what several parts share stands there once."""

from abusehandler.configuration.load import configuration_path, load
from abusehandler.configuration.model import Configuration

__all__ = ["Configuration", "configuration_path", "load"]
