# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sends notices to customers."""

from __future__ import annotations

import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import redis
from intelmq.lib.bot import OutputBot
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots import _intelmq
from abusehandler.bots._customers import open_customers
from abusehandler.bots._from_database import DatabaseWorkBot
from abusehandler.bots._reporter_mails import reporter_sender
from abusehandler.bots._sending import finishing_mails, notice_sender
from abusehandler.configuration.answering import answer_settings
from abusehandler.configuration.sending import notice_schedule, notice_writer
from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.configuration import Configuration


class AbuseNoticeOutputBot(DatabaseWorkBot, OutputBot):
    """Writes to customers what is due about their tickets, one mail for each contact, and to reporters where that is on.

    It takes its work from the database, not from its queue; any number of these bots may run. The mail server, the
    sender's address and the policy stand in abusehandler.yaml; a changed rules.yaml is read again by itself, and while it is
    wrong, the rules that were right last go on.

    Parameters:
        longest_wait: seconds after which it looks for due notices at the latest
        wait_for_queues: names of queues; while one holds messages, new notices wait for what will come of them, ten
            minutes at most, so that a customer gets one mail about what came together
        senders: how many mails go out at once when there are many, each over connections of its own
    """

    longest_wait: float = 5
    wait_for_queues: list[str] = []  # noqa: RUF012 - IntelMQ's form of a parameter
    senders: int = 6
    _in_a_dry_run = "Nothing is sent in a dry run; 'abusehandler notice list' shows what waits."

    def prepare(self) -> None:
        self._directory = open_customers(self.box.configuration)
        me = f"{socket.gethostname()}/{self.bot_id}"
        self._rules = self.box.rules.now()
        self._sender = notice_sender(self.box, self._directory, me, self._rules, int(self.senders))
        self._reporter_sender = reporter_sender(self.box, me)

    def work(self) -> float:
        self._start_once()
        self._directory.refresh()
        self._look_at_rules()
        with finishing_mails(self._sender):
            report = self._sender.run(under_way=self._queues_hold_messages())
        self._tell_reporters()
        for problem in report.problems:
            self.logger.error("%s", problem.rstrip(".") + ".")
        if report.mails or report.notices:
            self.logger.info(
                "%d notices prepared; mails: %d sent, %d refused, %d waiting, %d in doubt.",
                report.notices, report.sent, report.failed, report.waiting, report.in_doubt,
            )  # fmt: skip
        due = self._sender.next_due()
        return self.longest_wait if due is None else (due - datetime.now(timezone.utc)).total_seconds()

    def _look_at_rules(self) -> None:
        rules = self.box.rules.right(self.logger.error)
        if rules is not self._rules:
            self._rules = rules
            self._sender.use(notice_schedule(self.box.configuration, rules))

    def _tell_reporters(self) -> None:
        """Acknowledgements and outcomes, where they are switched on."""
        if self._reporter_sender is None:
            return
        with finishing_mails(self._reporter_sender):
            sent = self._reporter_sender.run()
        for problem in self._reporter_sender.problems:
            self.logger.error("%s", problem.rstrip(".") + ".")
        if sent:
            self.logger.info("%d mails to reporters sent.", sent)

    def _start_once(self) -> None:
        """Not in `prepare`: `intelmqctl run` makes a bot of the same name beside the one that is sending."""
        if self._started:
            return
        doubtful = self._sender.start()
        self._started = True
        if doubtful:
            self.logger.warning("%d mails are in doubt: an earlier run stopped while it was sending them.", doubtful)

    _started = False

    def _queues_hold_messages(self) -> bool:
        source = _intelmq.source(self)
        if source is None or not self.wait_for_queues:
            return False
        names = [name + kind for name in self.wait_for_queues for kind in ("", "-internal")]
        try:
            return bool(_intelmq.redis_client(source).exists(*names))
        except redis.RedisError as error:
            raise PipelineError(error) from error

    @classmethod
    def check_values(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        found: list[list[str]] = super().check_values(parameters)
        senders = parameters.get("senders", 1)
        if isinstance(senders, bool) or not isinstance(senders, int) or not 1 <= senders <= 20:
            found.append(["error", f"Parameter 'senders' must be a whole number from 1 to 20, not {senders!r}."])
        return found

    @classmethod
    def check_configuration(cls, configuration: Configuration) -> list[str]:
        faults = []
        for part in (notice_schedule, answer_settings, lambda all_of_it: notice_writer(all_of_it, Catalogue.load())):
            try:
                part(configuration)
            except ConfigurationError as error:
                faults.extend(str(error).splitlines())
        return list(dict.fromkeys(faults))

    def shutdown(self) -> None:
        if "_sender" in self.__dict__:
            self._sender.close()
        reporter_sender = self.__dict__.get("_reporter_sender")
        if reporter_sender is not None:
            reporter_sender.close()
        super().shutdown()


BOT = AbuseNoticeOutputBot
