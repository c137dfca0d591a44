# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Statistics about mail are no abuse reports."""

from __future__ import annotations

from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.aggregate import read_aggregate
from abusehandler.reports.mail.decode import decode

XML = "<?xml version='1.0'?><feedback><version>1.0</version><report_metadata><org_name>x</org_name></report_metadata></feedback>"


def test_dmarc_by_content_and_by_subject() -> None:
    for raw in (
        f'Content-Type: application/xml; name="r.xml"\n\n{XML}',
        "Subject: Report Domain: example.net Submitter: example.com Report-ID: <1>\n\nsee file",
    ):
        reading = read_aggregate(decode(raw.encode()), ReadContext())
        assert reading is not None and reading.verdict == "not-a-report" and reading.kind == "dmarc-aggregate"


def test_tls_reports() -> None:
    raw = 'Content-Type: application/tlsrpt+json; name="r.json"\n\n{"policies": [{"policy": {"policy-type": "sts"}}]}'
    reading = read_aggregate(decode(raw.encode()), ReadContext())
    assert reading is not None and reading.kind == "tls-report"


def test_reports_about_a_domain_are_not_meant() -> None:
    raw = b"Subject: Abuse report: domain example.net\n\nPhishing"
    assert read_aggregate(decode(raw), ReadContext()) is None
