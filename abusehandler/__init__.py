# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""abusehandler: an abuse desk in a box, made of IntelMQ bots and an installer."""

from pathlib import Path

__version__ = "0.1.0"

# Python started in a checkout finds this folder before the installed package; the other parts are then the folders
# beside it, as setup.py maps them.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "setup.py").is_file() and (_checkout / "crm_connector").is_dir():
    __path__.append(str(_checkout))
