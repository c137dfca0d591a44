# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Our bots in IntelMQ's own test bench: no Redis, one message at a time, its checks of names, logs and acknowledgement."""

from __future__ import annotations

import json
import os
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

import intelmq.lib.test
from desk_of_test import STOCK_HARMONIZATION, configure
from intelmq.lib.test import BotTestCase

from abusehandler.bots.experts.customer import BOT
from abusehandler.harmonization.fields import merged

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = {
    "__type": "Event",
    "source.ip": "192.0.2.1",
    "time.source": "2026-11-20T10:00:00+00:00",
    "time.observation": "2026-11-20T11:00:00+00:00",
}


class TestCustomerExpertBot(BotTestCase, unittest.TestCase):
    harmonization: ClassVar[dict[str, Any]] = merged(json.loads(STOCK_HARMONIZATION.read_text(encoding="utf-8")))

    @classmethod
    def set_bot(cls) -> None:
        cls.bot_reference = BOT
        cls.default_input_message = EVENT

    @classmethod
    def setUpClass(cls) -> None:
        folder = TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        etc = Path(folder.name)
        (etc / "customers.csv").write_text(
            "prefix,customer,name,email\n192.0.2.0/25,C1,Customer One,one@example.com\n", encoding="utf-8"
        )
        configure(etc)
        variables = mock.patch.dict(os.environ, {"ABUSEHANDLER_CONFIG": str(etc / "abusehandler.yaml")})
        variables.start()
        cls.addClassCleanup(variables.stop)
        real = intelmq.lib.test.mocked_config

        def with_our_fields(*words: Any, **named: Any) -> Callable[[str], Any]:
            stock = real(*words, **named)
            return lambda file: cls.harmonization if file.endswith("harmonization.conf") else stock(file)

        fields = mock.patch("intelmq.lib.test.mocked_config", with_our_fields)
        fields.start()
        cls.addClassCleanup(fields.stop)
        super().setUpClass()

    def test_customer_is_found(self) -> None:
        self.run_bot()
        answer = json.loads(self.get_output_queue()[0])
        assert answer.pop("customer.source")
        assert answer == {**EVENT, "customer.id": "C1", "customer.name": "Customer One", "customer.match": "one"}

    def test_address_of_nobody(self) -> None:
        self.input_message = {**EVENT, "source.ip": "198.51.100.1"}
        self.run_bot()
        assert json.loads(self.get_output_queue()[0])["customer.match"] == "none"

    def test_several_messages_one_after_the_other(self) -> None:
        self.input_message = [EVENT, {**EVENT, "source.ip": "192.0.2.2"}]
        self.run_bot(iterations=2)
        self.assertOutputQueueLen(2)
