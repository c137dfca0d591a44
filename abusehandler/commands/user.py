# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler user add|list|password|disable|enable|role`: who may use the portal."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

from abusehandler.commands.portal import NOT_INSTALLED
from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.database import Database
from abusehandler.tickets.desk.users import ROLES, User, UserStore

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    password = "read the password from standard input, one line, instead of asking"  # noqa: S105
    about = "a new person; the password is asked for, there is no default"
    add = verbs.add_parser("add", help=about, description=about)
    add.add_argument("login", help="one word, for example a mail address")
    add.add_argument("--role", choices=ROLES, default="desk", help="what the person may do; default: desk")
    add.add_argument("--name", default="", help="as colleagues know the person")
    add.add_argument("--account", help="only this account's customers are seen; needed for the role tenant")
    add.add_argument("--password-stdin", action="store_true", help=password)
    add.add_argument("--single-sign-on", action="store_true", help="no password: the person comes by single sign-on")
    many = verbs.add_parser("list", help="all people")
    many.add_argument("--json", action="store_true", help="for scripts")
    change = verbs.add_parser("password", help="a new password; all sessions of the person end")
    change.add_argument("login")
    change.add_argument("--password-stdin", action="store_true", help=password)
    change.add_argument("--forget-second-factor", action="store_true", help="for a person who lost the phone")
    role = verbs.add_parser("role", help="another role")
    role.add_argument("login")
    role.add_argument("role", choices=ROLES)
    role.add_argument("--account", help="only this account's customers are seen")
    for verb, about in (("disable", "shut a person out at once"), ("enable", "let a person in again")):
        verbs.add_parser(verb, help=about, description=about).add_argument("login")


def run(arguments: argparse.Namespace) -> int:
    users = UserStore(Database(load().database.dsn))
    author = f"{getpass.getuser()} on the command line"
    if arguments.verb == "list":
        print_rows(users.all(), as_json=arguments.json)
    elif arguments.verb == "add":
        secret = None if arguments.single_sign_on else _hashed(_ask(arguments))
        users.add(
            arguments.login, arguments.role, author=author, name=arguments.name, account=arguments.account,
            password_hash=secret,
        )  # fmt: skip
        print(f"added {arguments.login.lower()} as {arguments.role}")
    elif arguments.verb == "password":
        user = _known(users, arguments.login)
        users.set_password(user, _hashed(_ask(arguments)), author=author)
        if arguments.forget_second_factor:
            users.set_totp(user, None, author=author)
        print(f"new password for {user.login}; all sessions ended")
    elif arguments.verb == "role":
        user = _known(users, arguments.login)
        users.change(user, author=author, role=arguments.role, account=arguments.account, name=user.name)
        print(f"{user.login} is {arguments.role} now")
    else:
        user = _known(users, arguments.login)
        users.disable(user, arguments.verb == "disable", author=author)
        print(f"{user.login} is {arguments.verb}d")
    return 0


def _known(users: UserStore, login: str) -> User:
    user = users.find(login)
    if user is None:
        raise AbusehandlerError(f"there is no user {login!r}; see 'abusehandler user list'")
    return user


def _ask(arguments: Any) -> str:
    if arguments.password_stdin:
        return sys.stdin.readline(1000).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise AbusehandlerError("there is no terminal to ask for the password; use --password-stdin")
    first = getpass.getpass("Password (at least 12 characters): ")
    if getpass.getpass("Again: ") != first:
        raise AbusehandlerError("the password was typed in two ways")
    return first


def _hashed(password: str) -> str:
    try:
        from abusehandler.portal.login import passwords
    except ImportError as error:
        raise AbusehandlerError(f"{NOT_INSTALLED} ({error})") from error
    return passwords.hashed(password)
