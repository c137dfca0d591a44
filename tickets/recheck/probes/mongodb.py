# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open MongoDB: asks for the name of the one database that each server has; a server with logins denies it (code 13).

OP_MSG, https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/; listDatabases, nameOnly, filtered to "admin".
"""

from __future__ import annotations

import struct

from abusehandler.tickets.recheck.exchange import ask_tcp
from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target

_OP_MSG = 2013


def _document(*elements: bytes) -> bytes:
    content = b"".join(elements) + b"\0"
    return struct.pack("<i", len(content) + 4) + content


def _text(name: bytes, value: bytes) -> bytes:
    return b"\x02" + name + b"\0" + struct.pack("<i", len(value) + 1) + value + b"\0"


_COMMAND = _document(
    b"\x10listDatabases\0" + struct.pack("<i", 1),
    b"\x08nameOnly\0\x01",
    b"\x03filter\0" + _document(_text(b"name", b"admin")),
    _text(b"$db", b"admin"),
)
_BODY = struct.pack("<I", 0) + b"\0" + _COMMAND
QUESTION = struct.pack("<4i", 16 + len(_BODY), 1, 0, _OP_MSG) + _BODY


def ask(target: Target, budget: Budget) -> Finding:
    said = ask_tcp(
        target, QUESTION, budget, lambda said: len(said) >= 4 and len(said) >= struct.unpack("<i", said[:4])[0]
    )
    if len(said) < 21 or struct.unpack("<i", said[12:16])[0] != _OP_MSG:
        return Finding.of("unclear", "takes connections, but does not answer as MongoDB")
    if b"\x04databases\0" in said:
        return Finding.of("there", "lists its databases without a login")
    if b"errmsg" in said:
        return Finding.of("gone", "wants a login")
    return Finding.of("unclear", "answers as MongoDB, but not to our question")


PROBE = Probe("mongodb", frozenset({"open-mongodb"}), "tcp", 27017, ask)
