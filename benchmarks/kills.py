# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""kill -9 at random moments while a feed runs through real bots, and the count of what was lost, doubled or told twice.

    python benchmarks/kills.py [--quick] [--rounds 100] [--seed 1] [--away 600] --json

Each round feeds a report, waits a random moment, kills the ticket output, the mailer, or PostgreSQL with all its
processes, and starts it again. With `--away`, PostgreSQL then stays away for so many seconds while reports go on coming in,
and each bot that needs it must say so and live on. At the end nothing more is fed; when all is stored and sent, the promises are checked:
each event stored and counted once, each in exactly one notice, each mail sent once but those that are reported in
doubt, and no number of a ticket, notice, mail or report that ever stood for something else. Exit code 1 if one is broken.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _stage

if TYPE_CHECKING:
    import argparse

    from benchmarks._fed_desk import FedDesk

VICTIMS = ("ticket-output", "notice-output", "postgresql")
ROWS = 300
#: Longest time from the feeding to the kill: so long a report takes from its file to its mails, or a bit more.
MOMENTS = 1.5
#: While PostgreSQL is away for long, a report comes so often.
FEED_EVERY = 15.0


def play(desk: FedDesk, rounds: int, dice: random.Random) -> dict[str, Any]:
    """Kills each victim `rounds` times; what it met."""
    from benchmarks._fed_desk import wait_until

    kills = dict.fromkeys(VICTIMS, 0)
    at_work = dict.fromkeys(VICTIMS, 0)
    order = [victim for victim in VICTIMS for _ in range(rounds)]
    dice.shuffle(order)
    for victim in order:
        desk.feed(ROWS)
        # fed first: a ticket output that has nothing to do has no need to find a database again that was killed
        bot = victim if victim != "postgresql" else dice.choice(["ticket-output", "notice-output"])
        wait_until(lambda bot=bot: desk.works(bot), f"{bot} to work", 180)  # type: ignore[misc]
        desk.note_numbers()
        at_work[victim] += wait_a_moment(desk, victim, dice)
        if victim == "postgresql":
            desk.kill_postgres()
            time.sleep(dice.choice((0, 0, 0.5)))
            desk.postgres.start()
        else:
            desk.kill(victim)
            desk.start(victim)
        kills[victim] += 1
        _stage.say(f"{sum(kills.values())} of {len(order)}: {victim}; {desk.fed} events fed")
        if desk.ended():
            for bot in desk.ended():
                _stage.say(f"the end of {bot}'s log: {desk.log(bot)[-2000:]}")
            raise RuntimeError(f"bots ended by themselves: {desk.ended()}")
    return {"kills": kills, "in_the_middle_of_work": at_work}


def wait_a_moment(desk: FedDesk, victim: str, dice: random.Random) -> bool:
    """Waits for any moment or, every other time, for one in the middle of work; whether the victim was at work then."""
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0, MOMENTS))
        return victim_at_work(desk, victim)
    deadline = time.monotonic() + 5 * MOMENTS
    while time.monotonic() < deadline:
        if victim_at_work(desk, victim):
            time.sleep(dice.uniform(0, 0.05))
            return True
        time.sleep(0.002)
    return False


def victim_at_work(desk: FedDesk, victim: str) -> bool:
    """Whether there is work in the victim's hand just now."""
    if victim == "ticket-output":
        return desk.in_hand(victim) > 0
    if victim == "notice-output":
        return bool(desk.number("SELECT count(*) FROM deliveries WHERE leased_by IS NOT NULL"))
    return bool(
        desk.number(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name <> '' AND state <> 'idle' "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND backend_xid IS NOT NULL"
        )
    )


def stay_away(desk: FedDesk, seconds: float) -> dict[str, Any]:
    """PostgreSQL is away for so long, and reports come in all the while."""
    desk.kill_postgres()
    back = time.monotonic() + seconds
    fed = 0
    while (left := back - time.monotonic()) > 0:
        desk.feed(ROWS)
        fed += ROWS
        time.sleep(min(FEED_EVERY, left))
    silent = [bot for bot in ("ticket-output", "notice-output") if "PostgreSQL" not in desk.log(bot)]
    desk.postgres.start()
    if desk.ended() or silent:
        raise RuntimeError(f"bots that ended: {desk.ended()}; bots that said nothing of the outage: {silent}")
    return {"away_seconds": seconds, "fed_while_away": fed}


def run(folder: Path, rounds: int, seed: int, away: float = 0) -> dict[str, Any]:
    """The whole play on a desk of its own; `broken` lists the promises that were not kept."""
    from benchmarks._fed_desk import FedDesk

    desk = FedDesk(folder)
    try:
        desk.open()
        desk.start_all()
        begin = time.monotonic()
        figures = play(desk, rounds, random.Random(seed))
        if away:
            _stage.say(f"PostgreSQL is away for {away:.0f} seconds")
            figures.update(stay_away(desk, away))
        _stage.say("nothing more is fed; waiting until all is stored and sent")
        desk.settle(300)
        return {
            **figures,
            "seconds": round(time.monotonic() - begin),
            "events": desk.fed,
            "tickets": desk.number("SELECT count(*) FROM tickets"),
            "notices": desk.number("SELECT count(*) FROM notices"),
            "mails": desk.number("SELECT count(*) FROM deliveries WHERE state = 'sent'"),
            "mails_in_doubt": desk.number("SELECT count(*) FROM deliveries WHERE state = 'in-doubt'"),
            "broken": desk.broken_promises(),
        }
    finally:
        desk.close()


def configure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=0, help="kills of each victim (100; 3 with --quick)")
    parser.add_argument("--away", type=float, default=0, help="then PostgreSQL is away for so many seconds")
    parser.add_argument("--seed", type=int, default=1, help="another order and other moments")


def main() -> int:
    parsed = _stage.arguments(__doc__, configure_arguments)
    rounds = parsed.rounds or (3 if parsed.quick else 100)
    with tempfile.TemporaryDirectory(prefix="ahk-") as folder:
        figures = run(Path(folder) / "desk", rounds, parsed.seed, parsed.away)
    _stage.finish({"benchmark": "kills", "rounds": rounds, "seed": parsed.seed, **figures})
    return 1 if figures["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
