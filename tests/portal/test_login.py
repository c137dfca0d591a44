# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Passwords, second factor, throttling, sessions that end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.portal.login import passwords
from abusehandler.portal.login.seal import Seal
from abusehandler.tickets.desk.users import UserStore
from tests.portal.running import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.portal.running import Portal


def test_login_leads_to_the_page_that_was_wanted(desk: Portal) -> None:
    desk.user("anna")
    client = desk.client()
    page = client.get("/tickets/1?x=1")
    assert page.url.endswith("/login?next=/tickets/1%3Fx%3D1")
    answer = client.send(
        "/login", page=page.url.removeprefix(desk.url), login="Anna", password=PASSWORD, next="/tickets/1?x=1"
    )
    assert answer.url.endswith("/tickets/1?x=1")
    assert answer.status_code == 200


def test_login_leads_nowhere_else(portal: Portal) -> None:
    portal.user("anna")
    for next in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/login"):
        answer = portal.client().send("/login", login="anna", password=PASSWORD, next=next)
        assert answer.url.startswith(portal.url + "/tickets"), next


def test_wrong_password_and_unknown_user_look_the_same(portal: Portal) -> None:
    portal.user("anna")
    answers = [
        portal.client().send("/login", login=login, password="wrong wrong wrong") for login in ("anna", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert "is not right" in answers[0].text
    assert answers[0].text.replace("anna", "nobody").count("nobody") == answers[1].text.count("nobody")


def test_guessing_is_throttled_also_with_the_right_password(portal: Portal) -> None:
    portal.user("anna")
    client = portal.client()
    for _ in range(5):
        assert client.send("/login", login="anna", password="wrong wrong wrong").status_code == 403
    assert client.send("/login", login="anna", password=PASSWORD).status_code == 429
    portal.database.fetch("UPDATE login_failures SET at = at - interval '16 minutes'")
    assert client.send("/login", login="anna", password=PASSWORD).status_code == 200


def test_one_address_cannot_try_many_logins(portal: Portal) -> None:
    portal.user("anna")
    for number in range(20):
        UserStore(portal.database).note_failure(f"user{number}", "127.0.0.1")
    assert portal.client().send("/login", login="anna", password=PASSWORD).status_code == 429


def test_second_factor_is_set_up_asked_for_and_works_once(portal: Portal) -> None:
    client = portal.client("anna")
    page = client.send("/me/second-factor")
    assert "<svg" in page.text
    secret = page.text.partition('name="secret" value="')[2].partition('"')[0]
    wrong = client.send("/me/second-factor", secret=secret, code="000000", present=PASSWORD)
    assert wrong.status_code == 400
    code = pyotp.TOTP(secret).now()
    assert client.send("/me/second-factor", secret=secret, code=code, present="wrong wrong wrong").status_code == 400
    assert client.send("/me/second-factor", secret=secret, code=code, present=PASSWORD).status_code == 200
    other = portal.client()
    assert other.send("/login", login="anna", password=PASSWORD).status_code == 403
    assert other.send("/login", login="anna", password=PASSWORD, code=code).status_code == 403, "a code works once"
    later = pyotp.TOTP(secret).at(time.time() + 30)
    assert other.send("/login", login="anna", password=PASSWORD, code=later).status_code == 200


def test_logout_ends_the_session_also_for_a_stolen_cookie(portal: Portal) -> None:
    client = portal.client("anna")
    cookies = dict(client.session.cookies)
    client.send("/logout")
    thief = portal.client()
    thief.session.cookies.update(cookies)
    assert thief.get("/tickets", allow_redirects=False).status_code == 303


def test_cookie_is_hidden_from_scripts_and_stored_as_hash_only(portal: Portal) -> None:
    client = portal.client("anna")
    (cookie,) = [cookie for cookie in client.session.cookies if cookie.name == "abusehandler"]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    assert portal.database.fetch(
        "SELECT count(*) FROM sessions WHERE encode(id_hash, 'escape') = %s", (cookie.value,)
    ) == [(0,)]


def test_session_ends_when_unused_when_old_and_when_the_user_is_disabled(portal: Portal) -> None:
    for change in (
        "UPDATE sessions SET seen_at = now() - interval '3 hours'",
        "UPDATE sessions SET expires_at = now() - interval '1 second'",
        "UPDATE users SET disabled_at = now()",
    ):
        client = portal.client(f"user{len(change)}")
        assert client.get("/me").status_code == 200
        portal.database.fetch(change)
        assert client.get("/me", allow_redirects=False).status_code == 303, change


def test_new_password_ends_other_sessions(portal: Portal) -> None:
    here = portal.client("anna")
    there = portal.client()
    there.send("/login", login="anna", password=PASSWORD)
    new = "another long password"
    assert here.send("/me/password", present=PASSWORD, new=new, again="x" * 12).status_code == 400
    assert here.send("/me/password", present=PASSWORD, new="short", again="short").status_code == 400
    assert here.send("/me/password", present=PASSWORD, new=new, again=new).status_code == 200
    assert there.get("/me", allow_redirects=False).status_code == 303
    assert here.get("/me").status_code == 200


def test_a_session_can_be_ended_but_only_ones_own(portal: Portal) -> None:
    anna, ben = portal.client("anna"), portal.client("ben")
    ((number,),) = portal.database.fetch(
        "SELECT s.number FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.login = 'ben'"
    )
    anna.send(f"/me/sessions/{number}/end")
    assert ben.get("/me").status_code == 200
    other = portal.client()
    other.send("/login", login="ben", password=PASSWORD)
    other.send(f"/me/sessions/{number}/end")
    assert ben.get("/me", allow_redirects=False).status_code == 303


def test_passwords_have_a_length() -> None:
    with pytest.raises(AbusehandlerError, match="at least 12"):
        passwords.hashed("short")


def test_a_code_counts_one_step_early_or_late_and_only_as_digits() -> None:
    secret = passwords.new_secret()
    code = pyotp.TOTP(secret).at(1_000_000_000)
    assert passwords.step_of(code, secret, now=1_000_000_000) == 33_333_333
    assert passwords.step_of(code, secret, now=1_000_000_030) == 33_333_333
    assert passwords.step_of(code, secret, now=1_000_000_090) is None
    assert passwords.step_of("１２３４５６", secret) is None


def test_a_second_factor_is_sealed_when_there_is_a_key(
    settings: dict[str, Any], open_portal: Callable[[], Portal], tmp_path: Path
) -> None:
    """One from before the key was set is sealed at the next login, and goes on working."""
    key = tmp_path / "seal"
    key.write_text("5e" * 32, encoding="ascii")
    key.chmod(0o600)
    settings["portal"]["seal_file"] = str(key)
    portal = open_portal()
    user = portal.user("anna")
    secret = pyotp.random_base32()
    UserStore(portal.database).set_totp(user, secret, author="test")
    for again in (0, 1):
        code = pyotp.TOTP(secret).at(time.time() + 30 * again)
        answer = portal.client().send("/login", login="anna", password=PASSWORD, code=code)
        assert answer.url.endswith("/tickets"), answer.text
        ((stored,),) = portal.database.fetch("SELECT totp_secret FROM users")
        assert stored.startswith("sealed1:")
        assert secret not in stored


def test_a_seal_opens_for_its_user_and_with_its_key_only(tmp_path: Path) -> None:
    seal = Seal("a" * 32)
    sealed = seal.close("SECRET", 1)
    assert seal.open(sealed, 1) == "SECRET"
    assert Seal(None).open("SECRET", 1) == "SECRET"
    for other, user in ((seal, 2), (Seal("b" * 32), 1), (Seal(None), 1)):
        with pytest.raises(AbusehandlerError, match="seal_file"):
            other.open(sealed, user)
    with pytest.raises(AbusehandlerError, match="seal_file"):
        seal.open("sealed1:nonsense", 1)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal"
    path.write_text("5e" * 32, encoding="ascii")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Seal.of(path)
    path.chmod(0o600)
    assert Seal.of(path).open(Seal.of(path).close("x", 1), 1) == "x"
    path.write_text("short", encoding="ascii")
    with pytest.raises(ConfigurationError, match="openssl rand"):
        Seal.of(path)


def test_many_tries_at_once_are_no_more_than_one_after_the_other(portal: Portal) -> None:
    portal.user("anna")
    answers: list[int] = []

    def guess(number: int) -> None:
        client = portal.client()
        answers.append(client.send("/login", login="anna", password=f"wrong password {number}").status_code)

    guessers = [threading.Thread(target=guess, args=(number,)) for number in range(30)]
    for guesser in guessers:
        guesser.start()
    for guesser in guessers:
        guesser.join()
    assert set(answers) == {403, 429}
    assert answers.count(403) <= 5 + portal.configuration.portal.database_connections


def test_a_cookie_that_somebody_planted_does_not_become_the_session(portal: Portal) -> None:
    portal.user("anna")
    client = portal.client()
    planted = "planted-" + "x" * 35
    name = portal.app.state.portal.session_cookie
    client.session.cookies.set(name, planted, domain="127.0.0.1", path="/")
    assert client.send("/login", login="anna", password=PASSWORD).url.endswith("/tickets")
    stranger = portal.client()
    stranger.session.cookies.set(name, planted, domain="127.0.0.1", path="/")
    assert "/login" in stranger.get("/tickets").url
