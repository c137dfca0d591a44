# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""runtime.yaml, abusehandler.yaml and rules.yaml as they follow from the answers: the shipped files, with the answers set in."""

from __future__ import annotations

import io
from importlib import resources
from typing import TYPE_CHECKING, Any

from abusehandler.installer.setup.answers import SECRETS
from abusehandler.installer.setup.layout import DATABASE
from abusehandler.installer.setup.three_way import round_trip

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.installer.setup.answers import Answers
    from abusehandler.installer.setup.layout import Layout


def shipped(name: str) -> str:
    """A file of the package's runtime/ folder."""
    return resources.files("abusehandler.runtime").joinpath(name).read_text(encoding="utf-8")


def runtime(answers: Answers, layout: Layout) -> str:
    """runtime.yaml: the chosen pipeline, our Redis, and the collectors that the answers fill in."""
    editor = round_trip()
    document = editor.load(shipped(f"{answers.pipeline}.yaml"))
    common = document["global"]
    for key in ("source_pipeline_host", "destination_pipeline_host", "statistics_host"):
        common[key] = str(layout.redis_socket)
    common.insert(0, "logging_path", str(layout.log))
    # absolute, because the bots follow the link that etc is before they look for relative ones
    if (feeds := document.get("feed-file-collector")) is not None:
        feeds["parameters"]["folder"] = str(layout.state / "feeds")
    _shadowserver(document, layout)
    _mailbox(document, answers, layout)
    return _dumped(editor, document)


def _shadowserver(document: Any, layout: Layout) -> None:
    bot = document.get("shadowserver-api-collector")
    key, secret = (layout.secrets / SECRETS[f"shadowserver.{name}"] for name in ("api_key_file", "secret_file"))
    if bot is None or not (key.is_file() and secret.is_file()):
        return
    # IntelMQ's collector knows no files for these, so runtime.yaml itself has mode 0600
    bot["parameters"]["api_key"] = _first_line(key)
    bot["parameters"]["secret"] = _first_line(secret)
    bot["enabled"] = True


def _mailbox(document: Any, answers: Answers, layout: Layout) -> None:
    box = answers.mailbox
    if "abuse-maildir-collector" not in document:
        return
    maildir, imap, pipe = (document[f"abuse-{name}-collector"] for name in ("maildir", "imap", "pipe"))
    maildir["parameters"]["maildir"] = str(box.path or layout.state / "maildir")
    pipe["enabled"] = box.kind in ("postfix", "exim", "later")
    if box.kind != "imap":
        return
    imap["enabled"] = True
    settings = imap["parameters"]
    settings["host"], settings["user"] = box.host, box.user
    settings["password_file"] = str(layout.secrets / SECRETS["mailbox.password_file"])
    settings["folder"] = box.folder
    if box.security != "tls":
        settings["security"] = box.security
    if box.processed_folder:
        settings["processed_folder"] = box.processed_folder


def configuration(answers: Answers, layout: Layout) -> str:
    """abusehandler.yaml."""
    editor = round_trip()
    document = editor.load(shipped("abusehandler.yaml"))
    _fill(document["organisation"], answers.organisation.model_dump(mode="json", exclude_defaults=True))
    networks = answers.networks.model_dump(mode="json", exclude_defaults=True)
    for key in ("prefixes", "asns", "domains"):
        document["networks"].pop(key, None)
    _fill(document["networks"], networks)
    document["database"]["dsn"] = f"dbname={DATABASE} host=/run/postgresql"
    document["evidence"]["path"] = str(layout.state / "evidence")
    if answers.customers.connector is not None:
        document["customers"] = answers.customers.connector
    else:
        document["customers"]["path"] = "customers.csv"
        document["customers"]["state_path"] = str(layout.state / "customers")
    smtp = answers.smtp.model_dump(mode="json", exclude_defaults=True)
    if answers.smtp.password_file is not None:
        smtp["password_file"] = str(layout.secrets / SECRETS["smtp.password_file"])
    _fill(document["mail"]["smtp"], smtp)
    if answers.mailbox.kind in ("postfix", "exim"):
        document["mail"].insert(0, "answer_secret_file", str(layout.secrets / "answer-secret"))
    if answers.web.host_name:
        document["portal"] = {
            "public_url": f"https://{answers.web.host_name}",
            "socket": str(layout.portal_socket),
        }
    return _dumped(editor, document)


def rules() -> str:
    """rules.yaml: nothing but comments until the operator writes something."""
    return shipped("rules.yaml")


def _fill(section: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        section[key] = value


def _dumped(editor: Any, document: Any) -> str:
    text = io.StringIO()
    editor.dump(document, text)
    return text.getvalue()


def _first_line(path: Path) -> str:
    return next(iter(path.read_text(encoding="utf-8").splitlines()), "").strip()
