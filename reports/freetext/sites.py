# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which of the URLs and host names in a text are complained about, and which belong to the reporter, the owner or a citation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from abusehandler.reports.freetext.labels import plain, words_of
from abusehandler.reports.freetext.names import (
    FoundName,
    find_hosts_beside,
    find_mail_addresses,
    find_urls,
    registered_domain,
)

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.freetext.passages import Line, Passage
    from abusehandler.reports.mail.message import Mail

SiteRole = Literal["reported", "innocent", ""]


@dataclass(frozen=True, slots=True)
class _Heading:
    """The last line without a name that may speak for those below; `accused`: it says they are the bad ones."""

    role: SiteRole = ""
    filled: int = -99
    accused: bool = False


_BARE = re.compile(r"[\s\d:.,;|/\[\](){}<>*•·#'\"`+=_–-]*(?:https?)?$")
_DRESSING = re.compile(
    r"(?i)/[^?#]{0,200}(?:logo|icon|twitter|facebook|linkedin|youtube|instagram|signature|banner|spacer|"
    r"avatar)[^/?#]{0,60}\.(?:png|gif|jpe?g|svg)"
    r"|/[^?#]{0,100}(?:disclaimer|privacy|unsubscribe|e?mail-?confidentiality|opt-?out|report-?abuse|abuse-?form|"
    r"terms-of|legal-notice|impressum)"
)
#: What a sentence says of the name at its end, however far in front: it is the real one, or it proves a right.
_RIGHTFUL = re.compile(
    r"(?i)\b(?:official(?:ly)?|legitimate(?:ly)?|legit|genuine|authentic|originals?|offizielle[nrs]?|echten?|"
    r"oficial(?:es|mente)?|officiel(?:s|le|les)?|"
    r"ufficial[ei]|oficjaln\w{1,3}|oficiáln\w{1,3}|официальн\w{1,4}|officiële|echte|proof|proofs|proving|evincing|"
    r"authori[sz]ation letter|letter of "
    r"authori[sz]ation|exclusive (?:copyrights?|rights)|(?:copied|taken|stolen|scraped|lifted|duplicated|"
    r"reproduced) from|kopiert von|copiad[oa]s? de|"
    r"(?:sells?|markets?|offers?) (?:its|their|our) (?:products|goods|services|works)|users of (?:the|our) (?:website|"
    r"site|service|brand|bank)|copiée?s? (?:de|du|depuis)|copiat[oaei] da|gekopieerd van|skopiowan\w{1,3} z|"
    r"zkopírován\w{0,3} z|скопирован\w{0,3} с)\b"
)
_ACCUSED = re.compile(
    r"(?i)\b(?:infring\w{1,6}|unauthori[sz]ed|not authori[sz]ed|without|illegal\w{0,2}|fraud\w{0,6}|fake\w?|"
    r"phish\w{0,5}|malicious|counterfeit\w{0,3}|"
    r"clone[ds]?|offending|pirat\w{1,4}|your|yours|you|hosted|located|reported|violat\w{1,4}|imitat\w{1,5}|"
    r"impersonat\w{1,5}|copy|copies|nachgeahmt\w{0,2}|gefälscht\w{0,2}|"
    r"ihre[mnrs]?|ihnen|votre|vos|chez vous|su|sus|sua|vostr[oaie]|uw|jullie|waszy\w{0,2}|państwa|vaš\w{0,4}|вашем|вашего|"
    r"fals[ao]s?|fraudulent\w{0,2}|pirata|illegal\w{0,2}|frauduleu\w{1,3}|contr[ae]f\w{2,8}|valse|nep|podrob\w{1,4}|"
    r"fałszyw\w{1,3}|поддельн\w{1,4})\b"
)
#: "on behalf of Acme Ltd (acme.example": the one in whose name is spoken.
_IN_WHOSE_NAME = re.compile(
    r"(?i)\b(?:behalf of|authori[sz]ation of|represent(?:s|ing)?|acting for|act for|client|mandantin|mandanten?|auftrag|namen|nombre de|"
    r"nom de|nome de|conto di|namens|imieniu|jménem|от имени|имени)\b[^()\n]{0,80}[(\[]\s?$"
)
_SENTENCE_ENDS = re.compile(
    r"[.!?][ \t]+(?=[A-ZÀ-ÞА-Я\d\"'(•-])|\n[ \t>]*\n|;[ \t]|\n[ \t>]*(?:[-*•]|\d{1,2}[.)])[ \t]"
)
_LONGEST_SENTENCE = 300
#: Headings of papers that come along.
_PAPERS = re.compile(
    r"(?i)\W{0,4}(?:an? |the |your |our )?(?:proofs?\b(?! of (?:the )?(?:infring|abuse|phish|violat|fraud))|"
    r"(?:legal )?documents? (?:proving|showing|confirming)|"
    r"(?:copy of (?:the )?)?(?:authori[sz]ation letter|letter of authori[sz]ation|power of attorney|"
    r"trade ?mark (?:certificate|registration)))"
)
#: "the URLs for your reference" are no references.
_FOR_YOUR = re.compile(
    r"(?i)\bfor (?:your|easy|ready|the|further)? ?(?:kind |easy |ready |quick )?"
    r"(?:reference|information|convenience|perusal|review|records?|attention|action)\b"
)
_MOST_PLACES = 3000
_ALONE = "alone on its line"
_RIGHTFUL_PLACE = "the rightful one"
#: From here on the words before a name say that it is the one.
_LABELLED = 2.0
#: A web site and a mail address that stand so near are both somebody's way to be reached.
_CONTACT_REACH = 60


@dataclass(slots=True)
class SitePlace:
    found: FoundName
    passage: Passage
    line: Line
    weight: float
    why: str


@dataclass(slots=True)
class Site:
    """A URL (or a host without one) with its places."""

    host: str
    url: str
    places: list[SitePlace] = field(default_factory=list)
    weight: float = 0.0
    in_subject: bool = False
    defanged: bool = False
    theirs: bool = False


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    labels: dict[str, SiteRole]
    cited: frozenset[str]
    accused: frozenset[str]
    works: frozenset[str]
    compared: frozenset[str]
    cjk: tuple[tuple[str, SiteRole], ...]


@lru_cache(maxsize=1)
def _vocabulary() -> _Vocabulary:
    data = yaml.safe_load(Path(__file__).with_name("sites.yaml").read_text(encoding="utf-8"))
    labels: dict[str, SiteRole] = {plain(str(phrase)): "reported" for phrase in data["reported"]}
    labels.update({plain(str(phrase)): "innocent" for phrase in data["innocent"]})
    words = {key: frozenset(plain(str(word)) for word in data[key]) for key in ("accused", "works", "compared")}
    sides: tuple[SiteRole, SiteRole] = ("reported", "innocent")
    cjk = tuple((plain(phrase), role) for role in sides for phrase in data["cjk"][role])
    return _Vocabulary(labels, frozenset(data["cited"]), words["accused"], words["works"], words["compared"], cjk)


@lru_cache(maxsize=4096)
def site_label(text: str, reach: int = 6) -> tuple[SiteRole, int]:
    """The role that the words before a URL give it, and how many words away they stand."""
    vocabulary = _vocabulary()
    words = words_of(text)
    for away in range(min(reach, len(words))):
        end = len(words) - away
        for length in range(min(5, end), 0, -1):
            role = vocabulary.labels.get(" ".join(words[end - length : end]))
            if role:
                return role, away
    if not text.isascii():
        low = plain(text[-40:])
        place, role = max(((low.rfind(phrase), role) for phrase, role in vocabulary.cjk), default=(-1, ""))
        if place >= 0:
            return role, 0
    return "", 0


def cited(host: str) -> bool:
    """Whether the host is one that reports refer to: registries, scanners, standards, large platforms."""
    names = _vocabulary().cited
    pieces = host.split(".")
    if set(pieces[-2:]) & names:
        return True  # governments: gov, gov.uk, gob.mx
    return any(".".join(pieces[number:]) in names for number in range(len(pieces) - 1))


def sites(passages: list[Passage], mail: Mail, context: ReadContext) -> list[Site]:
    """All URLs and bare hosts of the passages with their weights, in order of their first place."""
    mail_domains, sender_domain = _people(passages, mail)
    found: dict[tuple[str, str], Site] = {}
    subject_hosts: set[str] = set()
    count = 0
    for one in passages:
        for place in _places(one):
            count += 1
            if count > _MOST_PLACES:
                break
            name = place.found
            if one.kind == "subject":
                subject_hosts.add(name.host)
            found.setdefault((name.host, name.url), Site(name.host, name.url)).places.append(place)
    for site in found.values():
        weights = [place.weight for place in site.places]
        site.weight = max(weights) + 0.5 * min(0.0, *weights) if max(weights) > 0 else max(weights)
        domain = registered_domain(site.host)
        site.in_subject = in_subject = any(
            site.host == host or site.host == "www." + host or host == "www." + site.host for host in subject_hosts
        )
        if in_subject:
            site.weight = max(site.weight, 0.0) + 5.0
        elif domain and domain in subject_hosts:
            site.weight += 2.0
        site.defanged = defanged = any(
            place.passage.refanged.defanged(place.found.start, place.found.end) for place in site.places
        )
        if defanged and any(place.why == _RIGHTFUL_PLACE for place in site.places):
            site.weight = max(site.weight, -4.0) + 1.0  # some defang all names
        elif defanged:
            site.weight = max(site.weight, -0.5) + 4.0
        site.theirs = bool(domain) and (
            (_same_house(domain, sender_domain) and not _longer(domain, sender_domain))
            or (domain in mail_domains and not _is_labelled(site, domain))
            or cited(site.host)
        )
        if _signed_by(domain, mail):
            site.theirs = True
            site.weight -= 5.0
        if _same_house(domain, sender_domain) and not _longer(domain, sender_domain):
            site.weight -= 7.0
        elif domain and domain in mail_domains and not in_subject and not _is_labelled(site, domain):
            site.weight -= 3.0  # whose mail address stands there is mostly the reporter or his client
        if cited(site.host) and not in_subject and not defanged:
            site.weight -= 3.5
        if _is_dressing(site.url):
            site.weight -= 4.0
        if context.own and (context.own.has_host(site.host)):
            site.weight += 6.0
    _spare_the_imitated(list(found.values()))
    return list(found.values())


def _is_labelled(site: Site, domain: str) -> bool:
    """Whether words say that it is reported, and not beside a mail address of the same domain."""
    for place in site.places[:20]:
        if place.weight < _LABELLED or place.why == _ALONE or place.line.kind != "text":
            continue
        start = max(0, place.found.start - _CONTACT_REACH)
        around = place.passage.text[start : place.found.end + _CONTACT_REACH]
        if not any(registered_domain(one.host) == domain for one in find_mail_addresses(around)):
            return True
    return False


def _is_dressing(url: str) -> bool:
    """Logos, icons, disclaimers and forms around a mail: never what it is about."""
    return bool(url) and bool(_DRESSING.search(url[:500]))


def _spare_the_imitated(found: list[Site]) -> None:
    """`bank.example` beside `bank-login.example` is the one that is imitated."""
    labels = {site.host: registered_domain(site.host).split(".")[0] for site in found[:300]}
    names = {label for label in labels.values() if len(label) >= 4}
    imitated = {one for one in names if any(one != other and one in other for other in names)}
    for site in found[:300]:
        if labels[site.host] in imitated and not site.defanged:
            site.weight -= 4.0


def reported(found: list[Site]) -> list[Site]:
    """Those that are complained about, in order of place."""
    if not found:
        return []
    top = max(site.weight for site in found)
    if top < 0.2:
        # nothing points at any: at least a proposal, if it is not the reporter's own
        return [site for site in found if site.weight >= max(-4.0, top) and not site.theirs][:20]
    least = max(0.2, top - 2.6) if top < 6 else max(2.0, top - 4.2)
    chosen = [site for site in found if site.weight >= least]
    named = {registered_domain(site.host) or site.host for site in chosen if site.in_subject}
    if named:
        # the subject line says which; others need a sign as strong
        chosen = [
            one
            for one in chosen
            if (registered_domain(one.host) or one.host) in named or one.defanged or one.weight >= 5
        ]
    with_url = [site.host for site in chosen if site.url]
    return [
        site
        for site in chosen
        if site.url or not any(host == site.host or host.endswith("." + site.host) for host in with_url)
    ]


def _signed_by(domain: str, mail: Mail) -> bool:
    """Whether the name of the domain stands in the sender's name or in the front of his address at a mailbox provider."""
    label = domain.split(".")[0].replace("-", "")
    signed = (mail.sender.partition("@")[0] + " " + mail.sender_name).lower()
    return len(label) >= 5 and label in "".join(char for char in signed if char.isalnum())


def _same_house(one: str, other: str) -> bool:
    """Whether two registered domains bear one name: `acme.com`, `acme.co.uk`, `acme-enforcement.com`."""
    if not one or not other:
        return False
    first, second = sorted((one.split(".")[0], other.split(".")[0]), key=len)
    return one == other or first == second or (len(first) >= 6 and first in second)


def _longer(one: str, sender: str) -> bool:
    """`acme-login.example` in a mail from `acme.example` imitates it, `acme.example` in one from `acme-enforcement.example` does not."""
    mine, theirs = one.split(".")[0], sender.split(".")[0]
    return len(mine) > len(theirs) and theirs in mine


def _people(passages: list[Passage], mail: Mail) -> tuple[set[str], str]:
    sender = registered_domain(mail.sender.rpartition("@")[2])
    domains = {
        registered_domain(one.host) for passage in passages for one in find_mail_addresses(passage.text[:50_000])[:100]
    }
    for name in ("reply-to", "return-path"):
        domains |= {registered_domain(one.host) for one in find_mail_addresses(mail.header(name)[:2000])}
    return domains - {""}, sender


def _places(passage: Passage) -> list[SitePlace]:
    text = passage.text
    urls = find_urls(text)
    taken = [(one.start, one.end) for one in urls] + [(one.start, one.end) for one in find_mail_addresses(text)]
    names = sorted(urls + find_hosts_beside(text, taken), key=lambda one: one.start)
    out: list[SitePlace] = []
    index = 0
    heading = _Heading()
    before = ("", -9)  # the line above, when a heading runs over two
    for line in passage.lines:
        while index < len(names) and names[index].start < line.start:
            index += 1
        first = index
        while index < len(names) and names[index].start < line.end:
            index += 1
        here = names[first:index]
        if not here:
            content = text[line.start : min(line.end, line.start + 300)].strip()
            if content.strip("-=_*#+| \t"):
                above = before[0] if line.number - before[1] == 1 and not before[0].endswith((".", "!", "?")) else ""
                heading = _heading(content, above, line, heading)
                before = (content, line.number)
            continue
        if line.kind in ("header", "whois"):
            continue
        previous_end, previous = line.start, ("", 0.0, "")
        for number, found in enumerate(here):
            between = text[max(previous_end, found.start - 120) : found.start]
            place = _weigh(passage, line, found, between, number, heading, previous)
            previous, previous_end = (place.why, place.weight, place.why), found.end
            out.append(place)
        if _BARE.match(text[line.start : min(here[0].start, line.start + 40)]):
            heading = replace(heading, filled=line.filled)
    return out


def _is_rightful(passage: Passage, found: FoundName) -> bool:
    """Whether the sentence that leads to the name, over several lines, says that it is the real or the owner's one."""
    text = passage.text[max(0, found.start - _LONGEST_SENTENCE) : found.start]
    sentence = _SENTENCE_ENDS.split(text)[-1]
    if _IN_WHOSE_NAME.search(sentence):
        return True
    return _says_rightful(sentence)


def _says_rightful(text: str) -> bool:
    """Whether the last thing that it says of the name behind it is that it is the real one."""
    cues = list(_RIGHTFUL.finditer(text))
    return bool(cues) and not _ACCUSED.search(text, cues[-1].end())


def _heading(content: str, above: str, line: Line, last: _Heading) -> _Heading:
    """What a line without names says about those below it; `above` is its first half where it runs over two lines."""
    content = _FOR_YOUR.sub("", content)
    whole = f"{above[-160:]} {content}" if above else content
    if _PAPERS.match(content) or _says_rightful(content):
        return _Heading("innocent", line.filled)
    vocabulary = _vocabulary()
    role, away = site_label(content[-160:], 8)
    said = set(words_of(whole)) if len(content) < 160 else set()
    accused = bool(vocabulary.accused & said)
    if role != "reported" and len(content) < 80 and vocabulary.accused & set(words_of(content)):
        role, away = "reported", 0
    elif vocabulary.works & said and not accused:
        role, away = "innocent", 0
    if content.endswith(":") or len(content) < 60:
        return _Heading(role if away < 5 else "", line.filled, accused)
    if line.filled - last.filled > 3 or len(content) > 100:
        return _Heading(role if away < 2 else "", line.filled, accused)
    return replace(last, role="reported", accused=True) if accused and last.role == "innocent" else last


def _weigh(
    passage: Passage,
    line: Line,
    found: FoundName,
    between: str,
    number: int,
    heading: _Heading,
    previous: tuple[str, float, str],
) -> SitePlace:
    role, away = site_label(between[-100:])
    weight, why = 0.0, ""
    bare = bool(_BARE.match(between))
    if role == "reported" and _vocabulary().compared & set(words_of(between[-80:])[-8:]):
        role, away = "innocent", 1
    listed = bare and line.filled - heading.filled <= 3
    if (
        not (number and bare)
        and not (listed and heading.role)
        and passage.kind != "subject"
        and _is_rightful(passage, found)
    ):
        return SitePlace(found, passage, line, -3.0 if line.kind == "text" else -5.0, _RIGHTFUL_PLACE)
    if number and bare:
        weight, why = previous[1], previous[2]
    elif role == "reported":
        weight, why = (3.0 if away == 0 else 2.2 if away < 3 else 1.2), f"'{between.strip()[-40:]}'"
    elif role == "innocent":
        weight, why = (-4.0 if away == 0 else -3.0 if away < 3 else -1.5), f"'{between.strip()[-40:]}'"
    elif listed and heading.role:
        weight = 2.8 if heading.role == "reported" else -3.0
        why = "below a heading"
    if bare and weight >= 0 and not number:
        weight, why = weight + 1.2, why or _ALONE
    if found.url:
        weight += 0.6 if weight >= 0 else 0.0
    elif weight < 1.0:
        weight -= 0.5
    if line.kind == "signature":
        weight, why = min(weight, 0.0) - 4.0, "in a signature"
    elif line.kind == "closing" and not (heading.accused and why == "below a heading"):
        weight, why = weight - 2.0, why or "behind the greeting"
    if passage.kind == "subject":
        weight, why = max(weight, 0.0) + 2.0, "in the subject line"
    return SitePlace(found, passage, line, weight, why)
