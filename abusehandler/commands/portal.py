# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler portal`: serves the web desk and self-help on a unix socket or a loopback address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import require_current

if TYPE_CHECKING:
    import argparse

    from fastapi import FastAPI

    from abusehandler.configuration import Configuration

NOT_INSTALLED = "the portal's packages are not installed: pip install 'abusehandler[portal]'"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="another port than abusehandler.yaml names")
    parser.add_argument("--quiet", action="store_true", help="no line for each request")


def run(arguments: argparse.Namespace) -> int:
    """Serves until it is told to stop. Refuses to run as root, without configuration, or on another schema."""
    if os.geteuid() == 0:
        raise AbusehandlerError(
            "the portal does not run as root: start it as the user of the bots, for example with systemd"
        )
    configuration = load()
    try:
        import uvicorn  # noqa: F401  # both are needed

        from abusehandler.portal.app import create_app
    except ImportError as error:
        raise AbusehandlerError(f"{NOT_INSTALLED} ({error})") from error
    app = create_app(configuration)
    database = Database(configuration.database.dsn)
    require_current(database)
    ((users,),) = database.fetch("SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL")
    database.close()
    if not users:
        print("nobody can log in yet: make the first administrator with 'abusehandler user add NAME --role admin'")
    serve(app, configuration, port=arguments.port, access_log=not arguments.quiet)
    return 0


def serve(app: FastAPI, configuration: Configuration, *, port: int | None = None, access_log: bool = True) -> None:
    """One worker that serves until it is told to stop. `port`: another one than abusehandler.yaml names."""
    import uvicorn

    settings = configuration.portal
    socket = None if settings.socket is None or port else str(settings.socket)
    # what X-Forwarded-For says is read by ourselves, from as many web servers as stand in front (login/address.py)
    uvicorn.run(
        app, uds=socket, host=settings.host, port=port or settings.port, proxy_headers=False, server_header=False,
        access_log=access_log, log_level="info", timeout_keep_alive=75, limit_concurrency=200,
        h11_max_incomplete_event_size=65_536,
    )  # fmt: skip
