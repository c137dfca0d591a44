# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""All that our bots need of IntelMQ's `Bot` and `Redis` classes that is not their public face.

IntelMQ keeps the pipelines, the current message and the counters in name-mangled attributes. They are touched here and
nowhere else; tests/bots/test_intelmq_private.py fails when an IntelMQ upgrade moves one of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from intelmq.lib.pipeline import Redis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from intelmq.lib.bot import Bot

SOURCE = "_Bot__source_pipeline"
DESTINATION = "_Bot__destination_pipeline"
CURRENT_MESSAGE = "_Bot__current_message"
COUNTER = "_Bot__message_counter"
SIGHUP = "_Bot__sighup"
HANDLE_SIGHUP = "_Bot__handle_sighup"
LOG_EVERY = "_Bot__log_processed_messages_seconds"


def source(bot: Bot) -> Redis | None:
    """The source pipeline if it is IntelMQ's Redis, else None (unit tests, AMQP)."""
    pipeline = getattr(bot, SOURCE)
    return pipeline if type(pipeline) is Redis else None


def destination(bot: Bot) -> Redis | None:
    """The destination pipeline if it is IntelMQ's Redis, else None."""
    pipeline = getattr(bot, DESTINATION)
    return pipeline if type(pipeline) is Redis else None


def destination_queues(bot: Bot) -> Mapping[str, Sequence[str]]:
    """The queue names by path; empty when nothing is connected."""
    pipeline = getattr(bot, DESTINATION)
    return {} if pipeline is None else pipeline.destination_queues


def forget_message(bot: Bot) -> None:
    """Makes the stock loop see that no message is held."""
    setattr(bot, CURRENT_MESSAGE, None)


def count(bot: Bot, path: str, number: int) -> None:
    """Counts sent messages as `send_message` does, for the statistics in Redis and the log line."""
    counter = getattr(bot, COUNTER)
    counter["path"][path] += number
    before = counter["since"]
    counter["since"] += number
    counter["start"] = counter["start"] or datetime.now()  # noqa: DTZ005 - compared with IntelMQ's own naive times
    every = bot.log_processed_messages_count
    if before // every != counter["since"] // every or datetime.now() - counter["start"] > getattr(bot, LOG_EVERY):  # noqa: DTZ005
        bot.logger.info("%s %d messages since last logging.", bot._message_processed_verb, counter["since"])
        counter["since"] = 0
        counter["start"] = datetime.now()  # noqa: DTZ005


def count_taken(bot: Bot, number: int) -> None:
    """Counts a batch as `number` successes; the stock loop itself adds one for each call of `process`."""
    getattr(bot, COUNTER)["success"] += number - 1


def handle_reload(bot: Bot) -> None:
    """Does a reload that SIGHUP asked for, if one waits."""
    getattr(bot, HANDLE_SIGHUP)()


def reload_waits(bot: Bot) -> bool:
    """Whether SIGHUP asked for a reload that is not done yet."""
    event = getattr(bot, SIGHUP)
    return bool(event and event.is_set())


def being_debugged(bot: Bot) -> bool:
    """Whether `intelmqctl run BOT process` gives the message or looks at what is sent: it replaces methods of the instance."""
    pipeline = getattr(bot, SOURCE)
    return bool({"send_message", "acknowledge_message"} & vars(bot).keys()) or (
        pipeline is not None and "receive" in vars(pipeline)
    )


def dry_run(bot: Bot) -> bool:
    """Whether it is `intelmqctl run BOT process --dryrun`: nothing may be changed."""
    return "acknowledge_message" in vars(bot)


def redis_client(pipeline: Redis) -> Any:
    """The redis-py client of a connected pipeline."""
    return pipeline.pipe
