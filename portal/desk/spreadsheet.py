# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables as CSV files for people who open them in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from starlette.responses import Response

from abusehandler.tickets.spreadsheet_cells import safe_cell

if TYPE_CHECKING:
    from collections.abc import Iterable


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    """A table as a download with this name."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return Response(
        out.getvalue().encode("utf-8", "replace"), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip
