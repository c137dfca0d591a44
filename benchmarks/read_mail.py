# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mails per second on one core, decoding and reading included: real mails where ABUSEHANDLER_CORPUS names a folder of them,
else the samples of the reporter definitions. With hostile mails beside them: the longest time that one of those takes."""

from __future__ import annotations

import io
import os
import statistics
import sys
import time
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _stage


def mails(quick: bool) -> tuple[str, list[bytes]]:
    corpus = os.environ.get("ABUSEHANDLER_CORPUS")
    if corpus and (folder := Path(corpus) / "mail" / "mails").is_dir():
        what, paths = "real mails", sorted(folder.glob("*.eml"))
    else:
        samples = Path(str(resources.files("abusehandler.reporters"))) / "samples"
        what, paths = "samples of the reporter definitions", sorted(samples.rglob("*.eml"))
    return what, [path.read_bytes() for path in (paths[:60] if quick else paths)]


def hostile() -> dict[str, bytes]:
    """Mails made to take long."""
    head = b"From: a@example.org\nTo: abuse@example.net\nSubject: attack from 192.0.2.1\nMIME-Version: 1.0\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("rows.csv", "w") as member:
        for _ in range(200):
            member.write(b"0" * 1_000_000)
    import base64

    attachment = b'Content-Type: application/zip\nContent-Disposition: attachment; filename="rows.zip"\nContent-Transfer-Encoding: base64\n\n'
    return {
        "10,000 nested parts": head
        + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(10_000)),
        "a ZIP bomb of 200 MB": head + attachment + base64.encodebytes(packed.getvalue()),
        "5 MB of digits and dots": head + b"\n" + b"1.1.1." * 900_000,
        "5 MB of URL beginnings": head + b"\n" + b"hxxp://a[.]" * 500_000,
        "20,000 addresses": head
        + b"\n"
        + b"\n".join(b"198.18.%d.%d port 22" % (n // 256, n % 256) for n in range(20_000)),
        "1 MB header": head + b"X-Long: " + b"=?utf-8?q?a?= " * 70_000 + b"\n\ntext",
        "2 MB of brackets": head + b"\n" + b"[({<" * 500_000,
    }


def main() -> None:
    parsed = _stage.arguments(__doc__)
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.read import load, read_mail

    what, contents = mails(parsed.quick)
    context = ReadContext()
    load()
    seconds = []
    verdicts: dict[str, int] = {}
    start = time.perf_counter()
    for content in contents:
        before = time.process_time()
        _, reading = read_mail(content, context)
        seconds.append(time.process_time() - before)
        verdicts[reading.verdict] = verdicts.get(reading.verdict, 0) + 1
    wall = time.perf_counter() - start
    evil: dict[str, Any] = {}
    for name, content in hostile().items():
        before = time.process_time()
        _, reading = read_mail(content, context)
        evil[name] = {"seconds": round(time.process_time() - before, 2), "verdict": reading.verdict}
    median = statistics.median(seconds)
    _stage.finish(
        {
            "benchmark": "read_mail",
            "mails": {
                "what": what,
                "number": len(contents),
                "mean_bytes": round(statistics.mean(map(len, contents))),
                "verdicts": verdicts,
            },
            "median_mail": {
                "milliseconds": round(median * 1000, 1),
                "rate": round(1 / median),
                "unit": "mails/s of CPU time on one core",
            },
            "all": {
                "rate": round(len(contents) / sum(seconds)),
                "wall_rate": round(len(contents) / wall),
                "unit": "mails/s",
            },
            "p95": {"milliseconds": round(sorted(seconds)[int(len(seconds) * 0.95)] * 1000, 1)},
            "worst": {"seconds": round(max(seconds), 2)},
            "hostile": evil,
            "memory_mb": _stage.peak_memory(os.getpid()),
        }
    )


if __name__ == "__main__":
    main()
