# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers for Prometheus: of the database, of IntelMQ's queues and bots, of disks and backups."""
