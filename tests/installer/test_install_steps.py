# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The steps in a folder that is laid out like a machine: once, twice, after damage, after edits, in a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.configuration import load
from abusehandler.installer.setup.__main__ import install, main
from abusehandler.installer.setup.answers import load_answers
from abusehandler.installer.setup.configuration import ConfigurationFiles
from abusehandler.installer.setup.ground import require_space, room_for
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.services import Schema
from abusehandler.installer.setup.steps import run_steps
from abusehandler.installer.setup.system import SetupError, System
from abusehandler.installer.setup.web_server import Nginx

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.installer.setup.answers import Answers

ANSWERS = """
organisation: {name: Example Networks, abuse_address: abuse@example.net}
networks: {prefixes: [192.0.2.0/24], asns: [64496]}
customers: {file: customers.csv}
shadowserver: {api_key_file: key, secret_file: secret}
mailbox: {kind: imap, host: imap.example.net, user: abuse, password_file: mailbox}
administrator: {mail: noc@example.net}
web: {host_name: abuse.example.net, tls: own, certificate: cert.pem, key: key.pem}
"""


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    for name, text in (("key", "the-key"), ("secret", "the-secret"), ("mailbox", "the-password"), ("cert.pem", ""), ("key.pem", ""),
                       ("customers.csv", "customer,network\n1001,192.0.2.0/28\n")):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "answers.yaml").write_text(ANSWERS, encoding="utf-8")
    return load_answers(tmp_path / "answers.yaml")


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(Layout(tmp_path / "machine"))


def test_twice(system: System, answers: Answers) -> None:
    assert install(system, answers, None, dry_run=False) > 30
    written = {path: path.stat().st_mtime_ns for path in system.layout.root.rglob("*") if path.is_file()}
    assert install(system, answers, None, dry_run=False) == 0
    log = system.layout.log / "install.log"
    assert {path for path, time in written.items() if path.stat().st_mtime_ns != time} <= {log}
    assert "the-password" not in log.read_text(encoding="utf-8")


def test_what_it_sets_up(system: System, answers: Answers) -> None:
    install(system, answers, None, dry_run=False)
    etc = system.layout.etc
    runtime = yaml.safe_load((etc / "runtime.yaml").read_text(encoding="utf-8"))
    assert runtime["global"]["source_pipeline_host"] == str(system.layout.redis_socket)
    assert runtime["shadowserver-api-collector"]["parameters"]["api_key"] == "the-key"
    assert runtime["shadowserver-api-collector"]["enabled"] is True
    assert runtime["abuse-imap-collector"]["parameters"]["password_file"] == str(etc / "secrets/imap-password")
    assert runtime["abuse-imap-collector"]["enabled"] is True
    configuration = load(etc / "abusehandler.yaml")
    assert configuration.portal.public_url == "https://abuse.example.net"
    assert configuration.evidence.path == system.layout.state / "evidence"
    assert (etc / "customers.csv").read_text(encoding="utf-8").startswith("customer,network")
    for secret in ("runtime.yaml", "secrets/imap-password", "secrets/shadowserver-secret"):
        assert (etc / secret).stat().st_mode & 0o777 == 0o600, secret
    assert "the-" not in (etc / "answers.yaml").read_text(encoding="utf-8")
    assert (system.layout.intelmq / "etc").readlink() == etc
    redis = (etc / "redis.conf").read_text(encoding="utf-8")
    for line in ("appendonly yes", "maxmemory-policy noeviction", "port 0"):
        assert line in redis.splitlines()


def test_units_are_enabled_for_the_bots_that_runtime_yaml_enables(system: System, answers: Answers) -> None:
    install(system, answers, None, dry_run=False)
    folder = system.layout.units / "abusehandler.target.wants"
    names = {path.name for path in folder.iterdir()}
    assert "abusehandler-bot@mail-parser.service" in names
    assert "abusehandler-bot@abuse-imap-collector.service" in names
    assert "abusehandler-bot@abuse-link-collector.service" not in names
    assert "abusehandler-portal.service" in names
    runtime = system.layout.etc / "runtime.yaml"
    edited = yaml.safe_load(runtime.read_text(encoding="utf-8"))
    edited["mail-parser"]["enabled"] = False
    runtime.write_text(yaml.safe_dump(edited), encoding="utf-8")
    install(system, answers, None, dry_run=False)
    assert "abusehandler-bot@mail-parser.service" not in {path.name for path in folder.iterdir()}


def test_damage_is_repaired_and_edits_stay(system: System, answers: Answers) -> None:
    install(system, answers, None, dry_run=False)
    at = system.layout
    (at.units / "abusehandler.target").unlink()
    (at.etc / "harmonization.conf").unlink()
    (at.etc / "secrets/imap-password").chmod(0o644)
    rules = at.etc / "rules.yaml"
    rules.write_text(rules.read_text(encoding="utf-8") + "defaults: {close_after_days: 3}\n", encoding="utf-8")
    edited = (
        (at.etc / "abusehandler.yaml").read_text(encoding="utf-8").replace("host: localhost", "host: mx.example.net")
    )
    (at.etc / "abusehandler.yaml").write_text(edited, encoding="utf-8")
    (at.etc / "customers.csv").write_text("customer,network\n7,192.0.2.7\n", encoding="utf-8")
    install(system, answers, None, dry_run=False)
    assert (at.units / "abusehandler.target").exists()
    assert "customer.id" in (at.etc / "harmonization.conf").read_text(encoding="utf-8")
    assert (at.etc / "secrets/imap-password").stat().st_mode & 0o777 == 0o600
    assert "close_after_days: 3" in rules.read_text(encoding="utf-8")
    assert (at.etc / "abusehandler.yaml").read_text(encoding="utf-8") == edited
    assert (at.etc / "customers.csv").read_text(encoding="utf-8") == "customer,network\n7,192.0.2.7\n"


def test_secrets_that_were_copied_by_hand_from_a_backup_come_into_the_right_hands(
    system: System, answers: Answers, tmp_path: Path
) -> None:
    install(system, answers, None, dry_run=False)
    kept = system.layout.secrets / "imap-password"
    kept.chmod(0o644)
    (tmp_path / "mailbox").unlink()
    # the answers of a backup name the kept secrets themselves
    again = load_answers(system.layout.answers)
    assert again.mailbox.password_file == kept
    assert install(system, again, None, dry_run=False) == 1
    assert kept.stat().st_mode & 0o777 == 0o600


def test_for_a_restore_everything_is_set_up_and_nothing_started(
    system: System, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(system, answers, None, dry_run=False, start=False) > 30
    # enabled for the next boot
    assert (system.layout.units / "abusehandler.target.wants/abusehandler-bot@mail-parser.service").is_symlink()
    assert "-- bots" not in capsys.readouterr().out.splitlines()


def test_a_changed_answer_comes_in_beside_an_edit(system: System, answers: Answers, tmp_path: Path) -> None:
    install(system, answers, None, dry_run=False)
    path = system.layout.etc / "abusehandler.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "log_level: DEBUG\n", encoding="utf-8")
    (tmp_path / "answers.yaml").write_text(ANSWERS.replace("[64496]", "[64496, 64497]"), encoding="utf-8")
    install(system, load_answers(tmp_path / "answers.yaml"), None, dry_run=False)
    assert load(path).networks.asns == (64496, 64497)
    assert load(path).log_level == "DEBUG"


def test_a_conflict_stops_and_is_settled_by_keep_or_take(system: System, answers: Answers, tmp_path: Path) -> None:
    install(system, answers, None, dry_run=False)
    path = system.layout.etc / "abusehandler.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Example Networks", "My Name"), encoding="utf-8")
    (tmp_path / "answers.yaml").write_text(ANSWERS.replace("Example Networks", "New Name"), encoding="utf-8")
    changed = load_answers(tmp_path / "answers.yaml")
    with pytest.raises(
        SetupError, match="(?s)organisation.name: you have 'My Name', new is 'New Name'.*--keep.*--take"
    ):
        run_steps([ConfigurationFiles(system, changed, choice=None)], system)
    asked: list[str] = []
    run_steps(
        [
            ConfigurationFiles(
                system, changed, choice=None, ask=lambda _file, conflict: bool(asked.append(str(conflict)))
            )
        ],
        system,
    )
    assert len(asked) == 1
    assert load(path).organisation.name == "My Name"
    assert ConfigurationFiles(system, changed, choice=None).missing() == []


def test_a_dry_run_changes_nothing(system: System, answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(system, answers, None, dry_run=True) > 20
    assert not system.layout.root.exists() or not any(system.layout.root.rglob("*"))
    assert "would change: file" in capsys.readouterr().out


def test_a_half_finished_run_is_resumed(system: System, answers: Answers) -> None:
    (system.layout.root / "opt/abusehandler/root").mkdir(parents=True)
    (system.layout.root / "opt/abusehandler/root/etc").mkdir()
    with pytest.raises(SetupError, match="is there and should be a link"):
        install(system, answers, None, dry_run=False)
    (system.layout.root / "opt/abusehandler/root/etc").rmdir()
    assert install(system, answers, None, dry_run=False) > 0
    assert install(system, answers, None, dry_run=False) == 0


def test_a_foreign_command_is_not_overwritten(system: System, answers: Answers) -> None:
    foreign = system.layout.root / "usr/local/bin/intelmqctl"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(SetupError, match="another installation of IntelMQ"):
        install(system, answers, None, dry_run=False)


def test_the_tables_are_made_once(system: System, answers: Answers, empty_dsn: str) -> None:
    install(system, answers, None, dry_run=False)
    path = system.layout.etc / "abusehandler.yaml"
    edited = yaml.safe_load(path.read_text(encoding="utf-8"))
    edited["database"]["dsn"] = empty_dsn
    path.write_text(yaml.safe_dump(edited), encoding="utf-8")
    assert run_steps([Schema(system)], system) == 1
    assert run_steps([Schema(system)], system) == 0


def test_a_certificate_of_ones_own_stands_in_the_site(system: System, answers: Answers, tmp_path: Path) -> None:
    run_steps([Nginx(system, answers)], system)
    site = (system.layout.root / "etc/nginx/sites-available/abusehandler").read_text(encoding="utf-8")
    assert f"ssl_certificate {tmp_path}/cert.pem;" in site
    assert "server_name abuse.example.net;" in site
    assert "@" not in site


def test_after_a_failure_a_full_disk_is_named_and_only_then(tmp_path: Path) -> None:
    system = System(Layout(tmp_path))
    assert room_for(SetupError("createdb failed: could not extend file: No space left on device"), system).startswith(
        "\nThe disk is full: make room."
    )
    assert room_for(OSError(28, "No space left on device", "/etc/abusehandler/rules.yaml"), system)
    assert room_for(SetupError("createdb failed: permission denied"), system) == ""


def test_a_disk_that_is_nearly_full_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="are needed; make room and start again"):
        require_space(tmp_path, gigabytes=1e9)


def test_from_the_command_line(answers: Answers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--answers", str(tmp_path / "answers.yaml"), "--into", str(tmp_path / "machine")]
    assert main([*words, "--check-answers"]) == 0
    assert main(words) == 0
    assert "is set up; " in capsys.readouterr().out
    # the second time the kept answers are enough
    assert main(["--into", str(tmp_path / "machine")]) == 0
    assert "nothing had to be changed" in capsys.readouterr().out
    (tmp_path / "key").unlink()
    (tmp_path / "machine/etc/abusehandler/secrets/shadowserver-api-key").unlink()
    assert main(words) == 1
    assert "shadowserver.api_key_file" in capsys.readouterr().err
