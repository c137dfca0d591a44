# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every configuration in docs/connect-your-crm.md is one that the program takes; the public face is complete."""

import importlib.util
import re
import textwrap
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

import abusehandler.crm_connector as face
from abusehandler.cli import main
from abusehandler.crm_connector import Query, check_settings, open_directory, stub
from abusehandler.crm_connector.directory import CONNECTORS, make_connector
from abusehandler.crm_connector.trial import try_connector

PAGE = (Path(__file__).parents[2] / "docs" / "connect-your-crm.md").read_text(encoding="utf-8")
EXAMPLES = [textwrap.dedent(text) for text in re.findall(r"^ *```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)]


@pytest.fixture
def folder(tmp_path):
    for name in ("netbox.token", "crm.token", "crm.url", "radius.url", "kea.url", "ldap.password", "nipap.password"):
        (tmp_path / name).write_text("sqlite:///c.db")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "our_crm.py").write_text(Path(stub.__file__).read_text(encoding="utf-8"))
    [text] = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "customers.csv").write_text(text)
    return tmp_path


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_taken(text, folder, monkeypatch):
    section = yaml.safe_load(text)["customers"]
    monkeypatch.chdir(folder)
    if isinstance(section, list):
        (folder / "exceptions.yaml").write_text(text)
        assert open_directory({"connector": "yaml", "path": "exceptions.yaml"}, base=folder).problems() == []
    else:
        if "OurCrm" in text:
            (folder / "our_crm.py").write_text("from abusehandler.crm_connector.stub import StubConnector as OurCrm")
        if "sql" in text:
            pytest.importorskip("sqlalchemy")
        if "ldap" in text and importlib.util.find_spec("ldap3") is None:
            pytest.skip("ldap3 is not installed")
        assert check_settings(section) == []


def test_the_whole_connector_of_the_page_passes_the_kit(folder):
    """Step 3 of the walk-through, with a billing system for it to ask."""
    [code] = re.findall(r"^ *```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    billing = """
from types import SimpleNamespace as Row

def our_billing_system(server):
    assert server == "crm.example.net"
    yield Row(number="7", name="Jo", language="en", email="jo@example.net", prefixes=["192.0.2.0/28", "2001:db8::/48"])
"""
    (folder / "our_crm.py").write_text(textwrap.dedent(code) + billing)
    [example] = [text for text in EXAMPLES if "OurCrm" in text]
    settings = yaml.safe_load(example)["customers"]
    assert [one.text for one in try_connector(make_connector(settings, folder)) if one.level == "error"] == []
    known = open_directory(settings, base=folder)
    [answer] = known.lookup_many([Query("192.0.2.1", datetime.now(timezone.utc))])
    assert (answer.customer.name, answer.customer.contacts[0].email) == ("Jo", "jo@example.net")


def test_what_the_page_prints_is_what_is_printed(folder, capsys):
    """The first console example, word by word; only how long it took differs."""
    [config, *_] = EXAMPLES
    (folder / "abusehandler.yaml").write_text(config)
    [console, *_] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for part in console.split("$ ")[1:]:
        command, _, printed = part.partition("\n")
        words = [str(folder / word) if word == "abusehandler.yaml" else word for word in command.split()[1:]]
        assert main(words) == 0
        assert without_times(capsys.readouterr().out) == without_times(printed)


def without_times(text):
    return re.sub(r"\d+ items a second|in \d+\.\d s", "", text).strip()


def test_the_page_names_every_connector():
    assert [name for name in CONNECTORS if name != "stub" and name not in PAGE] == []


def test_the_face_is_complete():
    assert all(hasattr(face, name) for name in face.__all__)
