# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is not in the customer data: where a host name points (DNS), and whose a foreign address is (RDAP).

Both are optional, ask other machines, and never make the queue wait longer than a bound that is set.
"""
