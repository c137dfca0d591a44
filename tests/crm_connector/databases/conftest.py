# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A MariaDB of its own for the tests; they skip where it is not installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from abusehandler.installer.services import until


def answers(path):
    """The socket is there before anybody listens on it."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


@pytest.fixture(scope="session")
def mariadb_socket():
    path = "/usr/sbin:/usr/bin:/usr/libexec:/usr/local/bin"
    server, install = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db", path=path)
    if server is None or install is None:
        pytest.skip("MariaDB is not installed")
    pytest.importorskip("pymysql")
    # A short path: the socket lives in it.
    folder = Path(tempfile.mkdtemp(prefix="ah-my-"))
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal",
         "--skip-test-db", *as_root],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    process = subprocess.Popen(
        [server, "--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/my.sock", "--skip-networking",
         f"--pid-file={folder}/my.pid", "--innodb-flush-log-at-trx-commit=0", "--default-time-zone=+02:00", *as_root],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: answers(f"{folder}/my.sock"), "MariaDB")
        yield f"{folder}/my.sock"
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mariadb(mariadb_socket):
    """An empty database: (a function that runs statements, the URL for the connector)."""
    import pymysql

    connection = pymysql.connect(unix_socket=mariadb_socket, user="root", autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS crm")
        cursor.execute("CREATE DATABASE crm CHARACTER SET utf8mb4")
    connection.select_db("crm")

    def run(*statements):
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    yield run, f"mysql+pymysql://root@localhost/crm?unix_socket={mariadb_socket}&charset=utf8mb4"
    connection.close()
