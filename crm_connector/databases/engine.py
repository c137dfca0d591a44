# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Opens a database for reading, with bounded times, and says in one line what it does not like about a query."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.settings import number_setting
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine

#: Settings that every connector to a database understands.
ENGINE_SETTINGS = ("url", "url_file", "timeout_seconds")


def open_engine(settings: Mapping[str, Any], base: Path) -> Engine:
    """The engine of `url` or `url_file`; nothing is connected yet. Raises ConfigurationError."""
    url = _url(settings, base)
    timeout = int(number_setting(settings, "timeout_seconds", 60, 1, 3600))
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        from sqlalchemy.pool import NullPool
    except ImportError as error:
        raise ConfigurationError("this connector needs SQLAlchemy: pip install 'abusehandler[sql]'") from error
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
        options: dict[str, Any] = {}
        if kind == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                path = (base / Path(parsed.database).expanduser()).absolute()
                # Opened read-only; sqlite would otherwise make an empty file of a misspelt name.
                parsed = parsed.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
            options = {"timeout": timeout}
        elif kind in ("mysql", "mariadb"):
            options = {"connect_timeout": 10, "read_timeout": timeout}
        elif kind == "postgresql":
            options = {
                "connect_timeout": 10,
                "options": f"-c statement_timeout={timeout * 1000} -c default_transaction_read_only=on",
                "application_name": "abusehandler",
                # A server that vanished without a word ends the reading, too.
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
                "tcp_user_timeout": timeout * 1000,
            }
        return create_engine(parsed, connect_args=options, poolclass=NullPool)
    except ArgumentError as error:
        raise ConfigurationError("url: write sqlite:///file.db or postgresql+psycopg2://user@host/db") from error
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(f"url: {error}; pip install 'abusehandler[sql]'") from error


@contextmanager
def reading(engine: Engine, *, utc: bool) -> Iterator[Connection]:
    """A session that only reads. Raises ConfigurationError naming the database for whatever it does not like.

    With `utc` MySQL tells TIMESTAMP columns in UTC; without, in the zone of the server, as DATETIME columns usually are.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with engine.connect() as connection:
            if connection.dialect.name in ("mysql", "mariadb"):
                connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
                if utc:
                    connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
            yield connection
            connection.rollback()
    except SQLAlchemyError as error:
        raise ConfigurationError(f"{engine.url.render_as_string()}: {said_by(error)}") from error


def run(connection: Connection, query: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """The rows of a SELECT as a stream; without `parameters` a colon is just a colon. Raises ConfigurationError."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        # A colon in a query (::inet, '12:00') is no parameter.
        statement = text(query.replace(":", r"\:") if parameters is None else query)
        return connection.execution_options(stream_results=True).execute(statement, parameters or {})
    except SQLAlchemyError as error:
        raise ConfigurationError(f"query: {said_by(error)}; the query was: {' '.join(query.split())[:200]}") from error


def said_by(error: Exception) -> str:
    """The first line of what the database said, without SQLAlchemy's explanations."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _url(settings: Mapping[str, Any], base: Path) -> str:
    if settings.get("url_file"):
        path = (base / Path(str(settings["url_file"])).expanduser()).absolute()
        try:
            if path.stat().st_mode & (stat.S_IRWXO):
                raise ConfigurationError(f"url_file: {path} can be read by everybody; chmod 640 {path}")
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"url_file: {path}: {error.strerror}; write the URL of the database into it"
            ) from error
    url = settings.get("url")
    if not isinstance(url, str) or "://" not in url:
        raise ConfigurationError(
            "url: write sqlite:///file.db, postgresql+psycopg2://user@host/db or mysql+pymysql://..."
        )
    return url
