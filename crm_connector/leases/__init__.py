# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who had an address for a while: DHCP leases, RADIUS sessions, port blocks of carrier-grade NAT.

These sources name a customer by what they know: a MAC address, a login, a circuit id. Another source in the chain says
whose it is (column `alias`, `login`, `mac` ... of a customer file).
"""
