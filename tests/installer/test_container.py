# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The container files keep step with the program; the supervisor keeps all bots running."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.configuration import load
from abusehandler.errors import ConfigurationError
from abusehandler.installer.container.portal_health import healthy
from abusehandler.installer.container.prepare import WORDS, prepare
from abusehandler.installer.container.put import place_of, put
from abusehandler.installer.run_bot import running
from abusehandler.installer.setup.bot_units import bots
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.installer.services import RedisServer

SOURCE = Path(__file__).resolve().parents[2]
FOLDER = Path(str(resources.files("abusehandler.installer"))) / "container"
OURS = ("prepare", "bots", "portal", "lmtp", "metrics", "backup")


@pytest.fixture(scope="module")
def containerfile() -> str:
    return (FOLDER / "Containerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_every_folder_of_the_package_is_copied(containerfile: str) -> None:
    setup = (SOURCE / "setup.py").read_text(encoding="utf-8")
    folders = re.search(r"FOLDERS = \(([^)]*)\)|FOLDERS = \[([^\]]*)\]", setup)
    assert folders
    wanted = {"abusehandler", *re.findall(r'"([a-z_]+)"', folders[0])}
    assert wanted == set(re.findall(r"^COPY ([a-z_]+) \1$", containerfile, re.MULTILINE))
    stand_ins = re.search(r"for part in ([a-z_ ]+);", containerfile)
    assert stand_ins and {"abusehandler", *stand_ins[1].split()} == wanted
    ignore = (FOLDER / "Containerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{name}" for name in wanted} <= set(ignore)


def test_image_is_small_pinned_and_not_root(containerfile: str) -> None:
    stages = re.findall(r"^FROM (\S+)( AS build)?$", containerfile, re.MULTILINE)
    # Debian 13 has Python 3.13
    assert [stage[0] for stage in stages] == ["docker.io/library/debian:trixie-slim"] * 2
    assert re.search(r"^USER 10001:10001$", containerfile, re.MULTILINE)
    assert "constraints.txt" in containerfile
    assert not re.search(r"(?i)(password|secret|api_key)=", containerfile)
    assert not re.search(r"^ADD |:latest|curl .*\| *sh", containerfile, re.MULTILINE)


def test_pg_dump_fits_the_server(containerfile: str, compose: dict[str, Any]) -> None:
    client = re.search(r"postgresql-client-(\d+)", containerfile)
    server = re.search(r"postgres:(\d+)", compose["services"]["postgres"]["image"])
    assert client and server and client[1] == server[1]


def test_services_are_confined_and_looked_after(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["user"] not in ("", "root", "0"), name
        assert service["cap_drop"] == ["ALL"], name
        # the kernel refuses to start Caddy's program without it; see capabilities(7)
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "web" else []), name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "max-size" in service["logging"]["options"], name
        assert "healthcheck" in service, name
        assert "privileged" not in service and "docker.sock" not in str(service), name
        for port in service.get("ports", ()):
            assert name == "web" or port.startswith("127.0.0.1:"), port
        if name in OURS:
            assert service["user"] == "10001:10001", name
        else:
            assert re.search(r":\d", service["image"]), f"{name}: name a version"
    assert set(OURS) | {"postgres", "redis", "web"} == set(compose["services"])


def test_words_of_env_reach_prepare(compose: dict[str, Any]) -> None:
    assert compose["services"]["prepare"]["env_file"] == [".env"]
    example = set(re.findall(r"^(?:# )?([A-Z_]+)=", (FOLDER / "env.example").read_text(encoding="utf-8"), re.MULTILINE))
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    filled_in = set(re.findall(r"\$\{([A-Z_]+)", text)) - {"ABUSEHANDLER_IMAGE"}
    assert example == {*WORDS, "ABUSE_PREFIXES", "ABUSE_ASNS", "COMPOSE_PROFILES", *filled_in} - {"IMAP_SECURITY"}
    # podman-compose leaves an empty default as it stands
    assert ":-}" not in text
    assert not any(re.search("PASSWORD|SECRET|KEY", word) for word in example), "whoever inspects a container sees it"


def test_web_servers_volume_is_made_by_our_image(compose: dict[str, Any], containerfile: str) -> None:
    volumes = {name: service.get("volumes", []) for name, service in compose["services"].items()}
    assert [name for name in volumes if "web:/var/lib/web" in volumes[name]] == ["prepare", "web"]
    assert "touch /var/lib/web/" in containerfile


def test_volumes_and_networks_are_declared(compose: dict[str, Any]) -> None:
    used = {
        re.sub(r"^\$\{[A-Z_]+:-([a-z-]+)\}", r"\1", volume).partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
    }
    assert used == set(compose["volumes"])
    assert {name for service in compose["services"].values() for name in service.get("networks", ())} == set(
        compose["networks"]
    )
    assert compose["networks"]["inside"]["internal"] is True


def test_redis_keeps_what_the_installers_does(compose: dict[str, Any]) -> None:
    said = " ".join(compose["services"]["redis"]["command"])
    for line in (FOLDER.parent / "units/redis.conf").read_text(encoding="utf-8").splitlines():
        if line.startswith(("appendonly", "appendfsync", "maxmemory-policy")):
            assert f"--{line}" in said


def test_commands_and_modules_are_there(compose: dict[str, Any]) -> None:
    from abusehandler.cli import COMMANDS

    for name in OURS:
        command = compose["services"][name]["command"]
        if command[0] == "abusehandler":
            assert command[1] in COMMANDS
        else:
            assert command[:2] == ["python", "-m"]
            assert (FOLDER / (command[2].rpartition(".")[2] + ".py")).exists()


def test_compose_file_is_read_by_docker(tmp_path: Path) -> None:
    shutil.copyfile(FOLDER / "compose.yaml", tmp_path / "compose.yaml")
    shutil.copyfile(FOLDER / "env.example", tmp_path / ".env")
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker compose here")
    done = subprocess.run(
        ["docker", "compose", "-f", str(tmp_path / "compose.yaml"), "--profile", "*", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def engine() -> str | None:
    """A container engine that runs here for this user."""
    for name in ("podman", "docker"):
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:
            return name
    return None


def test_image_can_be_built(containerfile: str) -> None:
    name = engine()
    if name is None:
        pytest.skip("no container engine runs here")
    base = re.findall(r"^FROM (\S+)", containerfile, re.MULTILINE)[0]
    inspected = subprocess.run([name, "image", "inspect", base], capture_output=True, check=False)
    if inspected.returncode and not os.environ.get("ABUSEHANDLER_BUILD_IMAGE"):
        pytest.skip(f"{base} is not here; ABUSEHANDLER_BUILD_IMAGE=1 fetches it")
    subprocess.run(
        [name, "build", "-f", str(FOLDER / "Containerfile"), "-t", "localhost/abusehandler-test",
         *os.environ.get("ABUSEHANDLER_BUILD_OPTIONS", "").split(), str(SOURCE)],
        check=True,
    )  # fmt: skip
    done = subprocess.run(
        [name, "run", "--rm", "--network", "none", "--read-only", "localhost/abusehandler-test", "sh", "-c",
         "id -u && abusehandler --version && intelmqctl --version && pg_dump --version && command -v put"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "10001"


WORDS_OF_ENV = {
    "ABUSE_ORGANISATION": '"Example Networks"',
    "ABUSE_ADDRESS": "abuse@example.org",
    "ABUSE_PREFIXES": "192.0.2.0/24, 2001:db8::/32",
    "ABUSE_HOST": "abuse.example.org",
    "SMTP_HOST": "mail.example.org",
    "SMTP_PORT": "587",
    "SMTP_SECURITY": "starttls",
    "SMTP_USER": "abuse",
}


def yaml_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_prepare_writes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    assert "abusehandler.yaml: new" in prepare(tmp_path, WORDS_OF_ENV)
    configuration = load(tmp_path / "etc/abusehandler.yaml")
    assert configuration.organisation.name == "Example Networks", "Podman leaves the quotes of .env"
    assert configuration.networks.prefixes == ("192.0.2.0/24", "2001:db8::/32")
    assert configuration.portal.public_url == "https://abuse.example.org" and configuration.notices.hold
    assert configuration.mail.smtp.port == 587
    assert configuration.mail.smtp.password_file == tmp_path / "etc/secrets/smtp-password"
    shipped = yaml.safe_load((resources.files("abusehandler.runtime") / "everything.yaml").read_text(encoding="utf-8"))
    runtime = yaml_of(tmp_path / "etc/runtime.yaml")
    assert runtime.keys() >= shipped.keys()
    assert runtime["global"]["source_pipeline_host"] == "redis"
    assert "# IntelMQ moves messages" in (tmp_path / "etc/runtime.yaml").read_text(encoding="utf-8"), (
        "comments are kept"
    )
    before = {path: path.read_bytes() for path in (tmp_path / "etc").rglob("*") if path.is_file()}
    assert prepare(tmp_path, WORDS_OF_ENV) == []
    assert before == {path: path.read_bytes() for path in (tmp_path / "etc").rglob("*") if path.is_file()}
    readable = [path for path in before if path.stat().st_mode & 0o007]
    assert not readable, "what stands in etc is nobody else's business"


def test_prepare_brings_what_is_new_and_keeps_what_the_operator_changed(tmp_path: Path) -> None:
    prepare(tmp_path, WORDS_OF_ENV)
    path = tmp_path / "etc/abusehandler.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("hold: true", "hold: false").replace("port: 587", "port: 2525"),
        encoding="utf-8",
    )
    told = prepare(tmp_path, {**WORDS_OF_ENV, "SMTP_HOST": "relay.example.org", "SMTP_PORT": "465"})
    configuration = load(path)
    assert configuration.mail.smtp.host == "relay.example.org"
    assert configuration.mail.smtp.port == 2525 and not configuration.notices.hold
    assert any("yours is kept" in line and "mail.smtp.port" in line for line in told)


def test_secrets_of_shadowserver_switch_its_collector_on(tmp_path: Path) -> None:
    prepare(tmp_path, WORDS_OF_ENV)
    put(tmp_path, "secrets/shadowserver-api-key", io.BytesIO(b"example-key\n"))
    put(tmp_path, "secrets/shadowserver-secret", io.BytesIO(b"example-secret\n"))
    told = prepare(tmp_path, WORDS_OF_ENV)
    path = tmp_path / "etc/runtime.yaml"
    bot = yaml_of(path)["shadowserver-api-collector"]
    assert bot["enabled"] is True and bot["parameters"]["api_key"] == "example-key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "example-" not in "".join(told), "a secret is never in a log"


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("ABUSE_ORGANISATION", "", "ABUSE_ORGANISATION: fill it in"),
        ("ABUSE_PREFIXES", "192.0.2.1/24", "write 192.0.2.0/24"),
        ("ABUSE_PREFIXES", "", "ABUSE_PREFIXES or ABUSE_ASNS"),
        ("SMTP_PORT", "smtp", "SMTP_PORT"),
        ("IMAP_HOST", "imap.example.net", "IMAP_USER"),
    ],
)
def test_prepare_names_the_word_of_env_that_is_wrong(tmp_path: Path, word: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        prepare(tmp_path, {**WORDS_OF_ENV, word: value})


def test_put_brings_a_file_in_whole_or_not_at_all(tmp_path: Path) -> None:
    prepare(tmp_path, WORDS_OF_ENV)
    path = tmp_path / "etc/abusehandler.yaml"
    good = path.read_bytes()
    told = put(tmp_path, "abusehandler.yaml", io.BytesIO(good.replace(b"Example Networks", b"Example Cable")))
    assert load(path).organisation.name == "Example Cable" and path.stat().st_mode & 0o777 == 0o640
    assert any("smtp-password" in line for line in told), "what it names and is not there yet is told"
    for name, wrong in (
        ("abusehandler.yaml", b"organisation: 5\n"),
        ("abusehandler.yaml", b""),
        ("rules.yaml", b"tickets: {no_such_key: 1}\n"),
        ("runtime.yaml", b"bots: [\n"),
        ("runtime.yaml", b"- a list\n"),
        ("secrets/imap-password", b"\n"),
    ):
        with pytest.raises(ConfigurationError) as error:
            put(tmp_path, name, io.BytesIO(wrong))
        assert name in str(error.value) and ".new" not in str(error.value)
    assert load(path).organisation.name == "Example Cable"
    assert not list(tmp_path.rglob("*.new"))


def test_put_keeps_secrets_tight_and_reports_in_their_folder(tmp_path: Path) -> None:
    prepare(tmp_path, WORDS_OF_ENV)
    put(tmp_path, "secrets/imap-password", io.BytesIO(b"example\n"))
    assert (tmp_path / "etc/secrets/imap-password").stat().st_mode & 0o777 == 0o600
    put(tmp_path, "feeds/scan_dns.csv", io.BytesIO(b"timestamp,ip\n"))
    assert (tmp_path / "var/lib/feeds/scan_dns.csv").read_bytes() == b"timestamp,ip\n"


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "secrets/../../x", ".env", "feeds", "feeds/a/b", "feeds/.x"]
)
def test_put_stays_in_its_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        place_of(tmp_path, name)


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_supervisor_keeps_bots_running(tmp_path: Path, empty_dsn: str, redis_server: RedisServer) -> None:
    prepare(tmp_path, {**WORDS_OF_ENV, "REDIS_HOST": redis_server.socket, "DATABASE_DSN": empty_dsn})
    path = tmp_path / "etc/runtime.yaml"
    runtime = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in [name for name in runtime if name not in ("global", "customer-expert", "abuse-timers")]:
        runtime[name]["enabled"] = False
    path.write_text(yaml.safe_dump(runtime), encoding="utf-8")
    database = Database(empty_dsn)
    upgrade(database)
    database.close()
    modules = {name: str(bot["module"]) for name, bot in bots(tmp_path).items()}
    assert len(modules) == 2

    def pid(name: str) -> int | None:
        return running(tmp_path, name, modules[name])

    supervisor = subprocess.Popen(
        [sys.executable, "-m", "abusehandler.installer.container.supervise"], env={**os.environ, "INTELMQ_ROOT_DIR": str(tmp_path)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until(lambda: all(pid(name) for name in modules))
        first = pid("customer-expert")
        assert first
        os.kill(first, signal.SIGKILL)
        until(lambda: pid("customer-expert") not in (None, first))
        numbers = [pid(name) for name in modules]
    finally:
        supervisor.terminate()
        said, _ = supervisor.communicate(timeout=300)
    assert supervisor.returncode == 0
    assert "customer-expert failed (-9)" in said
    assert not any(Path(f"/proc/{number}").exists() for number in numbers)


def test_portal_that_is_away_is_not_healthy(tmp_path: Path) -> None:
    assert not healthy(str(tmp_path / "portal.sock"))
