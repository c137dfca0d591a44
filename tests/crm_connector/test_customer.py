# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Contacts that cannot be written to, and resellers who are told in their customers' place."""

import pytest

from abusehandler.crm_connector import Contact, Customer
from abusehandler.crm_connector.customer import addressee, with_states


def states_of(customer, **told):
    known = {f"{name}@example.net": state for name, state in told.items()}
    asked = []

    def look_up(addresses):
        asked.append(set(addresses))
        return {address: known[address] for address in addresses if address in known}

    return [contact.state for contact in with_states(customer, look_up).contacts], asked


def test_what_mail_systems_say_about_contacts():
    customer = Customer("7", contacts=tuple(Contact(f"{name}@example.net") for name in ("Abc", "b", "c", "d")))
    states, asked = states_of(customer, abc="bouncing", b="blocked", c="verified")
    assert states == ["bouncing", "blocked", "verified", ""]
    assert asked == [{"abc@example.net", "b@example.net", "c@example.net", "d@example.net"}]


def test_the_source_may_forbid_an_address():
    customer = Customer(
        "7", contacts=(Contact("a@example.net", state="blocked"), Contact("b@example.net", state="bouncing"))
    )
    assert states_of(customer, a="verified", b="ok")[0] == ["blocked", "bouncing"]


def test_a_verified_address_that_bounces_now():
    customer = Customer("7", contacts=(Contact("a@example.net", state="verified"),))
    assert states_of(customer, a="bouncing")[0] == ["bouncing"]
    assert states_of(customer)[0] == ["verified"]


def test_only_contacts_of_the_role_that_may_be_written_to():
    contacts = (
        Contact("a@example.net", state="bouncing"),
        Contact("b@example.net"),
        Contact("c@example.net", "technical"),
    )
    assert [one.email for one in Customer("7", contacts=contacts).contacts_for("abuse")] == ["b@example.net"]


def test_a_state_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="state 'dead' is not one of verified, bouncing, blocked"):
        Contact("a@example.net", state="dead")


PEOPLE = {
    one.id: one
    for one in (
        Customer("end", reseller="shop", pass_on=True),
        Customer("shop", reseller="wholesale", pass_on=True),
        Customer("wholesale"),
        Customer("own", reseller="shop"),
        Customer("orphan", reseller="nobody", pass_on=True),
        Customer("hen", reseller="egg", pass_on=True),
        Customer("egg", reseller="hen", pass_on=True),
        Customer("self", reseller="self", pass_on=True),
    )
}


@pytest.mark.parametrize(
    ("customer", "told"),
    [
        ("end", "wholesale"),
        ("shop", "wholesale"),
        ("own", "own"),
        ("orphan", "orphan"),
        ("hen", "egg"),
        ("self", "self"),
    ],
)
def test_who_is_told(customer, told):
    assert addressee(PEOPLE[customer], PEOPLE.get).id == told
