# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler metrics`: numbers for Prometheus, printed, written to a file for node_exporter, or served."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.doctor.examined import examine
from abusehandler.installer.metrics.page import Page
from abusehandler.installer.metrics.serving import MetricsServer, address_of

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write them to this .prom file of node_exporter's textfile collector",
    )
    where.add_argument(
        "--listen", default="", metavar="ADDRESS:PORT", help="serve them at /metrics, for example on 127.0.0.1:9427"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 done, 1 if the configuration cannot be read or the file not be written."""
    examined, faults = examine()
    if examined is None:
        raise AbusehandlerError("\n".join(faults))
    page = Page(examined)
    try:
        if arguments.listen:
            with MetricsServer(address_of(arguments.listen), page) as server:
                server.serve_forever()
        elif arguments.output:
            _write(arguments.output, page.text())
        else:
            print(page.text(), end="")
    finally:
        page.close()
    return 0


def _write(path: Path, text: str) -> None:
    """At once and whole: node_exporter may read at any moment. It is another user, and there is no secret in it."""
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, 0o644)
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise AbusehandlerError(f"{path}: {error.strerror}; let this user write to {path.parent}") from None
