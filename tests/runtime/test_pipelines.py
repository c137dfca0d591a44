# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ready pipelines: every bot exists, knows its parameters, and what is sent somewhere arrives at a bot."""

from __future__ import annotations

import importlib
import json
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from intelmq.lib.exceptions import MissingDependencyError

from abusehandler.configuration import load
from abusehandler.configuration.model import Configuration
from abusehandler.tickets.rules import Rules

FOLDER = Path(str(resources.files("abusehandler.runtime")))
PIPELINES = ("shadowserver", "mail", "everything")
GROUPS = {"Collector": "collectors", "Parser": "parsers", "Expert": "experts", "Output": "outputs"}


def pipeline(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def bots(name: str) -> dict[str, dict[str, Any]]:
    return {key: value for key, value in pipeline(name).items() if key != "global"}


EVERY_BOT = [(name, bot) for name in PIPELINES for bot in bots(name)]


def queues(bot: dict[str, Any]) -> set[str]:
    paths = bot["parameters"].get("destination_queues", {})
    return {queue for targets in paths.values() for queue in targets}


@pytest.mark.parametrize(("name", "bot_id"), EVERY_BOT)
def test_bot_has_what_intelmq_wants_of_it(name: str, bot_id: str) -> None:
    bot = bots(name)[bot_id]
    for key in ("module", "name", "group", "description", "run_mode", "enabled", "parameters"):
        assert key in bot
    assert bot["description"]
    assert bot["module"].split(".")[2] == GROUPS[bot["group"]]
    assert bot["run_mode"] in ("continuous", "scheduled")


@pytest.mark.parametrize(("name", "bot_id"), EVERY_BOT)
def test_module_is_a_bot_that_intelmqctl_finds(name: str, bot_id: str) -> None:
    module = bots(name)[bot_id]["module"]
    scripts = {entry.name: entry.value for entry in metadata.entry_points(group="console_scripts")}
    assert module in scripts
    target = importlib.import_module(scripts[module].partition(":")[0])
    assert isinstance(target.BOT, type)


@pytest.mark.parametrize(("name", "bot_id"), EVERY_BOT)
def test_parameters_are_known_to_the_bot(name: str, bot_id: str) -> None:
    bot = bots(name)[bot_id]
    scripts = {entry.name: entry.value for entry in metadata.entry_points(group="console_scripts")}
    kind = importlib.import_module(scripts[bot["module"]].partition(":")[0]).BOT
    for parameter in bot["parameters"]:
        assert hasattr(kind, parameter) or parameter == "destination_queues", parameter
    if bot["module"].split(".")[3] == "abusehandler":
        try:
            found = kind.check({**pipeline(name)["global"], **bot["parameters"]}) or []
        except MissingDependencyError as error:
            pytest.skip(str(error))
        assert [text for level, text in found if level == "warning"] == []


@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_sent_somewhere_arrives_at_a_bot(name: str) -> None:
    sources = {bot["parameters"].get("source_queue", f"{bot_id}-queue") for bot_id, bot in bots(name).items()}
    for bot_id, bot in bots(name).items():
        assert queues(bot) <= sources, bot_id
        assert bool(queues(bot)) == (bot["group"] != "Output"), bot_id


@pytest.mark.parametrize("name", PIPELINES)
def test_every_bot_but_those_that_look_into_the_database_gets_something(name: str) -> None:
    reached = {queue for bot in bots(name).values() for queue in queues(bot)}
    for bot_id, bot in bots(name).items():
        if bot["group"] != "Collector" and not bot["module"].endswith((".notices", ".timers", ".webhooks")):
            assert f"{bot_id}-queue" in reached


def test_everything_is_all_of_the_others_together() -> None:
    everything = bots("everything")
    for name in ("shadowserver", "mail"):
        for bot_id, bot in bots(name).items():
            assert everything[bot_id] == bot, f"{name}.yaml: {bot_id} differs from everything.yaml"
    assert everything.keys() >= bots("shadowserver").keys() | bots("mail").keys()


def test_global_settings_are_the_same_everywhere() -> None:
    assert pipeline("shadowserver")["global"] == pipeline("mail")["global"] == pipeline("everything")["global"]


def test_every_bot_has_a_place_in_intelmq_manager() -> None:
    positions = json.loads((FOLDER / "positions.conf").read_text(encoding="utf-8"))
    assert positions.keys() - {"settings"} == bots("everything").keys()
    places = [(place["x"], place["y"]) for bot_id, place in positions.items() if bot_id != "settings"]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_is_commented_for_an_operator(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert sum(line.lstrip().startswith("#") for line in text.splitlines()) > 12
    assert "password" not in text.lower() or "password_file" in text


def test_example_configuration_is_right_and_has_no_key_that_does_not_exist() -> None:
    configuration = load(FOLDER / "abusehandler.yaml")
    assert isinstance(configuration, Configuration)
    assert configuration.evidence.path.is_absolute()


def test_example_rules_are_right_with_and_without_their_comment_signs(tmp_path: Path) -> None:
    text = (FOLDER / "rules.yaml").read_text(encoding="utf-8")
    (tmp_path / "as-it-is.yaml").write_text(text, encoding="utf-8")
    assert Rules.load(tmp_path / "as-it-is.yaml").escalation == ()
    shown = "\n".join(
        line[2:] if line.startswith("# ") and line[2:3] in "abcdefghijklmnopqrstuvwxyz " else ""
        for line in text.splitlines()[6:]
    )
    (tmp_path / "shown.yaml").write_text(shown, encoding="utf-8")
    rules = Rules.load(tmp_path / "shown.yaml")
    assert {rule.name for rule in rules.escalation} >= {"flood"}
    assert rules.mutes
