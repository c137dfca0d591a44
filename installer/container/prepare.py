# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a container does once at each start: configuration from .env and this release, the database brought up to date.

What the operator has changed stays: runtime.yaml and abusehandler.yaml are merged as the installer merges them, with what
was written last as the base, and on a conflict the operator's value is kept and told.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.harmonization.fields import merge_file
from abusehandler.installer.backup.manifest import write_whole
from abusehandler.installer.setup import templates
from abusehandler.installer.setup.answers import SECRETS, Answers
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.three_way import Merged, merge, round_trip
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDERS = ("etc/manager", "etc/secrets", "var/lib/bots", "var/lib/evidence", "var/lib/feeds", "var/lib/customers",
           "var/lib/shipped", "var/lib/maildir/new", "var/lib/maildir/cur", "var/lib/maildir/tmp", "var/log", "var/run")  # fmt: skip
HARMONIZATION = "harmonization.conf"
#: The words of .env that are one answer each; ABUSE_PREFIXES and ABUSE_ASNS are lists with spaces between.
WORDS = {
    "ABUSE_ORGANISATION": "organisation.name",
    "ABUSE_ADDRESS": "organisation.abuse_address",
    "ABUSE_TIME_ZONE": "organisation.time_zone",
    "ABUSE_LANGUAGE": "organisation.language",
    "ABUSE_PIPELINE": "pipeline",
    "SMTP_HOST": "smtp.host",
    "SMTP_PORT": "smtp.port",
    "SMTP_SECURITY": "smtp.security",
    "SMTP_USER": "smtp.user",
    "IMAP_HOST": "mailbox.host",
    "IMAP_USER": "mailbox.user",
    "IMAP_SECURITY": "mailbox.security",
}


@dataclass(frozen=True, slots=True)
class ContainerLayout(Layout):
    """`root` is IntelMQ's root directory: in the image links to volumes, whose own paths are what is written down."""

    @property
    def intelmq(self) -> Path:
        return self.root

    @property
    def etc(self) -> Path:
        return (self.root / "etc").resolve()

    @property
    def state(self) -> Path:
        return (self.root / "var/lib").resolve()

    @property
    def log(self) -> Path:
        return (self.root / "var/log").resolve()

    @property
    def portal_socket(self) -> Path:
        return Path("/run/abusehandler/portal/portal.sock")


def prepare(root: Path, words: Mapping[str, str]) -> list[str]:
    """Writes what is missing under `root` and what .env or this release brings anew; returns a line for each change.

    Raises AbusehandlerError.
    """
    for name in FOLDERS:
        (root / name).mkdir(mode=0o750, parents=True, exist_ok=True)
    layout, answers = ContainerLayout(root), _answers(words, root)
    written = []
    for name, text in (
        ("runtime.yaml", _runtime(answers, layout, words)),
        ("abusehandler.yaml", _configuration(answers, layout, words)),
        ("rules.yaml", templates.rules()),
        ("manager/positions.conf", templates.shipped("positions.conf")),
    ):
        written += _bring(layout, name, text)
    if not (layout.etc / "customers.csv").exists():
        write_whole(layout.etc / "customers.csv", b"customer,name,network,email\n", 0o640)
        written.append("customers.csv: new; fill it in")
    if not (layout.etc / HARMONIZATION).exists():
        stock = resources.files("intelmq") / "etc" / HARMONIZATION
        write_whole(layout.etc / HARMONIZATION, stock.read_bytes(), 0o640)
        written.append(f"{HARMONIZATION}: new")
    written += [f"{HARMONIZATION}: field {field}" for field in merge_file(layout.etc / HARMONIZATION)]
    if not (layout.state / "state.json").exists():
        _upgrade_config(layout)
    return written


def _answers(words: Mapping[str, str], root: Path) -> Answers:
    """What .env says. Raises ConfigurationError naming each word that is wrong."""
    said: dict[str, Any] = {"organisation": {}}

    def answer(key: str, value: object) -> None:
        section, _, name = key.partition(".")
        if name:
            said.setdefault(section, {})[name] = value
        else:
            said[section] = value

    for word, key in WORDS.items():
        if value := _said(words, word):
            answer(key, value)
    for word, key in (("ABUSE_PREFIXES", "networks.prefixes"), ("ABUSE_ASNS", "networks.asns")):
        if items := _said(words, word).replace(",", " ").split():
            answer(key, items)
    secrets = ContainerLayout(root).secrets
    if "host" in said.get("mailbox", {}):
        answer("mailbox.kind", "imap")
        answer("mailbox.password_file", secrets / SECRETS["mailbox.password_file"])
    if "user" in said.get("smtp", {}):
        answer("smtp.password_file", secrets / SECRETS["smtp.password_file"])
    # only the installer does something with it
    answer("administrator.mail", _said(words, "ABUSE_ADDRESS"))
    try:
        return Answers.model_validate(said)
    except ValidationError as error:
        lines = {
            f".env: {_word('.'.join(map(str, fault['loc'])))}: "
            + ("fill it in" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, "))
            for fault in error.errors(include_url=False)
            if fault["loc"][:1] != ("administrator",)
        }
        raise ConfigurationError("\n".join(sorted(lines))) from None


def _said(words: Mapping[str, str], word: str) -> str:
    """A word of .env; Docker takes quotes off, Podman hands them on."""
    value = words.get(word, "").strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _word(key: str) -> str:
    """The word of .env that stands for a key of the answers."""
    if key.startswith("networks") or not key:
        return "ABUSE_PREFIXES or ABUSE_ASNS"
    fitting = [word for word, answer in WORDS.items() if key in (answer, answer.partition(".")[0])]
    return ", ".join(fitting) or key


def _runtime(answers: Answers, layout: Layout, words: Mapping[str, str]) -> str:
    editor = round_trip()
    document = editor.load(templates.runtime(answers, layout))
    for key in ("source_pipeline_host", "destination_pipeline_host", "statistics_host"):
        document["global"][key] = words.get("REDIS_HOST") or "redis"
    # else IntelMQ's upgrade-config adds it, and drops all comments with that
    document["global"].setdefault("statistics_password", None)
    return _dumped(editor, document)


def _configuration(answers: Answers, layout: Layout, words: Mapping[str, str]) -> str:
    editor = round_trip()
    document = editor.load(templates.configuration(answers, layout))
    document["database"]["dsn"] = (
        words.get("DATABASE_DSN") or "dbname=abusehandler user=abusehandler host=/var/run/postgresql"
    )
    # nothing goes to customers before somebody has looked
    document["notices"]["hold"] = True
    document["backup"] = {"path": "/var/backups/abusehandler"}
    if host := _said(words, "ABUSE_HOST"):
        document["portal"] = {"public_url": f"https://{host}", "socket": str(layout.portal_socket)}
    return _dumped(editor, document)


def _dumped(editor: Any, document: Any) -> str:
    text = io.StringIO()
    editor.dump(document, text)
    return text.getvalue()


def _bring(layout: Layout, name: str, ours: str) -> list[str]:
    """Brings our text into a file of the configuration; what the operator changed in it stays."""
    path, base_path = layout.etc / name, layout.shipped / Path(name).name
    # the Shadowserver key stands in it
    mode = 0o600 if name == "runtime.yaml" else 0o640
    yours = path.read_text(encoding="utf-8") if path.exists() else None
    if yours is None:
        plan = Merged(ours, ("new",), ())
    else:
        # where it is not known what was shipped, all that differs is the operator's
        base = base_path.read_text(encoding="utf-8") if base_path.exists() else ours
        plan = merge(base, yours, ours, choice="keep", name=str(path))
    if plan.text != yours:
        if yours is not None:
            write_whole(path.with_name(path.name + ".before-merge"), yours.encode(), 0o600)
        write_whole(path, plan.text.encode(), mode)
    write_whole(base_path, ours.encode(), 0o600)
    return [
        *(f"{name}: {change}" for change in plan.changes),
        *(f"{name}: yours is kept: {conflict}" for conflict in plan.conflicts),
    ]


def _upgrade_config(layout: Layout) -> None:
    """IntelMQ's own upgrade; it writes runtime.yaml without comments even where it has nothing to change."""
    path = layout.etc / "runtime.yaml"
    before = path.read_text(encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "intelmqctl"), "upgrade-config"],
        env={**os.environ, "INTELMQ_ROOT_DIR": str(layout.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AbusehandlerError(f"intelmqctl upgrade-config failed: {(done.stderr or done.stdout).strip()[-800:]}")
    # others may read this copy, and the Shadowserver key stands in it
    path.with_name("runtime.yaml.bak").unlink(missing_ok=True)
    if yaml.safe_load(before) == yaml.safe_load(path.read_text(encoding="utf-8")):
        write_whole(path, before.encode(), 0o600)


def main() -> int:
    root = Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq")
    try:
        for line in prepare(root, os.environ):
            print(f"prepare: {line}")
        database = Database(load(root / "etc/abusehandler.yaml").database.dsn)
        for migration in upgrade(database):
            print(f"prepare: migration {migration.number} {migration.name}")
        database.close()
    except (AbusehandlerError, OSError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
