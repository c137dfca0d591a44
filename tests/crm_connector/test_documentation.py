# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every configuration in docs/connect-your-crm.md is one that the program takes; the public face is complete."""

import re
import textwrap
from pathlib import Path

import pytest
import yaml

import abusehandler.crm_connector as face
from abusehandler.crm_connector import check_settings, open_directory, stub
from abusehandler.crm_connector.directory import CONNECTORS

PAGE = (Path(__file__).parents[2] / "docs" / "connect-your-crm.md").read_text(encoding="utf-8")
EXAMPLES = [textwrap.dedent(text) for text in re.findall(r"^ *```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)]


@pytest.fixture
def folder(tmp_path):
    for name in ("netbox.token", "crm.token", "crm.url"):
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
        if "sql" in text:
            pytest.importorskip("sqlalchemy")
        assert check_settings(section) == []


def test_the_page_names_every_connector():
    assert [name for name in CONNECTORS if name != "stub" and name not in PAGE] == []


def test_the_face_is_complete():
    assert all(hasattr(face, name) for name in face.__all__)
