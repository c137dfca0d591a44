# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why an event went where it went, from its report to the notice that told it: in words, and as data with the same facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.incoming import SEVERITY_NAMES, EventRejected, observed_fields
from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.incoming import Incoming

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`facts` by part (event, report, customer, fingerprint, key, ticket, notices), `words` as (part, sentence)."""

    facts: dict[str, Any]
    words: list[tuple[str, str]] = field(default_factory=list)


def explain(database: Database, event: int, incoming: Incoming) -> Explanation | None:
    """Why the event with this number is where it is; None for a number that no event has. `incoming` holds the present rules."""
    with database.transaction() as cursor:
        found = _rows(cursor, "event", event=event)
        return _Explainer(cursor, incoming, found[0]).explain() if found else None


def _rows(cursor: Cursor, name: str, **parameters: Any) -> list[Row]:
    cursor.execute(statements("explaining")[name], parameters)
    return dicts(cursor)


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


class _Explainer:
    def __init__(self, cursor: Cursor, incoming: Incoming, event: Row) -> None:
        self._cursor = cursor
        self._incoming = incoming
        self._event = event
        self._data: Row = event["data"]
        self._facts: dict[str, Any] = {}
        self._words: list[tuple[str, str]] = []

    def _say(self, part: str, sentence: str) -> None:
        self._words.append((part, sentence))

    def explain(self) -> Explanation:
        self._tell_event()
        self._tell_report()
        ticket = self._ticket()
        self._tell_customer(ticket)
        self._tell_fingerprint()
        if ticket is not None:
            self._tell_key(ticket)
            self._tell_ticket(ticket)
            self._tell_notices(ticket)
        return Explanation(self._facts, self._words)

    def _tell_event(self) -> None:
        event, data = self._event, self._data
        names = ("id", "at", "problem", "severity", "feed", "stored_at", "withdrawn_at")
        self._facts["event"] = {**{name: event[name] for name in names}, "severity": SEVERITY_NAMES[event["severity"]]}
        kind = "/".join(
            str(data[name]) for name in ("classification.type", "classification.identifier") if data.get(name)
        )
        self._say(
            "event",
            f"Event {event['id']} was observed at {_moment(event['at'])}: {kind}, which is the problem {event['problem']}.",
        )
        told = "the event itself says so" if data.get("severity") else "as the catalogue has it for the problem"
        self._say("event", f"Its severity is {SEVERITY_NAMES[event['severity']]}: {told}.")
        if data.get("time.source") is None:
            self._say("event", "Its report gave no time, so the time of receipt counts.")
        if event["withdrawn_at"] is not None:
            self._say(
                "event",
                f"It was withdrawn at {_moment(event['withdrawn_at'])}, because a new reading of its report did not make it.",
            )

    def _tell_report(self) -> None:
        data = self._data
        reports = (
            [] if self._event["report_id"] is None else _rows(self._cursor, "report", report=self._event["report_id"])
        )
        reader = data.get("report.reader") or (reports[0]["reader"] if reports else "")
        self._facts["report"] = reports[0] if reports else None
        self._facts["reader"] = {
            "name": reader,
            "line": data.get("report.line"),
            "reading": data.get("report.reading", 1),
        }
        if not reports:
            where = "is not kept any more" if self._event["report_id"] is not None else "was not recorded by this box"
            self._say("report", f"Its report {where}.")
            return
        report = reports[0]
        about = report["subject"] or report["name"]
        self._say(
            "report",
            f"It stands in report {report['report']} ({report['kind']}{' from ' + report['sender'] if report['sender'] else ''}"
            f"{', ' + repr(about) if about else ''}), which came by {report['channel']} at {_moment(report['received_at'])}.",
        )
        line = f", at line or row {data['report.line']}" if data.get("report.line") else ""
        self._say("report", f"The reader {reader or '(unnamed)'} made it{line}.")

    def _ticket(self) -> Row | None:
        if self._event["ticket_id"] is None:
            return None
        found = _rows(self._cursor, "ticket", ticket=self._event["ticket_id"])
        return found[0] if found else None

    def _tell_customer(self, ticket: Row | None) -> None:
        data = self._data
        match = self._event["customer_match"] or ("one" if self._event["ticket_id"] is not None else "none")
        source, reason = data.get("customer.source"), data.get("customer.reason")
        self._facts["customer"] = {
            "match": match, "id": ticket and ticket["customer_id"], "name": ticket and ticket["customer_name"],
            "source": source, "reason": reason,
        }  # fmt: skip
        of = f", says {source}" if source else ""
        why = f": {reason}" if reason else ""
        if match == "one" and ticket is not None:
            name = f" ({ticket['customer_name']})" if ticket["customer_name"] else ""
            self._say("customer", f"The address belonged to customer {ticket['customer_id']}{name} at that time{of}.")
        elif match == "ambiguous":
            self._say("customer", f"More than one customer fits, so it has no ticket{why}{of}.")
        elif match == "none":
            self._say("customer", f"No customer of yours had the address at that time, so it has no ticket{why}{of}.")

    def _tell_fingerprint(self) -> None:
        fields = observed_fields(self._data)
        self._facts["fingerprint"] = {"value": self._event["fingerprint"], "fields": fields}
        self._say("fingerprint", f"Its fingerprint {self._event['fingerprint']} is made of {len(fields)} fields: {', '.join(fields)}. "
                  "Whatever comes with the same values counts as this event.")  # fmt: skip

    def _tell_key(self, ticket: Row) -> None:
        told: dict[str, Any] = {"value": ticket["key"]}
        self._facts["key"] = told
        try:
            problem = self._incoming.problem(self._data)
            parts, _ = self._incoming.key_parts(self._data, problem, ticket["customer_id"])
        except EventRejected as error:
            self._say("key", f"By the present program it would be rejected: {error}.")
            return
        rule, prefix = self._incoming.key_rule(problem.id)
        said_by = key_rule_sources(self._incoming, problem.id)
        told.update(
            parts={name: value for name, value in parts._asdict().items() if value},
            rules=said_by,
            by_present_rules=parts.hashed(),
        )
        named = ", ".join(f"{name} {value}" for name, value in told["parts"].items())
        self._say("key", f"Events are one ticket when they agree in {named}.")
        if ":" in str(self._data.get("source.ip") or ""):
            where = said_by.get("ipv6_prefix", "abusehandler.yaml, tickets.ipv6_prefix")
            self._say("key", f"IPv6 addresses share a ticket within their first {prefix} bits ({where}).")
        for name, what in (("port", "Each port has its own ticket"), ("feed", "Each feed has its own ticket"),
                           ("domain", "Names of one registered domain share a ticket")):  # fmt: skip
            if getattr(rule, name):
                self._say("key", f"{what} ({said_by[name]}).")
        if parts.hashed() == ticket["key"]:
            return
        merged = _rows(self._cursor, "successors", key=parts.hashed())
        if merged:
            self._say(
                "key",
                f"That is the key of ticket {merged[0]['merged_from']}, which a person merged into ticket {merged[0]['ticket_id']}.",
            )
        else:
            self._say("key", "By the present rules its key is another than its ticket's: rules or catalogue have changed, "
                      "or a person has merged or split tickets.")  # fmt: skip

    def _tell_ticket(self, ticket: Row) -> None:
        number, stored_at = ticket["ticket"], self._event["stored_at"]
        relapse = _rows(self._cursor, "relapse", ticket=number, stored_at=stored_at)
        how = "joined"
        if relapse:
            how = "reopened"
        elif ticket["opened_at"] == stored_at:
            how = "opened"
        told = {**ticket, "severity": SEVERITY_NAMES[ticket["severity"]], "how": how}
        self._facts["ticket"] = told
        sentence = {
            "opened": f"No ticket of this key was open, so it opened ticket {number}, with others of its batch.",
            "reopened": f"It, or another of its batch, reopened ticket {number}: {relapse[0]['reason'] if relapse else ''}.",
            "joined": f"It joined ticket {number}, which was there.",
        }[how]
        self._say("ticket", sentence)
        if ticket["follows"] is not None:
            within = self._incoming.rules.times(ticket["problem"], ticket["customer_id"]).reopen_within.days
            self._say(
                "ticket",
                f"The ticket follows ticket {ticket['follows']}, which had been closed for longer than a ticket can come back "
                f"(now {within} days).",
            )
        if ticket["merged_into"] is not None:
            self._say("ticket", f"A person merged it into ticket {ticket['merged_into']}.")
        if ticket["severity_fixed"] is not None:
            self._say(
                "ticket",
                f"A person has set its severity to {SEVERITY_NAMES[ticket['severity_fixed']]}; events change it no more.",
            )
        elif ticket["severity_floor"]:
            self._say(
                "ticket", f"An escalation raised its severity to at least {SEVERITY_NAMES[ticket['severity_floor']]}."
            )
        times = f", came back {ticket['relapses']} times" if ticket["relapses"] else ""
        self._say(
            "ticket",
            f"It is {ticket['state']} since {_moment(ticket['state_at'])}, has {ticket['event_count']} events{times}.",
        )

    def _tell_notices(self, ticket: Row) -> None:
        notices = _rows(self._cursor, "notices", ticket=ticket["ticket"], event=self._event["id"])
        self._facts["notices"] = notices
        for notice in notices:
            mail = (
                f"the mail to {notice['recipient']} is {notice['mail']}"
                if notice["recipient"]
                else f"it is {notice['state']}"
            )
            sent = f" since {_moment(notice['sent_at'])}" if notice["sent_at"] else ""
            self._say("notices", f"Notice {notice['notice']} told it: {mail}{sent}.")
        if notices:
            return
        if ticket["muted_by"] is not None:
            mute = _rows(self._cursor, "mute", mute=ticket["muted_by"])
            why = f": {mute[0]['reason']} ({mute[0]['author']})" if mute else ""
            self._say(
                "notices",
                f"No notice has told it: mute {ticket['muted_by']} holds it back until {_moment(ticket['notify_due'])}{why}.",
            )
        elif ticket["notify_due"] is not None:
            self._say("notices", f"No notice has told it yet; one is due at {_moment(ticket['notify_due'])}.")
        else:
            self._say(
                "notices",
                f"No notice has told it and none is due: the ticket is {ticket['state']}, or the policy of its problem is never.",
            )


def key_rule_sources(incoming: Incoming, problem: str) -> dict[str, str]:
    """Which line of rules.yaml decides each part of a problem's key; parts that nothing names are left out."""
    file, group = incoming.rules.file, incoming.rules.group_of(problem)
    layers = (
        (f"problems.{problem}", file.problems.get(problem)),
        (f"groups.{group}", file.groups.get(group)),
        ("defaults", file.defaults),
    )
    found: dict[str, str] = {}
    for name in ("port", "feed", "domain", "ipv6_prefix"):
        for where, section in layers:
            if section is not None and getattr(section.key, name) is not None:
                found[name] = f"rules.yaml, {where}.key.{name}"
                break
    return found
