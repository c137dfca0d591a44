# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fetches the reports that mails only link to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from intelmq.lib.bot import CollectorBot

from abusehandler.bots._intake import IntakeCollector
from abusehandler.reports.links.fetch import FetchLimits, LinkError, fetch
from abusehandler.reports.links.prefix import LinkPrefix
from abusehandler.tickets.links import LinkStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.configuration import Configuration
    from abusehandler.tickets.links import Link

#: What was fetched is handed on after so many links at the latest.
LINKS_AT_ONCE = 10
#: How much longer than a transfer may last a link belongs to who took it.
SPARE_SECONDS = 120

NOTHING_TO_FETCH = (
    "mailbox.link_prefixes of abusehandler.yaml is empty, so nothing is ever fetched; "
    "write for example [https://dl.shadowserver.org/], or disable this bot"
)


class AbuseLinkCollectorBot(IntakeCollector, CollectorBot):
    """Fetches the files behind links that the mail parser noted, evidence first, and hands them to the next queue.

    Only links below `mailbox: link_prefixes` of abusehandler.yaml are fetched; see docs/links-and-signatures.md.

    Parameters:
        transfer_seconds: how long one file may take, redirects included
        ssl_ca_certificate: certificates to trust instead of the usual ones; IntelMQ's own parameter
        rate_limit: seconds between two looks
    """

    transfer_seconds: float = 300
    rate_limit: int = 10

    _kind = "feed"

    def prepare(self) -> None:
        super().prepare()
        mailbox = self.box.configuration.mailbox
        self._prefixes = tuple(LinkPrefix.of(prefix) for prefix in mailbox.link_prefixes)
        self._limits = FetchLimits(mailbox.max_link_bytes, float(self.transfer_seconds), self.ssl_ca_certificate or "")
        self._links = LinkStore(self.box.database)

    def take_new(self) -> None:
        for _ in range(LINKS_AT_ONCE):
            link = self._links.claim(timedelta(seconds=self._limits.seconds + SPARE_SECONDS))
            if link is None:
                return
            self._take(link)

    def _take(self, link: Link) -> None:
        try:
            with fetch(link.url, self._prefixes, self._limits) as file:
                self.take_bytes(file.pieces, name=file.name, note=self._links.fetched(link))
        except LinkError as error:
            pause = self._links.failed(link, str(error), for_good=error.for_good)
            then = f"trying again in {pause}" if pause is not None else "given up; its report tells it"
            # the path of such a link is often its only secret, so it stays out of the log
            self.logger.warning("Link %d of report %d: %s. %s.", link.id, link.report, error, then.capitalize())

    @classmethod
    def check_values(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        found = super().check_values(parameters)
        seconds = parameters.get("transfer_seconds", 1)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 86400:
            found.append(
                ["error", f"Parameter 'transfer_seconds' must be a number of seconds up to a day, not {seconds!r}."]
            )
        return found

    @classmethod
    def check(cls, parameters: Mapping[str, Any]) -> list[list[str]] | None:
        # a word, not an error: as shipped the bot is disabled, and a check cannot see that
        found = super().check(parameters) or []
        return [["info", text] if text == NOTHING_TO_FETCH else [level, text] for level, text in found] or None

    @classmethod
    def check_configuration(cls, configuration: Configuration) -> list[str]:
        return [] if configuration.mailbox.link_prefixes else [NOTHING_TO_FETCH]


BOT = AbuseLinkCollectorBot
