# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether words that name a problem are meant as the complaint: not denied, not guessed, not the complainer's own deed, not the
foot of a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.reports.freetext.phrases import Spread

#: "This machine may be infected": a guess about the cause, not the complaint.
_HEDGED = re.compile(
    r"\b(?:probably|possibly|likely|perhaps|may|might|could|either|maybe|or|if|whether|posiblemente|"
    r"probablemente|vielleicht|eventuell|moglicherweise|"
    r"possivelmente|peut etre|forse|mogelijk|pravdepodobne|возможно)(?: be| have| has| is| it is| been| are| a|"
    r" an| part of a| with a| esta| este| infizierte)* $"
    r"|\b(?:possible|likely|probable|common|mogliche\w?|haufig\w{0,2}) (?:reasons?|causes?|explanations?|ursachen?|grund|grunde)"
    r"(?: \w{1,20}){0,12} $"
)
#: "A web shell may have been installed"
_HEDGED_BEHIND = re.compile(r"(?:\w{1,20} ){1,4}?(?:may|might|could) (?:have been|be) ")
_NEGATED = re.compile(
    r"(?:\bno|\bnot|\bnever|\bwithout|\bkein|\bkeine|\bpas de|\bno es|\bnao|\bnon)(?: an?| sind| ist| any)? $"
)


#: "Our weekly scan found": the scan is the reporter's. But "we saw scans" speaks of somebody else's.
_OWN_DEED = re.compile(
    r"\b(?:(?:we|our|wir|unser\w{0,3}|nous|notre|nos|nuestros?|nosso|nossa|nossos|nostr[oaie]|ons|onze|wij|nasz\w{0,3}|"
    r"nas[ei]\w{0,2}|наш\w{0,3}|мы) "
    r"(?:(?:last|latest|recent|own|automat\w{0,8}|period\w{0,8}|routin\w{0,5}|nightly|continuous\w{0,2}|internet|global|wide|"
    r"ipv4|ipv6|external|public|security|vulnerability|port|network|research|non|intrusive|also|a|an|the|of|run|ran|do|did|use|"
    r"conduct\w{0,3}|perform\w{0,3}|carr\w{1,3}|out|weekly|daily|monthly|regel\w{0,10}|regul\w{0,8}|taglich\w{0,2}|"
    r"letzt\w{0,2}|fuhren|eigen\w{0,2}|dernier\w{0,2}|effectu\w{0,4}|realiz\w{0,6}|effettu\w{0,6}|ultim[oa]s?|diari[oa]s?|"
    r"semanal\w{0,3}|settimanal\w|wekelijks\w?|dagelijks\w?|laatste|ostatni\w{0,3}|cyklicz\w{0,4}|pravideln\w{0,3}|"
    r"posledni\w{0,2}|регулярн\w{0,3}|ежедневн\w{0,3}|еженедельн\w{0,3}|планов\w{0,3}|последн\w{0,3}) ){0,4}"
    r"|(?:weekly|daily|regular\w{0,3}|monthly|routine|internet wide|during an?|in an?|security|wochentlich\w{0,2}|"
    r"regelmassig\w{0,2}) (?:\w{1,20} ){0,2})$"
)
#: What programs and companies say of themselves, and what stands at the foot of pages.
_BOILERPLATE = re.compile(
    r"\bcopyright(?: c)?(?: by)?(?: (?:19|20)\d\d)+|\bc copyright|\banti (?:spam|virus|phishing|malware|abuse|fraud|ddos|piracy)|"
    r"\bscanned (?:for|by)(?: \w{1,20}){0,2} (?:virus\w{0,2}|threats|malware|spam|antivirus)|\bvirus (?:free|checked|scanned|transmitted)|"
    r"\bpresence of \w{0,9} ?virus\w{0,2}|\bany virus\w{0,2}|\bcyber(?: security)? threats|"
    r"\bkeep(?:ing)? (?:\w{1,20} ){1,4}(?:patched|updated|up to date|secured?)|\buse (?:a )?strong passwords?|"
    r"\bfree (?:from|of) (?:\w{1,12} )?virus\w{0,2}"
)
#: URLs, addresses and times say nothing about the problem and keep words apart that belong together.
_CITED = re.compile(r"\b\w{2,8}://[^\s<>\"]{1,500}|\b\d{1,4}(?:[.:/-]\d{1,4}){2,6}(?![\w.])")
#: "Viruses, spam and phishing are a threat to everyone": what is said of all the bad things in the world is said of none.
_THREAT = (
    r"(?:malicious software|malicious code|malware|phishing|pharming|spam|spyware|adware|virus(?:es)?|viren|trojans?|trojan horses|"
    r"trojaner|worms?|wurmer|ransomware|botnets?|rootkits|d?dos(?: attacks?)?|denial of service(?: attacks?)?|hacking|fraud|scams?|"
    r"identity theft|copyright infringements?|child pornography|brute force(?: attacks?)?|port ?scan(?:s|ning)?|exploits?|intrusions?|"
    r"data theft|data breaches|cyber ?attacks|social engineering|virus|troyanos|gusanos|vers|chevaux de troie|hameconnage)"
)
_ENUMERATED = re.compile(
    rf"(?<= ){_THREAT}(?: (?:(?:and|or|as well as|und|oder|et|ou|y|o|e|en|of) )*(?:other )?{_THREAT}){{2,20}}(?= )"
)


def without_citations(text: str) -> str:
    """The text without URLs, addresses and times."""
    return _CITED.sub(" ", text)


def enumerates(body: Spread) -> bool:
    """Whether a list of threats stands in it."""
    return _ENUMERATED.search(body) is not None


def complaining(body: Spread, *, enumerated: bool = False) -> Spread:
    """What is left without boilerplate and, unless `enumerated`, without lists of all the threats there are."""
    left = body.without(_BOILERPLATE)
    return left if enumerated else left.without(_ENUMERATED)


def meant(kind: str, body: Spread, place: int) -> bool:
    """Whether what stands here is said of the other side."""
    return not _NEGATED.search(body, max(0, place - 12), place + 1) and not (
        kind == "scanner" and _OWN_DEED.search(body, max(0, place - 60), place + 1)
    )


def hedge(body: Spread, place: int) -> float:
    """How much a phrase weighs that may stand behind or before a "may be"."""
    hedged = _HEDGED.search(body, max(0, place - 90), place + 1) or _HEDGED_BEHIND.match(body, place + 1)
    return 0.4 if hedged else 1.0
