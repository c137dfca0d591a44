# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who is responsible, and how to reach them: customers and their contacts as every connector gives them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: What is known about an address: nothing, somebody answered from it, mails came back, it must not be written to.
CONTACT_STATES = ("", "verified", "bouncing", "blocked")

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach a customer.

    `role` is `abuse`, `technical`, `legal`, `admin`, `billing` or a word of the ISP's own. `language` is a BCP 47 tag
    (`de`, `pt-BR`), empty for the customer's. `channel` is `mail` unless the ISP adds its own (`portal`, `webhook`).
    `state` is one of CONTACT_STATES.
    """

    email: str
    role: str = "abuse"
    language: str = ""
    name: str = ""
    channel: str = "mail"
    state: str = ""

    def __post_init__(self) -> None:
        if self.state not in CONTACT_STATES:
            raise ValueError(
                f"contact {self.email!r}: state {self.state!r} is not one of {', '.join(CONTACT_STATES[1:])}"
            )

    @property
    def usable(self) -> bool:
        """Whether a notice may go there: neither blocked nor known to bounce."""
        return self.state not in ("bouncing", "blocked")


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer, as now known.

    `id` is the number or word by which the ISP's own system calls it. `reseller` is the id of the customer above;
    with `pass_on` notices go to the reseller, who passes them on. `aliases` are other keys under which lease sources
    know this customer: logins, MAC addresses, circuit ids. `attributes` is whatever else the source tells (plain
    values), for rules and templates.
    """

    id: str
    name: str = ""
    language: str = ""
    contacts: tuple[Contact, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, hash=False)
    reseller: str = ""
    pass_on: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise ValueError(f"a customer's id must be a text that is not empty, this is {self.id!r}")

    def contacts_for(self, role: str) -> tuple[Contact, ...]:
        """The contacts with this role that may be written to, in the order of the source."""
        return tuple(contact for contact in self.contacts if contact.role == role and contact.usable)


def with_states(customer: Customer, look_up: Callable[[Collection[str]], Mapping[str, str]]) -> Customer:
    """The customer with what is known elsewhere about its addresses: `look_up` gets them in small letters and answers
    with those that bounce, are blocked, or are verified.

    What the customer's own source says about an address stays where it forbids to write to it.
    """
    told = look_up({contact.email.lower() for contact in customer.contacts})
    contacts = []
    for contact in customer.contacts:
        state = told.get(contact.email.lower(), "")
        worse = state in ("bouncing", "blocked") or (state == "verified" and not contact.state)
        contacts.append(replace(contact, state=state) if contact.usable and worse else contact)
    return replace(customer, contacts=tuple(contacts))


def addressee(customer: Customer, find: Callable[[str], Customer | None]) -> Customer:
    """Who gets the notices about a customer: the nearest one above who is not passed over.

    A reseller may stand below another one. One that nobody knows, or a circle, ends the way: the last known is told.
    """
    seen = {customer.id}
    while customer.pass_on and customer.reseller:
        above = find(customer.reseller)
        if above is None or above.id in seen:
            break
        seen.add(above.id)
        customer = above
    return customer


def merge_customers(first: Customer, second: Customer) -> Customer:
    """One customer that two sources know: what the first says stands, the second adds what is missing.

    Contacts are taken by role: a role that the first source fills is not mixed with the second's addresses, so that
    a corrected address really replaces the old one.
    """
    roles = {contact.role for contact in first.contacts}
    return Customer(
        first.id,
        first.name or second.name,
        first.language or second.language,
        first.contacts + tuple(contact for contact in second.contacts if contact.role not in roles),
        {**second.attributes, **first.attributes} if second.attributes else first.attributes,
        first.reseller or second.reseller,
        first.pass_on or second.pass_on,
        tuple(dict.fromkeys(first.aliases + second.aliases)),
    )
