# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`pip install .`, `pip install -e .` and a built wheel: all modules, all data files, all bots' scripts."""

from __future__ import annotations

import ast
import re
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "bots", "reports", "reporters", "crm_connector", "tickets", "portal", "templates", "harmonization", "runtime", "installer",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="the tests run without the source")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that a build leaves nothing behind in the checkout."""
    target = tmp_path_factory.mktemp("source") / "abusehandler"
    shutil.copytree(
        ROOT, target, ignore=shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__", "tests", "tmp")
    )
    return target


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A new virtual environment that sees the packages around us, but not our own; the path is its bin/."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    outer = [path for path in site.getsitepackages() if Path(path).is_dir()]
    # as plain paths: .pth files of the outer environment, an editable abusehandler among them, are not followed
    (packages / "zz_outer.pth").write_text("\n".join(outer) + "\n", encoding="utf-8")
    return folder / "bin"


def pip(fresh: Path, *words: str) -> None:
    done = subprocess.run(
        [str(fresh / "python"), "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet",
         "--disable-pip-version-check", "--no-warn-script-location", "--ignore-installed", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def from_folder(source: Path, fresh: Path) -> None:
    pip(fresh, str(source))


def editable(source: Path, fresh: Path) -> None:
    pip(fresh, "--editable", str(source))


def from_wheel(source: Path, fresh: Path) -> None:
    wheels = fresh.parent / "wheels"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check", "--outdir", str(wheels), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = wheels.glob("*.whl")
    pip(fresh, str(wheel))


def modules(source: Path) -> list[str]:
    """Every module of the source under its name in the package."""
    found = []
    for folder in ("abusehandler", *FOLDERS):
        for path in (source / folder).rglob("*.py"):
            parts = list(path.relative_to(source).with_suffix("").parts)
            if "samples" in parts:
                continue
            names = parts if folder == "abusehandler" else ["abusehandler", *parts]
            found.append(".".join(names).removesuffix(".__init__"))
    return sorted(found)


def data_files(source: Path) -> list[str]:
    return sorted(
        str(path.relative_to(source))
        for folder in FOLDERS
        for path in (source / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and "__pycache__" not in path.parts
    )


LOOK = """
import importlib, json, sys
from importlib import resources
names, files, source, editable = json.load(sys.stdin)
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
import abusehandler.bots
where = abusehandler.bots.__file__
assert where.startswith(source) == editable, where
missing = []
for file in files:
    folder, _, rest = file.partition("/")
    if not resources.files("abusehandler." + folder).joinpath(rest).is_file():
        missing.append(file)
print(json.dumps(missing))
"""


@pytest.mark.parametrize("way", [from_folder, editable, from_wheel])
def test_every_way_of_installing_brings_everything(
    source: Path, fresh: Path, way: Callable[[Path, Path], None]
) -> None:
    import json

    way(source, fresh)
    done = subprocess.run(
        [str(fresh / "python"), "-W", "ignore", "-c", LOOK],
        input=json.dumps([modules(source), data_files(source), str(source), way is editable]),
        capture_output=True, text=True, check=False, cwd=fresh,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == []
    expected = {
        f"intelmq.bots.{group}.abusehandler.{path.stem}"
        for group in ("collectors", "parsers", "experts", "outputs")
        for path in (source / "bots" / group).glob("[!_]*.py")
    }
    assert expected <= {path.name for path in fresh.iterdir()}
    said = subprocess.run([str(fresh / "abusehandler"), "--version"], capture_output=True, text=True, check=False)
    assert said.stdout.startswith("abusehandler ")


def test_data_files_hold_what_the_program_cannot_do_without(source: Path) -> None:
    files = set(data_files(source))
    for needed in (
        "runtime/everything.yaml", "runtime/abusehandler.yaml", "runtime/positions.conf", "harmonization/fields.json",
        "harmonization/catalogue/problems.yaml", "tickets/sql/batch.sql", "tickets/sql/migrations/0001_store.sql",
        "templates/mail/en/new.txt.j2", "templates/help/en/undetermined.md", "installer/constraints.txt", "reporters/netcraft.yaml",
    ):  # fmt: skip
        assert needed in files


def test_folders_are_those_of_setup_py(source: Path) -> None:
    tree = ast.parse((source / "setup.py").read_text(encoding="utf-8"))
    (value,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FOLDERS"
    ]
    assert value == FOLDERS


def test_pins() -> None:
    """Nothing is pinned upstream: IntelMQ 3.5 imports pkg_resources, which setuptools 81 took away."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    for pin in ('"setuptools<81"', '"intelmq>=3.5,<3.6"'):
        assert pin in text
    constraints = (ROOT / "installer" / "constraints.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"(?m)^([A-Za-z0-9_.-]+)==([^\s;]+)", constraints))
    assert pinned["intelmq"].startswith("3.5.")
    assert int(pinned["setuptools"].split(".")[0]) < 81
    for name in re.findall(r'(?m)^        "([A-Za-z0-9-]+)[<>=]', text.partition("extras_require")[0]):
        assert name.lower() in {key.lower().replace("_", "-") for key in pinned}, name
