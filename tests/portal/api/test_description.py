# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API keeps what its own description says, whatever a program sends: schemathesis asks until something gives way.

`ABUSEHANDLER_EXAMPLES=200` asks more of each operation than the few that a test run has time for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.portal.api.conftest import Program
    from tests.portal.running import Portal

EXAMPLES = int(os.environ.get("ABUSEHANDLER_EXAMPLES", "5"))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance,
    negative_data_rejection, unsupported_method,
]  # fmt: skip


@pytest.fixture
def described(desk: Portal) -> Any:
    return schemathesis.openapi.from_url(desk.url + "/api/v1/openapi.json")


def test_the_description_is_kept(desk: Portal, described: Any, program: Callable[..., Program]) -> None:
    """All operations with all rights. What a program would do to its own token or user is left out."""
    asked = program()
    failures: list[str] = []
    operations = 0
    for found in described.get_all_operations():
        operation = found.ok()
        operations += 1
        try:
            _ask(operation, asked)
        except FailureGroup as group:
            failures.extend(f"{operation.label}: {error}"[:1500] for error in group.exceptions)
        except Failure as error:
            failures.append(f"{operation.label}: {error}"[:1500])
    assert operations > 50
    assert not failures, "\n\n".join(failures[:8])


def _ask(operation: Any, asked: Program) -> None:
    both = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE) | operation.as_strategy(
        generation_mode=schemathesis.GenerationMode.NEGATIVE
    )

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=both)
    def ask(case: Any) -> None:
        if case.path == "/tokens/{number}" and case.method == "DELETE":
            case.path_parameters["number"] = 999_999
        # what a client's library makes of these is another address, outside of the API
        assume(not {".", ".."} & set(str((case.path_parameters or {}).get("customer", "")).split("/")))
        case.call_and_validate(headers={"Authorization": f"Bearer {asked.token}"}, checks=CHECKS, timeout=120)

    ask()
