# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Benchmarks: each runs alone, starts what it needs, and ends with one JSON object of figures."""
