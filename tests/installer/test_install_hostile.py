# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a bot that was taken over, or another user of the machine, could put in the installer's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from abusehandler.errors import ConfigurationError
from abusehandler.installer.setup.answers import load_answers
from abusehandler.installer.setup.configuration import KeptAnswers
from abusehandler.installer.setup.ground import Folders, unit_text
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.system import BOTS, ROOT, SetupError, System

INSTALLER = Path(__file__).resolve().parents[2] / "installer"

ANSWERS = """
organisation: {name: Example Networks, abuse_address: abuse@example.net}
networks: {prefixes: [192.0.2.0/24]}
customers: {file: customers.csv}
administrator: {mail: noc@example.net}
"""


@pytest.fixture
def system(tmp_path: Path) -> System:
    system = System(Layout(tmp_path / "machine"))
    system.layout.etc.mkdir(parents=True)
    system.layout.log.mkdir(parents=True)
    return system


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A file that is none of ours."""
    path = tmp_path / "shadow"
    path.write_text("root: secret\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_link_in_the_place_of_a_configuration_file_is_not_read(system: System, others: Path) -> None:
    path = system.layout.etc / "runtime.yaml"
    path.symlink_to(others)
    with pytest.raises(SetupError, match=r"runtime.yaml is a link; put the file itself there"):
        system.read(path)


def test_a_named_pipe_does_not_hold_root_up(system: System) -> None:
    path = system.layout.etc / "runtime.yaml"
    os.mkfifo(path)
    with pytest.raises(SetupError, match=r"runtime.yaml is no file"):
        system.read(path)


def test_a_link_that_waits_for_the_new_file_is_not_written_through(system: System, others: Path) -> None:
    path = system.layout.etc / "rules.yaml"
    path.with_name(".rules.yaml.new").symlink_to(others)
    system.write(path, "ours\n", BOTS, 0o640)
    assert path.read_text(encoding="utf-8") == "ours\n"
    assert others.read_text(encoding="utf-8") == "root: secret\n"


def test_owner_and_mode_of_a_links_target_stay(system: System, others: Path) -> None:
    path = system.layout.etc / "rules.yaml"
    path.symlink_to(others)
    with pytest.raises(OSError, match="rules.yaml"):
        system.permit(path, ROOT, 0o644)
    assert others.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_became_a_link_is_said(system: System, others: Path) -> None:
    system.layout.state.mkdir(parents=True)
    (system.layout.state / "evidence").symlink_to(others.parent)
    with pytest.raises(SetupError, match="evidence is there and is no folder"):
        Folders(system).apply()


def test_the_log_is_not_written_through_a_link(system: System, others: Path) -> None:
    (system.layout.log / "install.log").symlink_to(others)
    system.log("run: something")
    assert others.read_text(encoding="utf-8") == "root: secret\n"


def test_the_log_is_not_for_others(system: System) -> None:
    system.log("run: something")
    assert (system.layout.log / "install.log").stat().st_mode & 0o007 == 0


def test_the_customer_file_is_copied_byte_for_byte_and_through_no_link(
    system: System, others: Path, tmp_path: Path
) -> None:
    (tmp_path / "customers.csv").write_bytes("customer,network\n1001,192.0.2.0/28,Müller\n".encode("latin-1"))
    (tmp_path / "answers.yaml").write_text(ANSWERS, encoding="utf-8")
    (system.layout.etc / ".customers.csv.new").symlink_to(others)
    KeptAnswers(system, load_answers(tmp_path / "answers.yaml")).apply()
    assert (system.layout.etc / "customers.csv").read_bytes() == (tmp_path / "customers.csv").read_bytes()
    assert others.read_text(encoding="utf-8") == "root: secret\n"


@pytest.mark.parametrize(
    "web",
    [
        'web: {host_name: "abuse.example.net\\n", tls: proxy}',
        'web: {host_name: "abuse.example.net;", tls: proxy}',
        'web: {host_name: abuse.example.net, tls: own, certificate: "a.pem; include /etc/x", key: k.pem}',
        'web: {host_name: abuse.example.net, tls: own, certificate: a.pem, key: "$host"}',
    ],
)
def test_an_answer_cannot_write_lines_of_nginx(tmp_path: Path, web: str) -> None:
    (tmp_path / "answers.yaml").write_text(ANSWERS + web + "\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"line 6: web\.(host_name|certificate|key)"):
        load_answers(tmp_path / "answers.yaml")


def test_what_a_program_is_handed_on_standard_input_is_not_logged(system: System) -> None:
    system.run("cat", stdin="the-password\n")
    system.run("sh", "-c", "cat >/dev/null; exit 3", stdin="the-password\n", check=False)
    said = (system.layout.log / "install.log").read_text(encoding="utf-8")
    assert "run: cat" in said
    assert "the-password" not in said


def test_a_strangers_module_in_the_folder_where_root_stands_is_not_imported(tmp_path: Path) -> None:
    for name in ("yaml.py", "abusehandler.py", "psutil.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger')\n", encoding="utf-8")
    # as install.sh calls it; the words are those of release.sh
    words = [
        line
        for line in (INSTALLER / "release.sh").read_text(encoding="utf-8").splitlines()
        if line.startswith("isolated=")
    ]
    assert words == ["isolated=(-I -W ignore)"]
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-m", "abusehandler.installer.setup", "--help"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "stranger" not in done.stdout + done.stderr


@pytest.mark.parametrize("script", ["install.sh", "upgrade.sh"])
def test_no_python_of_root_is_called_in_another_way(script: str) -> None:
    lines = [
        line
        for line in (INSTALLER / script).read_text(encoding="utf-8").splitlines()
        if "venv/bin/python" in line and "[ -x" not in line and "[ ! -x" not in line
    ]
    assert lines
    for line in lines:
        assert '"${isolated[@]}"' in line, line


def test_the_lock_lies_where_only_root_writes() -> None:
    text = (INSTALLER / "release.sh").read_text(encoding="utf-8") + unit_text("abusehandler-unfinished.service")
    assert text.count("/run/abusehandler-install.lock") == 2
    assert "/run/lock/abusehandler" not in text
    # Python inherits it; apt-get, with the servers that packages start, does not
    assert text.count("9>&-") == 1


@pytest.mark.parametrize(
    ("program", "expected"),
    [("exit 0", 0), ("exit 75", 75), ("exit 1", 75), ("exit 127", 75), ("kill -9 $$", 75)],
)
def test_a_mail_is_never_refused_for_a_fault_of_ours(tmp_path: Path, program: str, expected: int) -> None:
    """Postfix and Exim send a mail back for any other exit code than 0 and 75."""
    ours = tmp_path / "abusehandler"
    ours.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    (tmp_path / "id").write_text("#!/bin/sh\necho intelmq\n", encoding="utf-8")
    script = tmp_path / "command"
    text = unit_text("command.sh").replace("@NAME@", "abusehandler")
    script.write_text(
        text.replace("/opt/abusehandler/current/venv/bin/$name", str(ours)).replace(
            "PATH=/opt/abusehandler/current/venv/bin", f"PATH={tmp_path}"
        ),
        encoding="utf-8",
    )
    for path in tmp_path.iterdir():
        path.chmod(0o755)
    done = subprocess.run(["sh", str(script), "deliver"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == expected
    # other commands tell their exit codes as they are
    done = subprocess.run(["sh", str(script), "doctor"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    if program == "exit 1":
        assert done.returncode == 1
