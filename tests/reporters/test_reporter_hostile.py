# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Broken and hostile variants of all samples: reading never raises, and never makes more than it may."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from reporter_mails import CONTEXT

from abusehandler.reporters import load_definitions, read, refine
from abusehandler.reporters.found import MOST_EVENTS
from abusehandler.reporters.samples import samples_of
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.reading import ReadEvent, Reading

if TYPE_CHECKING:
    import pytest

EVIL = (
    b"\x00" * 50,
    b"192.0.2.1 " * 400,
    b"hxxp://" * 300,
    b"[.]" * 900,
    b"Source IP: " * 300,
    b"\n" * 900,
    b"|" * 900,
    b"\xff\xfe" * 99,
)


def broken(raw: bytes, dice: random.Random) -> bytes:
    """One random damage of a mail: cut, lines mixed or doubled, rubbish put in."""
    kind = dice.randrange(5)
    if kind == 0:
        return raw[: dice.randrange(len(raw))]
    head, _, body = raw.partition(b"\n\n")
    lines = body.split(b"\n")
    if kind == 1:
        dice.shuffle(lines)
    elif kind == 2:
        lines *= 60
    elif kind == 3:
        lines.insert(dice.randrange(len(lines) + 1), dice.choice(EVIL) * dice.randrange(1, 30))
    else:
        place = dice.randrange(len(head))
        head = head[:place] + dice.choice(EVIL) + head[place:]
    return head + b"\n\n" + b"\n".join(lines)


def test_damaged_samples_never_raise(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.ERROR)
    dice = random.Random(20261120)
    samples = [sample for definition in load_definitions() for sample in samples_of(definition)]
    machine = Reading("report", "table", events=(ReadEvent({"source.ip": "192.0.2.1"}),))
    for sample in dice.sample(samples, 120):
        mail = decode(broken(sample.raw, dice))
        reading = read(mail, CONTEXT)
        assert reading is None or len(reading.events) <= MOST_EVENTS
        assert refine(mail, machine, CONTEXT).events
    assert "A definition failed" not in caplog.text
