# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tell mails that report nothing from reports: bounces, auto-replies, receipts, newsletters, answers, recalls, extortion.

A report kept from the desk is worse than an answer shown to it: where the signs do not agree the mail passes as a report.
"""

from __future__ import annotations

import logging
import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from abusehandler.reports.freetext.addresses import find_addresses, is_public
from abusehandler.reports.freetext.names import find_urls
from abusehandler.reports.freetext.phrases import Phrases, Spread, phrase_of, spread
from abusehandler.reports.freetext.problem import problems
from abusehandler.reports.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail

log = logging.getLogger(__name__)
READER = "free-text"
#: What somebody wrote himself stands above these lines.
_QUOTE_FOLLOWS = re.compile(
    r"(?im)^[ \t]*(?:>|-{2,}[ \t]?(?:original|ursprung|forwarded|weitergeleitet|urspr)|_{10,}|"
    r"(?:on|am|le|el|em|il|op|dne|в)\b.{5,120}(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|"
    r"napsal|napisał|пишет|написал)[^\n]{0,60}:[ \t]*$|"
    r"(?:from|von|de|da|van|od|от):[ \t].{3,200}$|.{0,30}original (?:complaint|message|report|email|ticket)\b)"
)
_ANSWER = re.compile(
    r"(?i)[ \t]*(?:\[[^\]\n]{1,60}\][ \t]*)*(?:re|aw|sv|antw|odp|rv|r|vs|res|ynt|回复|答复|返信|отв)(?:\[\d+\])?[ \t]?:"
)
_FORWARD = re.compile(
    r"(?i)[ \t]*(?:\[[^\]\n]{1,60}\][ \t]*)*(?:fwd?|wg|tr|rv|i|enc|doorst|pd|vb|пересл)(?:\[\d+\])?[ \t]?:"
)
_FRONT = re.compile(
    r"(?i)(?:[ \t]*(?:\[[^\]\n]{1,80}\]|\([^)\n]{1,60}\)|(?:re|aw|fwd?|wg|tr|sv|antw|odp)[ \t]?:|#\d+:?))*[ \t]*"
)
#: A line of a log or of a table with an address and a clock: evidence, whatever the words say.
_ADDRESS = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
_CLOCK = r"\d{1,2}:\d{2}:\d{2}"
_LOG = re.compile(
    rf"(?m)^[^\n]{{0,200}}?{_CLOCK}[^\n]{{0,200}}?{_ADDRESS}|^[^\n]{{0,120}}?{_ADDRESS}[^\n]{{0,200}}?{_CLOCK}"
)
#: Nobody but malware and those who warn of it writes such URLs.
_ADDRESS_IN_URL = re.compile(rf"h..ps?\[?:\]?//{_ADDRESS}[:/]")
#: The commonest words of the languages whose words of complaint are known: in others silence means nothing.
_SMALL_WORDS = frozenset(
    """
    goedemorgen hebben geen ons kunnen jullie de in dank ihr ihre mein guten von zu auf im sehr geehrte bonjour
    merci votre le la une du gracias buenos dias hola su buongiorno grazie dal bom dia obrigado uma dzien dobry
    prosimy dla na do den dekuji hello hi dear thank thanks we are your my not is a to of the and you for with this
    that our have ist und die der das wir sie nicht mit ich les des est que nous vous pour avec dans una los las por
    con para nuestro nao com voce seu che per non del sono questo het een van niet wij voor met dat nie jest prosze
    oraz jak je pro prosim jsem vas что для это мы вы как пожалуйста здравствуйте в на и с не
    """.split()  # noqa: SIM905
)
#: Words that name the desk, not abuse, in spread text.
_ABUSE_DESK = re.compile(
    r" abuse (?:c|mailbox|contacts?|desk|team|handling|department|role|address)\b(?: (?:mailbox|contact|address|"
    r"validation)\b)?| (?:kontakt\w{0,2}|contact\w{0,2}|contat\w{1,3}|контакт\w{0,2}) abuse\b"
)
_MAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")
_MOST_TEXT = 5000
#: The score of one sure word is 4.5: an answer that has none of its own does not complain again.
_QUIET = 4.5
_NOTHING = Phrases(())
#: Kind, confidence, reason.
_Found = tuple[str, float, str]
#: Any ending may follow a phrase, but "up" is not the front of "Upozornění".
_SHORTEST_FRONT = 4


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, dict[str, Phrases]]:
    data = yaml.safe_load(Path(__file__).with_name("nonreports.yaml").read_text(encoding="utf-8"))
    made = {
        key: {"body": Phrases(phrase_of(str(one)) for one in dict.fromkeys(data.pop(key)))}
        for key in ("complaint", "addressed", "uneasy")
    }
    for kind, places in data.items():
        made[kind] = {
            place: Phrases(phrase_of(str(one), open_end=len(str(one)) > _SHORTEST_FRONT) for one in phrases)
            for place, phrases in places.items()
        }
    return made


def certainly_no_report(mail: Mail, context: ReadContext) -> Reading | None:
    """What `not_a_report` is sure of (confidence 0.9 or more), without a look at all words. Never raises."""
    return _reading(lambda: _structured(mail, context) or _begun(_Words(mail)))


def not_a_report(mail: Mail, context: ReadContext) -> Reading | None:
    """A reading with verdict `not-a-report` and its kind, or None when the mail may be a report. Never raises."""

    def find() -> _Found | None:
        words = _Words(mail)
        return _structured(mail, context) or _begun(words) or _worded(words)

    return _reading(find)


def _reading(find: Callable[[], _Found | None]) -> Reading | None:
    try:
        found = find()
    except Exception:  # doubtful mails pass as reports
        log.exception("could not tell whether the mail is a report")
        return None
    if found is None:
        return None
    kind, sure, reason = found
    return Reading("not-a-report", READER, reason, confidence=sure, kind=kind)


def _structured(mail: Mail, context: ReadContext) -> _Found | None:
    """What headers and MIME types say: RFC 3464 (bounces), RFC 8098 (read receipts), RFC 3834 (automatic answers)."""
    types = {part.content_type for part in mail.parts if part.depth == 0}
    if "message/delivery-status" in types and "message/feedback-report" not in types:
        return "bounce", 0.98, "a delivery status notification (RFC 3464)"
    if "message/disposition-notification" in types:
        return "receipt", 0.98, "a read receipt (RFC 8098)"
    if "text/calendar" in types and not _has_complaint(spread(mail.subject)):
        return "calendar", 0.8, "a calendar invitation"
    if mail.sender and mail.sender in context.own_addresses:
        return "own-mail", 0.9, "it comes from an address of ours"
    if mail.header("return-path").strip() == "<>" and mail.sender.partition("@")[0] in ("mailer-daemon", "postmaster"):
        return "bounce", 0.9, "it comes from a mail system, with an empty return path"
    return None


class _Words:
    """What is asked about a mail's words, found out when it is asked."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        self.subject = mail.subject[:400]
        self.whole_subject = spread(_MAIL_ADDRESS.sub(" ", self.subject))

    @cached_property
    def text(self) -> str:
        body = self.mail.body()
        return body.text[:20_000] if body is not None else ""

    @cached_property
    def own(self) -> str:
        return _written(self.text)

    @cached_property
    def words(self) -> Spread:
        return spread(self.own[:_MOST_TEXT])

    @cached_property
    def complains(self) -> bool:
        return _has_complaint(self.whole_subject) or _has_complaint(self.words)

    @cached_property
    def strength(self) -> float:
        ranking = problems(self.subject, self.own)
        return ranking[0].score if ranking else 0.0

    @cached_property
    def quiet_strength(self) -> float:
        """Of the text alone: the subject line is that of the mail that is answered."""
        said = problems(
            "", "\n".join(line for line in self.own.splitlines() if not line.lower().startswith("subject:"))
        )
        return said[0].score if said else 0.0

    def quieter(self, told: list[str]) -> float:
        """`quiet_strength` without these words: that the scans have stopped is no complaint about scans."""
        if self.quiet_strength < _QUIET or len(self.own) > _MOST_TEXT:
            return self.quiet_strength
        left = self.words
        for words in told:
            left = left.without(words)
        ranking = problems("", left)
        return ranking[0].score if ranking else 0.0

    @cached_property
    def answers(self) -> bool:
        return bool(_ANSWER.match(self.subject)) or bool(
            self.mail.header("in-reply-to") and not _FORWARD.match(self.subject)
        )

    @cached_property
    def front(self) -> Spread:
        tags = _FRONT.match(self.subject)
        return spread(self.subject[tags.end() :] if tags else self.subject)

    def told(self, kind: str, place: str = "body", where: Spread | None = None) -> list[str]:
        """The vocabulary's words of this kind that stand there; in the text if nothing is said."""
        phrases = _vocabulary()[kind].get(place, _NOTHING)
        return [phrase.needle.strip() for phrase in phrases.standing_in(self.words if where is None else where)]

    def begins(self, kind: str) -> list[str]:
        """The words of this kind with which the subject line begins, or that stand anywhere in it."""
        phrases = _vocabulary()[kind].get("subject", _NOTHING).all
        return [phrase.needle.strip() for phrase in phrases if self.front.startswith(phrase.needle)] + self.told(
            kind, "anywhere", self.whole_subject
        )


def _begun(words: _Words) -> _Found | None:
    """What the header of an automatic answer says (RFC 3834), or the beginning of the subject line."""
    header = words.mail.header
    # Ticket systems that open a case at us call that an automatic reply too.
    if (
        (
            header("auto-submitted").lower().startswith("auto-replied")
            or header("x-autoreply")
            or header("x-autorespond")
        )
        and (_ANSWER.match(words.subject) or words.strength < 3.0)
        and not (_FRONT.match(words.subject) and words.strength >= 12)
    ):
        return "auto-reply", 0.95, "an automatic answer by its header (RFC 3834)"
    for kind in ("bounce", "auto-reply", "receipt", "survey", "recall"):
        starts = words.begins(kind)
        if starts and (kind in ("bounce", "auto-reply", "survey") or words.told(kind) or not words.complains):
            return kind, 0.9, f"the subject line begins with {starts[0]!r}"
    return None


def _worded(words: _Words) -> _Found | None:
    mail, own, told, strength = words.mail, words.own, words.told, words.strength
    for kind in ("bounce", "auto-reply", "receipt", "survey", "recall"):
        inside = told(kind)
        firm = [one for one in inside if not one.startswith("please disregard") and not one.startswith("please ignore")]
        if kind == "recall" and inside and len(own) < 3000 and (firm or words.answers or strength < 6):
            return kind, 0.8, f"it says {inside[0]!r}"
        early = [phrase for phrase in inside if 0 <= words.words.find(phrase) < 500]
        if kind in ("receipt", "survey", "auto-reply", "bounce") and (
            (len(inside) > 1 and early) or (early and (words.answers or strength < 4.0))
        ):
            return kind, 0.8, f"it says {inside[0]!r}"
    notice = words.begins("service-notice") + told("service-notice", "body", words.words.and_also(words.whole_subject))
    if (
        notice
        and not _has_complaint(words.whole_subject.without(_ABUSE_DESK))
        and not _has_complaint(spread(_MAIL_ADDRESS.sub(" ", own[:_MOST_TEXT])).without(_ABUSE_DESK))
    ):
        return "service-notice", 0.6, f"{notice[0]!r}, and nothing complains"
    extorted = told("extortion")
    if len(extorted) >= 3 and any("bitcoin" in one or "btc" in one for one in extorted):
        return "extortion", 0.8, f"it says {extorted[0]!r} and {extorted[1]!r}"
    answered = told("ticket-answer", "body", words.words.beginning(2500))
    received = told("receipt", "body", words.words.beginning(700))
    if received and answered and len(own) < 4000:
        return "receipt", 0.75, f"it says {received[0]!r} and {answered[0]!r}"
    named = told("ticket-answer", "anywhere", words.whole_subject)
    if named and (answered or received or strength < 3):
        return "ticket-answer", 0.75, f"the subject line says {named[0]!r}"
    if answered and words.answers and len(own) < 2500 and (strength < 14 or words.quieter(answered) < _QUIET):
        return "ticket-answer", 0.75, f"an answer that says {answered[0]!r}"
    thanked = (
        told("thanks", "body", words.words.beginning(1500))
        if words.answers and words.quiet_strength < _QUIET and len(own) < 2500
        else []
    )
    if thanked and not find_addresses(own) and not find_urls(own):
        return "ticket-answer", 0.7, f"an answer that says {thanked[0]!r} and names no address"
    if len(answered) >= 2 and len(own) < 1500 and words.quiet_strength < 4:
        return "ticket-answer", 0.6, f"it says {answered[0]!r} and {answered[1]!r}"
    if answered and not words.complains and (strength < 3 or not _has_complaint(words.words, "uneasy")):
        return "ticket-answer", 0.6, f"it says {answered[0]!r}, and nothing complains"
    requested = told("data-request")
    if requested and strength < _QUIET and not words.answers:
        return "data-request", 0.6, f"it says {requested[0]!r}, and nothing complains"
    listed = told("newsletter", "body", spread(words.text))
    bulk = mail.header("list-unsubscribe") or mail.header("list-id") or mail.header("precedence").lower() == "bulk"
    if (
        (len(listed) > 1 or (listed and bulk))
        and not _has_complaint(words.whole_subject)
        and strength < 5
        and not _forwarded(mail, words.text)
    ):
        return "newsletter", 0.7, f"it says {listed[0]!r}, and nothing complains"
    wanted = _wanted(
        mail,
        words.text,
        listed,
        told("customer-question", "body", words.words),
        told("offer", "body", words.words.and_also(words.whole_subject)),
    )
    if wanted is not None:
        return wanted
    lured = told("desk-phishing", "body", words.words.and_also(words.whole_subject))
    if (
        lured
        and not _has_complaint(words.whole_subject)
        and (len(lured) > 1 or not words.complains)
        and strength < 4
        and not _forwarded(mail, words.text)
    ):
        return "spam-to-the-desk", 0.6, f"it says {lured[0]!r} to us"
    return None


def _wanted(mail: Mail, text: str, listed: list[str], asked: list[str], offered: list[str]) -> _Found | None:
    """Newsletters, customers' questions, offers and small talk: nobody says that our network did something."""
    words = spread(mail.subject[:400] + "\n" + _written(text)[:_MOST_TEXT])
    if _forwarded(mail, text) or any(part.attached for part in mail.parts) or _LOG.search(text):
        return None
    said = words
    for phrase in asked:
        said = said.without(f" {phrase}")  # "blocked by your server" speaks of us, but not of abuse from us
    ranking = problems(mail.subject, text)
    strength = ranking[0].score if ranking else 0.0
    if len(asked) > 1 and strength < 3:
        return "customer-question", 0.6, f"it says {asked[0]!r} and {asked[1]!r}"
    if _vocabulary()["addressed"]["body"].standing_in(said):
        return None
    # "I never subscribed to this newsletter. It is sent from 192.0.2.1": he complains about it
    unwanted = strength >= 6 and ranking[0].type == "spam" and any(is_public(one.ip) for one in find_addresses(text))
    if len(listed) > 1 and not unwanted:
        return "newsletter", 0.65, f"it says {listed[0]!r} and {listed[1]!r}, and nothing of our network"
    if asked and (strength < 6 or ranking[0].type == "blacklist" or len(asked) > 1):
        return "customer-question", 0.6, f"it says {asked[0]!r}, and nothing of our network"
    if len(offered) > 1 or (offered and strength < 4):
        return "offer", 0.6, f"it says {offered[0]!r}, and nothing of our network"
    words = spread(_MAIL_ADDRESS.sub(" ", mail.subject[:400] + "\n" + _written(text)[:_MOST_TEXT])).without(_ABUSE_DESK)
    if (
        strength < 2.5
        and not _has_complaint(words, "uneasy")
        and not _has_complaint(words)
        and len(_SMALL_WORDS & set(words.split())) >= 3
        and not _ADDRESS_IN_URL.search(text)
        and not any(is_public(one.ip) for one in find_addresses(text))
    ):
        return "no-complaint", 0.5, "no word complains, and nothing is said of our network"
    return None


def _written(text: str) -> str:
    """What the sender wrote himself: above the first quote, or between and below quotes; all of it where it is all quoted."""
    match = _QUOTE_FOLLOWS.search(text)
    if match and len(text[: match.start()].split()) >= 6:
        return text[: match.start()]
    if match and match[0].lstrip().startswith(">"):
        below = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(">"))
        if len(below.split()) >= 4:
            return below
    return text


def _forwarded(mail: Mail, text: str) -> bool:
    return (
        bool(_FORWARD.match(mail.subject))
        or any(part.nested is not None for part in mail.parts)
        or "received:" in text.lower()
    )


def _has_complaint(words: Spread, key: str = "complaint") -> bool:
    return bool(_vocabulary()[key]["body"].standing_in(words))
