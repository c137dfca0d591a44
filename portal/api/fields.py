# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Kinds of values that requests and answers share: bounded, without what PostgreSQL cannot store."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timezone
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from abusehandler.tickets.incoming import SEVERITY_NAMES

LARGEST = 9_223_372_036_854_775_807
#: PostgreSQL's text takes no NUL.
_STORABLE = r"^[^\x00]*$"


class Asked(BaseModel):
    """A body: what is not known is refused, and a number is not taken for a text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The part of an address after the question mark; a filter that is not known is refused, not left out in silence."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="ignore")


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise ValueError("write an address or prefix, for example 192.0.2.0/24") from error


def _real(value: Any) -> Any:
    """A ticket without events has no first and last; PostgreSQL keeps infinity then."""
    return None if isinstance(value, datetime) and not 2 <= value.year <= 9000 else value


def _sane(value: datetime) -> datetime:
    if not 1971 <= value.year <= 2200:
        raise ValueError("write a year from 1971 to 2200")
    return value.astimezone(timezone.utc)


def _severity(value: Any) -> Any:
    return SEVERITY_NAMES[value] if isinstance(value, int) else value


Word = Annotated[str, StringConstraints(max_length=300, pattern=_STORABLE)]
#: Entity tags of a header.
Tags = Annotated[str, StringConstraints(max_length=300, pattern=r"^[ -~]*$")]
Reason = Annotated[str, StringConstraints(max_length=500, pattern=_STORABLE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=100_000, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Network = Annotated[
    str, StringConstraints(min_length=2, max_length=60, pattern=r"^[0-9a-fA-F.:/]+$"), AfterValidator(_network),
    Field(description="An address or prefix, for example 192.0.2.0/24; host bits are cut off."),
]  # fmt: skip
Number = Annotated[int, Field(ge=1, le=LARGEST)]
Port = Annotated[int, Field(ge=0, le=65535)]
#: Of a path.
InPath = Annotated[int, Path(ge=1, le=LARGEST)]
#: Strict bodies take times as text all the same.
Moment = Annotated[
    AwareDatetime, Field(strict=False, description="With a zone, for example 2026-11-20T10:00:00Z."), AfterValidator(_sane)
]  # fmt: skip
Seen = Annotated[datetime | None, BeforeValidator(_real)]
Severity = Annotated[str, BeforeValidator(_severity), Field(description="One of info, low, medium, high, critical.")]

Item = TypeVar("Item")


class Page(Told):
    """Part of a list. `next` is the cursor of the part that follows; null at the end."""

    next: str | None = Field(None, description="Give it as `cursor` to get what follows; null at the end.")
