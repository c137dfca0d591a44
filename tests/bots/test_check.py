# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `intelmqctl check` says about each of our bots: the key that is wrong, and what to write."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from desk_of_test import configure

import abusehandler.bots

FOLDER = Path(abusehandler.bots.__file__).parent
MODULES = sorted(
    f"abusehandler.bots.{group}.{path.stem}"
    for group in ("collectors", "parsers", "experts", "outputs")
    for path in (FOLDER / group).glob("[a-z]*.py")
)


def bot(module: str) -> Any:
    return importlib.import_module(module).BOT


def errors(module: str, **parameters: Any) -> list[str]:
    return [text for level, text in bot(module).check(parameters) or [] if level == "error"]


def warnings(module: str, **parameters: Any) -> list[str]:
    return [text for level, text in bot(module).check(parameters) or [] if level == "warning"]


@pytest.mark.parametrize("module", MODULES)
def test_every_bot_has_a_manual_and_a_name_of_its_own(module: str, etc: Path) -> None:
    kind = bot(module)
    assert kind.__doc__ and len(kind.__doc__) > 60
    assert kind.__name__.endswith(("CollectorBot", "ParserBot", "ExpertBot", "OutputBot"))
    assert [bot(other).__name__ for other in MODULES].count(kind.__name__) == 1
    documented = kind.__doc__.partition("Parameters:")[2]
    for name in vars(kind):
        value = vars(kind)[name]
        if (
            not name.startswith("_")
            and not callable(value)
            and not isinstance(value, (classmethod, staticmethod, property))
        ):
            assert name in documented or name in {"rate_limit", "batch_size", "gather_seconds", "timeout"}, name


@pytest.mark.parametrize("module", MODULES)
def test_misspelt_parameter_is_named_with_the_right_one(module: str, etc: Path) -> None:
    (said,) = [text for text in warnings(module, quue_limit=5) if "quue_limit" in text]
    assert "write 'queue_limit'" in said


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("name", "value"), [("batch_size", 0), ("queue_limit", "many"), ("gather_seconds", -1), ("batch_size", True)])  # fmt: skip
def test_wrong_number_is_named(module: str, etc: Path, name: str, value: object) -> None:
    (said,) = [text for text in errors(module, **{name: value}) if name in text]
    assert "must be a number" in said
    assert repr(value) in said


@pytest.mark.parametrize("module", MODULES)
def test_stock_parameters_are_known(module: str, etc: Path) -> None:
    stock = {
        "destination_queues": {"_default": ["x-queue"]}, "source_queue": "y-queue", "error_procedure": "pass",
        "error_max_retries": 3, "source_pipeline_host": "127.0.0.1", "statistics_database": 3, "logging_level": "INFO",
        "load_balance": True, "http_proxy": None, "process_manager": "intelmq", "ssl_ca_certificate": None,
    }  # fmt: skip
    assert warnings(module, **stock) == []


@pytest.mark.parametrize("module", MODULES)
def test_fault_of_abusehandler_yaml_is_told_with_its_line(module: str, etc: Path) -> None:
    configure(etc, notices={"setle_seconds": 3})
    found = [text for text in errors(module) if "setle_seconds" in text]
    assert len(found) == 1
    assert "abusehandler.yaml, line " in found[0]
    assert "write 'settle_seconds'" in found[0]


@pytest.mark.parametrize("module", MODULES)
def test_missing_abusehandler_yaml_says_what_to_copy(module: str, etc: Path) -> None:
    (etc / "abusehandler.yaml").unlink()
    assert any("copy runtime/abusehandler.yaml" in text for text in errors(module))


@pytest.mark.parametrize(
    ("module", "name"),
    [("abusehandler.bots.collectors.maildir", "maildir"), ("abusehandler.bots.collectors.feed_files", "folder")],
)
def test_collectors_want_their_folder(module: str, name: str, etc: Path) -> None:
    assert any(name in text and "missing" in text for text in errors(module))
    (said,) = [text for text in errors(module, **{name: "not/there"}) if name in text]
    assert str(etc.parent / "not/there") in said
    for part in ("new", "cur"):
        (etc.parent / "there" / part).mkdir(parents=True)
    assert [text for text in errors(module, **{name: "there"}) if name in text] == []


def test_connector_that_does_not_exist_is_told_by_the_customer_expert(etc: Path) -> None:
    configure(etc, customers={"connector": "csvv", "path": "customers.csv"})
    assert any("csv" in text for text in errors("abusehandler.bots.experts.customer"))
