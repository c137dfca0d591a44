# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The shell scripts before any Python of ours: their syntax, their help, and what they say without rights."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from abusehandler.installer.setup.ground import unit_text

INSTALLER = Path(__file__).resolve().parents[2] / "installer"
SCRIPTS = ("install.sh", "upgrade.sh", "remove.sh")

pytestmark = pytest.mark.skipif(not INSTALLER.is_dir(), reason="the tests run without the source")


def said_by(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", [*SCRIPTS, "release.sh", "units/command.sh", *sorted(path.name for path in INSTALLER.glob("try-*.sh"))]
)
def test_syntax(name: str) -> None:
    assert said_by("bash", "-n", str(INSTALLER / name)) == (0, "")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
@pytest.mark.parametrize(
    "name", [*SCRIPTS, "units/command.sh", *sorted(path.name for path in INSTALLER.glob("try-*.sh"))]
)
def test_shellcheck(name: str) -> None:
    assert said_by("shellcheck", "-S", "warning", "-x", "-P", str(INSTALLER), str(INSTALLER / name)) == (0, "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_help(name: str) -> None:
    code, said = said_by("bash", str(INSTALLER / name), "--help")
    assert code == 0
    assert f"sudo installer/{name}" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="needs an ordinary user")
@pytest.mark.parametrize("name", SCRIPTS)
def test_without_rights(name: str) -> None:
    code, said = said_by("bash", str(INSTALLER / name))
    assert (code, said.strip()) == (1, f"{name} changes the system and must be root: sudo installer/{name}")


def test_a_word_that_is_not_known() -> None:
    assert said_by("bash", str(INSTALLER / "remove.sh"), "--all") == (
        1,
        "remove.sh: '--all' is not known; write --purge, --yes or nothing\n",
    )


def test_the_commands_on_the_path_are_plain_shell(tmp_path: Path) -> None:
    script = tmp_path / "abusehandler"
    script.write_text(unit_text("command.sh").replace("@NAME@", "abusehandler"), encoding="utf-8")
    assert said_by("sh", "-n", str(script)) == (0, "")
