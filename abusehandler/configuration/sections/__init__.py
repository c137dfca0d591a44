# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sections of abusehandler.yaml, by what they are about."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of the file; a key that is not known here is an error, not a silent no."""

    model_config = ConfigDict(extra="forbid", frozen=True)


MailAddress = Annotated[str, Field(pattern=r"^[^@\s<>\"]+@[^@\s<>\"]+$", max_length=254)]
