# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Secrets come from files that nobody else may read, and what is wrong with one is told with its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import ConfigurationError
from abusehandler.secret_files import secret_line, secret_text

if TYPE_CHECKING:
    from pathlib import Path


def secret(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_first_line_counts(tmp_path: Path) -> None:
    assert secret_line(secret(tmp_path, b"pass word \r\nsomething else\n"), "the password") == "pass word "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret(tmp_path, b"secret", mode)
    with pytest.raises(ConfigurationError, match=f"{path}: others may read the password; run: chmod 600 {path}"):
        secret_line(path, "the password")


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file with the key; make one: openssl"):
        secret_text(tmp_path / "nowhere", "the key", advice="make one: openssl rand -hex 32")
    with pytest.raises(ConfigurationError, match="its first line is empty; write the password there"):
        secret_line(secret(tmp_path, b"\nsecret"), "the password")
    with pytest.raises(ConfigurationError, match="the key cannot be read: .*utf-8"):
        secret_text(secret(tmp_path, b"\xff\xfe"), "the key")
    with pytest.raises(ConfigurationError, match="the key cannot be read: .*directory"):
        secret_text(tmp_path, "the key")
