# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Webhooks: who is told of what, and what became of the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Query as InQuery
from pydantic import Field

from abusehandler.portal.api.caller import MakesWebhooks
from abusehandler.portal.api.fields import Asked, InPath, Name, Page, Seen, Told
from abusehandler.portal.api.paging import Paged, cut
from abusehandler.portal.api.problems import ProblemError
from abusehandler.portal.api.route import ApiRoute
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.webhooks.store import WebhookStore
from abusehandler.tickets.webhooks.target import Reach

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

router = APIRouter(route_class=ApiRoute, tags=["webhooks"])
Kind = Literal["ticket.opened", "ticket.changed", "ticket.closed", "notice.sent", "answer.came"]


class Webhook(Told):
    """`dead`: messages that were given up."""

    id: int
    url: str
    kinds: list[str]
    account: str | None
    author: str
    created_at: Seen
    disabled_at: Seen
    disabled_why: str
    waiting: int
    dead: int


class Webhooks(Told):
    items: list[Webhook]


class NewWebhook(Asked):
    url: Annotated[str, Field(min_length=10, max_length=2000, pattern=r"^https?://[!-~]+$")]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=5)]
    account: Name | None = Field(None, description="Tells only of this account's customers.")


class Made(Told):
    id: int
    secret: str = Field(description="What bodies are signed with; shown this once.")


class Delivery(Told):
    id: int
    message_id: str
    kind: str
    ticket: int | None
    notice: int | None
    at: Seen
    state: str
    attempts: int
    next_try: Seen
    status: int | None
    answer: str
    done_at: Seen


class Deliveries(Page):
    items: list[Delivery]


class DeliveryQuery(Paged):
    state: Literal["waiting", "sent", "dead", "dropped"] | None = Field(None, description="dead: given up.")


class Again(Told):
    messages: int


@router.get("/webhooks", response_model=Webhooks, summary="List webhooks")
def list_webhooks(request: Request, caller: MakesWebhooks) -> Any:
    with portal_of(request).pool.database() as database:
        return {"items": WebhookStore(database).listed()}


@router.post("/webhooks", response_model=Made, status_code=201, summary="Add a webhook")
def add_webhook(request: Request, caller: MakesWebhooks, asked: NewWebhook) -> Any:
    portal = portal_of(request)
    reach = Reach.of(portal.configuration.webhooks.allowed_networks, portal.configuration.networks.prefixes)
    request.state.secret = True
    with portal.pool.database() as database:
        return WebhookStore(database).add(asked.url, asked.kinds, reach, author=caller.author, account=asked.account)


@router.delete("/webhooks/{number}", status_code=204, summary="Remove a webhook with its messages")
def remove_webhook(request: Request, caller: MakesWebhooks, number: InPath) -> None:
    with portal_of(request).pool.database() as database:
        _there(WebhookStore(database).remove(number, author=caller.author), number)


@router.post("/webhooks/{number}/enable", status_code=204, summary="Let a webhook go on that was switched off")
def enable_webhook(request: Request, caller: MakesWebhooks, number: InPath) -> None:
    with portal_of(request).pool.database() as database:
        _there(WebhookStore(database).enable(number, author=caller.author), number)


@router.post("/webhooks/{number}/pause", status_code=204, summary="Switch a webhook off until it is enabled")
def pause_webhook(request: Request, caller: MakesWebhooks, number: InPath) -> None:
    """Messages that wait are kept; of what happens meanwhile it is not told."""
    with portal_of(request).pool.database() as database:
        _known(database, number)
        WebhookStore(database).pause(number, author=caller.author)


@router.post("/webhooks/{number}/test", status_code=202, summary="Send a message that says nothing")
def test_webhook(request: Request, caller: MakesWebhooks, number: InPath) -> None:
    with portal_of(request).pool.database() as database:
        _there(WebhookStore(database).test(number, author=caller.author), number)


@router.get(
    "/webhooks/{number}/deliveries", response_model=Deliveries, summary="The messages of a webhook, newest first"
)
def list_deliveries(
    request: Request, caller: MakesWebhooks, number: InPath, asked: Annotated[DeliveryQuery, InQuery()]
) -> Any:
    with portal_of(request).pool.database() as database:
        _known(database, number)
        found = WebhookStore(database).deliveries(
            number, state=asked.state, before=asked.number("deliveries"), limit=asked.limit + 1
        )
    return cut(found, asked.limit, "deliveries")


@router.post("/webhooks/{number}/retry", response_model=Again, summary="Try again what was given up")
def retry_webhook(request: Request, caller: MakesWebhooks, number: InPath) -> Any:
    with portal_of(request).pool.database() as database:
        _known(database, number)
        return {"messages": WebhookStore(database).try_again(number, author=caller.author)}


@router.post(
    "/webhooks/{number}/deliveries/{delivery}/retry", response_model=Again, summary="Try one message again that was given up"
)  # fmt: skip
def retry_delivery(request: Request, caller: MakesWebhooks, number: InPath, delivery: InPath) -> Any:
    with portal_of(request).pool.database() as database:
        _known(database, number)
        return {"messages": WebhookStore(database).try_again(number, author=caller.author, delivery=delivery)}


def _known(database: Database, number: int) -> None:
    _there(WebhookStore(database).find(number) is not None, number)


def _there(found: bool, number: int) -> None:
    if not found:
        raise ProblemError(404, f"There is no webhook {number}.")
