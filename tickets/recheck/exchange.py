# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One question over UDP or TCP, and what comes back: bounded in time and bytes, to an address and never to a name."""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.tickets.recheck.probe import Budget, Target

_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT})


class Closed(AbusehandlerError):
    """The machine itself said that nothing listens there (ICMP port unreachable, TCP reset)."""


class Silence(AbusehandlerError):
    """Nothing came back in time."""


def ask_udp(target: Target, question: bytes, budget: Budget) -> bytes:
    """The first datagram that answers. Raises Closed, Silence, OSError.

    The socket is connected, so that nobody else's datagram counts.
    """
    with _socket(target, socket.SOCK_DGRAM) as sock:
        sock.settimeout(budget.seconds)
        try:
            sock.connect((target.address, target.port))
            sock.send(question)
            return sock.recv(budget.bytes)
        except ConnectionRefusedError:
            raise Closed("nothing listens there") from None
        except TimeoutError:
            raise Silence("no answer") from None
        except OSError as error:
            raise _silence(error) from None


def ask_tcp(target: Target, question: bytes, budget: Budget, enough: Callable[[bytes], bool] | None = None) -> bytes:
    """What comes back after the question, up to the budget's bytes, the end of the stream, or `enough`; perhaps nothing.

    Raises Closed and Silence when there is no connection, OSError.
    """
    end = time.monotonic() + budget.seconds
    received = b""
    with _connected(target, budget) as sock:
        try:
            if question:
                sock.sendall(question)
            while len(received) < budget.bytes and not (enough is not None and received and enough(received)):
                left = end - time.monotonic()
                if left <= 0:
                    break
                sock.settimeout(left)
                piece = sock.recv(min(4096, budget.bytes - len(received)))
                if not piece:
                    break
                received += piece
        except (TimeoutError, ConnectionError):
            return received
    return received


def connects(target: Target, budget: Budget) -> None:
    """Opens a TCP connection and closes it; nothing is sent. Raises Closed and Silence when there is none, OSError."""
    _connected(target, budget).close()


def _connected(target: Target, budget: Budget) -> socket.socket:
    sock = _socket(target, socket.SOCK_STREAM)
    sock.settimeout(budget.seconds)
    try:
        sock.connect((target.address, target.port))
    except BaseException as error:
        sock.close()
        if isinstance(error, (ConnectionRefusedError, ConnectionResetError)):
            raise Closed("the connection was refused") from None
        if isinstance(error, TimeoutError):
            raise Silence("no answer") from None
        if isinstance(error, OSError):
            raise _silence(error) from None
        raise
    return sock


def _socket(target: Target, kind: socket.SocketKind) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in target.address else socket.AF_INET, kind)


def _silence(error: OSError) -> OSError | Silence:
    """Routers on the way say that they know no way: for the person who asked that is no answer."""
    return Silence(f"no way there: {error.strerror}") if error.errno in _NO_WAY else error
