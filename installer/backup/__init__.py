# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Backup and restore: database, evidence, configuration and keys.

A folder of backups holds one folder for each, and `evidence/`, which they share: raw reports are named by their
SHA-256 and never change, so each is copied once. A backup is whole when its `manifest.json` is there.
"""
