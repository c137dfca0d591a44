# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Programs of others that the installer talks to, as small scripts on the PATH: certbot, postconf, dpkg; and Exim's files."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from abusehandler.installer.setup.answers import Answers, load_answers
from abusehandler.installer.setup.ground import Packages
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.mail_server import PIPE, Exim, Postfix
from abusehandler.installer.setup.ports import listeners
from abusehandler.installer.setup.services import DatabaseServer
from abusehandler.installer.setup.steps import run_steps
from abusehandler.installer.setup.system import SetupError, System
from abusehandler.installer.setup.web_server import Nginx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWERS = """
organisation: {name: Example Networks, abuse_address: abuse@example.net}
networks: {prefixes: [192.0.2.0/24]}
administrator: {mail: noc@example.net}
web: {host_name: abuse.example.net, tls: certbot}
"""


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(Layout(tmp_path / "machine"))


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    (tmp_path / "answers.yaml").write_text(ANSWERS, encoding="utf-8")
    return load_answers(tmp_path / "answers.yaml")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a shell script on the PATH; it writes down how it was called. Returns the file with the calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def add(name: str, text: str) -> Path:
        calls = tmp_path / f"{name}.calls"
        (folder / name).write_text(f'#!/bin/sh\necho "$@" >>{calls}\n{text}\n', encoding="utf-8")
        (folder / name).chmod(0o755)
        return calls

    return add


def test_certbot_is_asked_once_and_its_certificate_is_used(
    system: System, answers: Answers, program: Callable[[str, str], Path]
) -> None:
    live = system.layout.at("/etc/letsencrypt/live/abuse.example.net")
    acme = system.layout.state / "acme"
    site = system.layout.at("/etc/nginx/sites-available/abusehandler")
    # when certbot comes, the site answers on port 80 only: nginx would not start with a certificate that is not there
    calls = program(
        "certbot",
        f"grep -q ssl_certificate {site} && exit 1; mkdir -p {live} && touch {live}/fullchain.pem {live}/privkey.pem",
    )
    assert run_steps([Nginx(system, answers)], system) == 3
    assert calls.read_text(encoding="utf-8").split() == [
        "certonly", "--non-interactive", "--agree-tos", "--email", "noc@example.net", "--webroot", "--webroot-path", str(acme),
        "--deploy-hook", "nginx", "-s", "reload", "--domain", "abuse.example.net",
    ]  # fmt: skip
    text = site.read_text(encoding="utf-8")
    assert "ssl_certificate /etc/letsencrypt/live/abuse.example.net/fullchain.pem;" in text
    assert "root /var/lib/abusehandler/acme;" in text
    assert acme.stat().st_mode & 0o777 == 0o755
    assert run_steps([Nginx(system, answers)], system) == 0
    assert len(calls.read_text(encoding="utf-8").splitlines()) == 1


def test_a_name_that_leads_elsewhere_is_explained_and_can_be_tried_again(
    system: System, answers: Answers, program: Callable[[str, str], Path]
) -> None:
    program("certbot", 'echo "DNS problem: NXDOMAIN looking up A for abuse.example.net" >&2; exit 1')
    with pytest.raises(
        SetupError, match=r"(?s)no certificate for abuse\.example\.net.*NXDOMAIN.*lead to this machine.*port 80"
    ):
        run_steps([Nginx(system, answers)], system)
    live = system.layout.at("/etc/letsencrypt/live/abuse.example.net")
    program("certbot", f"mkdir -p {live} && touch {live}/fullchain.pem {live}/privkey.pem")
    assert run_steps([Nginx(system, answers)], system) > 0
    assert run_steps([Nginx(system, answers)], system) == 0


def test_exim_gets_a_router_and_a_transport_that_keeps_mail(system: System, answers: Answers) -> None:
    assert run_steps([Exim(system, answers)], system) == 2
    folder = system.layout.at("/etc/exim4/conf.d")
    router = (folder / "router/150_abusehandler").read_text(encoding="utf-8").splitlines()
    assert "  domains = example.net" in router
    assert "  local_parts = abuse" in router
    assert "  local_part_suffix = +*" in router
    transport = (folder / "transport/30_abusehandler").read_text(encoding="utf-8").splitlines()
    # Exim's defaults would put an mbox line before the mail and an empty line after it
    for line in (
        "  message_prefix =",
        "  message_suffix =",
        "  temp_errors = *",
        "  return_path_add",
        "  user = intelmq",
    ):
        assert line in transport
    assert run_steps([Exim(system, answers)], system) == 0


def test_a_run_that_was_killed_before_the_reload_reloads_when_it_is_started_again(
    system: System, answers: Answers
) -> None:
    exim = Exim(system, answers)
    run_steps([exim], system)
    with pytest.raises(KeyboardInterrupt), system.telling("exim"):
        raise KeyboardInterrupt
    assert exim.missing() == ["reload Exim"]
    assert run_steps([exim], system) == 1
    assert exim.missing() == []


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("", True),
        ("abusehandler unix - n n - 4 pipe flags=q user=intelmq argv=/usr/local/bin/abusehandler deliver", True),
        (PIPE, False),
        ("abusehandler unix - n n - 9 pipe flags=q user=intelmq argv=/usr/local/bin/abusehandler deliver", False),
    ],
)
def test_the_transport_of_postfix_follows_a_release_but_not_over_an_edit(
    system: System, answers: Answers, program: Callable[[str, str], Path], there: str, written: bool
) -> None:
    calls = program("postconf", f'[ "$*" = "-M abusehandler/unix" ] && echo "{there}"; true')
    program("postfix", "true")
    Postfix(system, answers).apply()
    assert (f"-M abusehandler/unix={PIPE}" in calls.read_text(encoding="utf-8").splitlines()) is written


def test_packages_that_were_left_half_way_are_seen(
    system: System, answers: Answers, program: Callable[[str, str], Path]
) -> None:
    program("dpkg-query", "printf 'installed\\ninstalled\\nhalf-configured\\n'")
    assert Packages(system, answers)._half_set_up()
    program("dpkg-query", "printf 'installed\\nconfig-files\\n'")
    assert not Packages(system, answers)._half_set_up()


def test_a_cluster_of_postgresql_on_another_port_is_explained(
    system: System, program: Callable[[str, str], Path]
) -> None:
    program(
        "pg_lsclusters", 'echo "17 main 5433 online postgres /var/lib/postgresql/17/main /var/log/postgresql/x.log"'
    )
    with pytest.raises(
        SetupError, match=r"17/main has port 5433 and not 5432.*/etc/postgresql/17/main/postgresql\.conf"
    ):
        DatabaseServer(system)._require_port()
    program("pg_lsclusters", 'echo "15 main 5433 online postgres /x /x"; echo "17 main 5432 down postgres /y /y"')
    DatabaseServer(system)._require_port()


def test_a_taken_port_is_told_with_its_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        (found,) = listeners(server.getsockname()[1])
    assert found.endswith(f"(process {os.getpid()})")
