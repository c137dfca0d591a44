# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which of the addresses in a text is complained about, and which are victims, networks, relays or examples.

Every place where an address stands is weighed by the words around it, its column and its arrow; the address then gets
the best and the worst of its places. The weights are ranks, not measurements: a label outweighs a position, the subject
line outweighs a single label, an address of one's own outweighs all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.addresses import FoundAddress, find_addresses, is_public
from abusehandler.reports.freetext.labels import Role, label_before, label_behind, label_side, words_of
from abusehandler.reports.freetext.tables import column_roles

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.freetext.passages import Line, Passage

_WEIGHT: dict[Role, float] = {
    "source": 4.0,
    "hosting": 4.0,
    "named": 1.5,
    "target": -4.0,
    "network": -3.0,
    "service": -3.0,
    "control": -2.0,
    "": 0.0,
}
#: The only addresses of a table are what it lists.
_COLUMN_WEIGHT: dict[Role, float] = {"named": 2.5}
SUBJECT_LINE, LOG_SOURCE, OWN = 5.0, 3.5, 8.0
_ARROW = re.compile(r"[\s\d:/.,()\w\]\[-]{0,24}?(?:-+>|=+>|→|»|>>|(?<=[\s\d])>(?=[\s\d]))\s{0,4}\S{0,12}?$")
#: SonicWall: "192.0.2.1, 40001, X1 - 198.51.100.2, 443, X1 - TCP scanned port list"
_INTERFACE_ARROW = re.compile(r",[ ]?\d{1,5},[ ]?\w{1,10}(?:,[ ][\w.-]{1,80})?[ ]-[ ]$")
_BACK_ARROW = re.compile(r"[\s\d:/]{0,10}(?:<-+|<=+|←)\s{0,4}$")
#: "192.0.2.1 40001 198.51.100.2 443": logs write the source first.
_WITH_PORT = re.compile(r"[ \t,;|\"]{1,12}\d{1,5}[ \t,;|\"]{1,12}")
_PORT_BEHIND = re.compile(r"[ \t,;|\"]{1,12}\d{1,5}(?![\w.:-])")
_ACCESS_LOG = re.compile(
    r"(?::\d+)?[ \t]+\S{1,40}[ \t]+\S{1,60}[ \t]+\[|[ \t]+- - |[ \t]+\"?(?:GET|POST|HEAD|PUT|CONNECT|OPTIONS)\b"
)
_ONLY_SEPARATORS = re.compile(
    r"[\s,;/&|()\[\]{}'\"`*+•·–-]*(?:(?:and|or|und|oder|et|ou|y|e|en|i|a|и|и|also)[\s,]*)?$", re.IGNORECASE
)
_PREPOSITIONS = frozenset(
    """
    to auf na para vers naar for from of at on by de von
    """.split()  # noqa: SIM905
)
_TRACE = re.compile(
    r"\d(?:\.\d+)?[ \t]?ms\b|^[ \t]*\d{1,2}[ \t]+(?:\* ?|[\w.*-]+ \(?\d+\.)|^[ \t]*\d{1,2}[ \t]+[\w.*-]+[ \t]+\(\d+\.|"
    r"bytes from|^[> \t]*Server:[ \t]+\d"
)
_BARE = re.compile(r"[\s\d:.,;|/\[\](){}<>*•·#'\"`+=_T@Z–-]*$")
_ROW = re.compile(r"[\s\"'>*•-]*\d|(?:[^,;|\t\n]{0,60}[,;|\t]){3}")
_AFTER_URL = re.compile(
    r"(?:://\S{3,400}|\b[\w-]+(?:\.[\w-]+){0,8}\.[A-Za-z]{2,24}\.?)[ \t]{0,3}(?:[\[(]|->|=>|:|,)[ \t]{0,3}$"
)
#: SpamCop: "http://host.example/path is 192.0.2.1; Mon, 3 May ..."
_URL_IS = re.compile(r"://\S{3,400}[ \t]{1,3}is[ \t]{1,3}$")
#: Exim: "authenticator failed for (mx) [192.0.2.1]:40001". The name a machine calls itself is no label.
_HELO = re.compile(r"\([\w.-]{1,80}\)[ \t]?\[$")
#: "Auf 192.0.2.1 läuft ...", "die Seite auf 192.0.2.1": where something is. In the middle of a sentence such words tell a target.
_AT_FRONT = re.compile(
    r"(?i)(?:^[ \t>*-]{0,8}|[.!?:][ \t\n]{1,3}|\b(?:page|site|website|shop|store|\w{0,12}seite|\w{0,12}shop|homepage|webauftritt|"
    r"server|\w{0,12}datenbank|dienst|boutique|página|pagina|sitio|web|tienda|loja|sito|negozio|webwinkel|winkel|strona|sklep|"
    r"stránka|strany|stránku|obchod|сайт|страница|страницу|магазин)[ \t])"
    r"(?:auf|unter|op|su|na|sur|en|em|на|on|at|at the address|unter der ip|auf der ip|sotto)[ \t]"
    r"(?:dem server[ \t]|the server[ \t])?$"
)
_SUBJECT_QUOTED = re.compile(
    r"(?i)[ \t>*]*(?:subject|betreff|asunto|objet|assunto|oggetto|onderwerp|temat|předmět|тема|件名|主题)[ \t]?:"
)
#: "our mail server mx1.example.net (192.0.2.1)", "nuestro WordPress (www.example.net, 192.0.2.1)": the complainer's own.
_OURS = re.compile(
    r"(?i)(?:\b(?:sunucumuz\w{0,4}|sunucum\w{0,3}|szerver[üu]nk\w{0,3}|palvelimem\w{0,5})[ \t]{0,3}[(\[][ \t]{0,2}$|"
    r"\b(?:our|my|unser\w{0,2}|mein\w{0,2}|notre|nos|mon|nuestr[oa]s?|noss[oa]s?|nostr[oaei]|onze|ons|mijn|nasz\w{0,4}|"
    r"nas[ei]\w{0,2}|наш\w{0,3}|мой|моего|vår\w?|vores|meu|minha)[ \t\r\n]+"
    r"(?:(?!(?:from|by|z|ze|von|aus|ab|desde|depuis|dal|dall[ao]?|vanaf|vanuit|od|с|со|из|от|з|fra|från|that|which|who|"
    r"dass|que|qui|che|dat|że|že|что|hosted|gehostet\w{0,2}|h[ée]berg\w{1,3}|alojad[oa]|hospedad[oa]|ospitat[oa]|gehost\w?|"
    r"размещ\w{1,8})\b)[\w'’/-]{1,30}[ \t\r\n]+){0,3}?"
    r"(?:[\w'’/-]{0,30}(?:server\w{0,2}|servidor\w{0,2}|serveurs?|serwer\w{0,3}|сервер\w{0,2}|hosts?|customers?|kunden?|"
    r"clients?|clientes?|klant\w{0,2}|systems?|syst[eè]me|sistema|network|netz\w{0,4}|rete|firewall|(?:web)?sites?|"
    r"website|wordpress|(?:web)?shop|homepage|(?:web)?seiten?|page|tienda|boutique|negozio|sito|s[ií]tio|p[aá]gina|"
    r"winkel|stron\w{1,2}|str[aá]nk\w{1,3}|"
    r"сайт\w{0,2}|blog|forum|pbx|anlage|domain|instance|cluster|backend|mail(?:server|host)?|machine|vpn|gateway|mx|"
    r"honeypot|sensor|edge|router|vps|nas|address\w{0,2}|ips?)|"
    r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,6})[ \t,:]{0,3}"
    r"(?:(?:is|are|sits?|runs?|lives?|lies|listens|located|hosted|reachable|steht|liegt|läuft|ist|est|se trouve|está|"
    r"esta|è|staat|draait|is|jest|je|běží|находится|работает)[ \t]){0,2}"
    r"(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}[ \t,]{0,3})?"
    r"(?:[(\[][ \t]{0,2}(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}[ \t,/;]{1,4})?(?:ip(?:[ \t]\w{1,9})?[ \t:=]{1,3})?|"
    r"(?:at|on|in|auf|unter|bei|en|à|su|op|na|в|på)[ \t\r\n]+|(?<=[\w])[ \t]{1,2}|(?<=\w[ \t]))$)"
)
_DETECTED = re.compile(
    r"(?i)\b(?:detect\w{0,4}|saw|seen|noticed|registered|recorded|observed|logged|blocked|found|caught|reported|identified|"
    r"erkannt\w?|entdeckt\w?|bemerkt\w?|registriert\w?|gesehen|blockiert\w?|gemeldet|détecté\w{0,2}|bloqué\w{0,2}|"
    r"constaté|remarqué|observé|"
    r"detect[oóa]\w{0,3}|registr[oóa]\w{0,3}|bloque[oó]\w{0,2}|observ[oó]|rilevat\w|bloccat\w|registrat\w|notat\w|"
    r"gedetecteerd|geblokkeerd|waargenomen|geregistreerd|wykry[łl]\w{0,2}|zablokowa[łl]\w{0,2}|zarejestrowa[łl]\w{0,2}|"
    r"zjistil\w?|detekoval\w?|zaznamenal\w?|zablokoval\w?|обнаружил\w{0,2}|зафиксировал\w{0,2}|заблокировал\w{0,2}|выявил\w{0,2})\b"
)
#: "our shop (192.0.2.1)", whatever the thing is called.
_OURS_IN_BRACKETS = re.compile(
    r"(?i)\b(?:our|my|unser\w{0,2}|mein\w{0,2}|notre|nos|mon|ma|nuestr[oa]s?|mi|noss[oa]s?|nostr[oaei]|onze|ons|mijn|"
    r"nasz\w{0,4}|nas[ei]\w{0,2}|наш\w{0,3}|мо[йеяю]\w{0,3}|"
    r"vår\w?|vores|meu|minha)[ \t]+(?!attacker|logs?\b|records?\b|angreifer|data\b|"
    r"report)(?:[\w'’/-]{1,30}[ \t]+){0,3}?[\w'’/-]{1,30}[ \t]*"
    r"[(\[][ \t]?(?:[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}[ \t]?[,/;:=]?[ \t])?(?:(?:public |external |öffentliche |adres |"
    r"adresse |indirizzo |dirección |endereço )?ip(?:[ -]\w{1,9})?[ \t:=]{1,3}|\w{2,12}:[ \t])?$"
)
#: "O nosso balanceador: 192.0.2.1"
_OURS_NAMED = re.compile(
    r"(?i)(?:^|[.;,(\n][ \t]*)(?:the |o |a |il |la |le |el |de )?(?:our|my|unser\w{0,2}|mein\w{0,2}|notre|mon|ma|"
    r"nuestr[oa]|mi|noss[oa]|nostr[oa]|onze|ons|"
    r"mijn|nasz\w?|náš|naše|наш\w?|мой|vår\w?|vores|meu|minha)[ \t](?!logs?\b|logfiles?|records?|evidence|findings?|"
    r"report|list|data|attacker|angreifer|beweis)"
    r"[\w-]{2,30}(?:[ \t][\w-]{2,30})?[ \t]?:[ \t]{0,3}$"
)
#: "shop.example, which resolves to the IP address": where a name leads, not where an attack went.
_RESOLVES = re.compile(
    r"(?i)\b(?:resolv\w{1,4}|points?|pointing|pointed|maps|mapped|löst|zeigt|verweist|aufgelöst|auflöst|pointe|pointant|résou\w{1,4}|"
    r"renvoie|apunta\w{0,4}|resuelve\w{0,2}|aponta\w{0,4}|punta\w{0,4}|risolve|verwijst|wskazuj\w{1,3}|rozwiązuj\w{1,3}|ukazuj\w{1,3}|"
    r"směřuj\w{1,3}|указыва\w{1,4}|ссылается|резолвит\w{0,3})[ \t]+(?:[^\W\d]{1,12}[ \t]+){0,4}"
    r"(?:to|auf|zu|vers|sur|en|à|a|al|all['’]?|para|em|su|naar|na|do|в|на|as|nach)[ \t]+"
    r"(?:[^\W\d]{2,12}[ \t]+){0,2}(?:[ld]['’])?(?:ip\w{0,10}[ \t:-]{1,3})?(?:ad+res\w{0,4}[ \t:]{1,3})?(?:ip[ \t:]{1,3})?$"
)
#: "The IP used for the scam in question is: 192.0.2.1"
_SAID_OF_IP = re.compile(
    r"(?i)(?:\b(?:ips?|ip[ -]?(?:v[46][ -]?)?(?:address(?:es)?|adress\w{0,2}|adres\w{0,2}|addr))\b|\baddress(?:es)?\b|"
    r"ip-адрес\w{0,2}|адрес\w{0,2})"
    r"[^\n:=]{0,80}[:=][ \t]{0,4}$"
)
_DIALLED = re.compile(r"(?i)\bsips?:[\w.+*#-]{0,60}@$")
_CARRIED_OFF = re.compile(
    r"(?i)\b(?:exfiltrat\w{1,4}|upload\w{0,3}|copied|transferred|stolen|sent)\b[^.\n]{0,60}\b(?:data|files|documents|"
    r"database|records|backups)\b"
    r"[^.\n]{0,30}\bto[ \t]$|\bexfiltrat\w{1,4}\b[^.\n]{0,60}\bto[ \t]$"
)
_PARENTHESES = re.compile(r"\([^()\n]{0,60}\)")
_MASKED = re.compile(r"(?<![\w.])(?:\d{1,3}|[xX*]{1,3})(?:\.(?:\d{1,3}|[xX*]{1,3})){3}(?![\w.])")


@dataclass(slots=True)
class Place:
    """One occurrence of an address, and why it weighs what it does."""

    found: FoundAddress
    passage: Passage
    line: Line
    weight: float
    why: str
    role: Role = ""


@dataclass(slots=True)
class Candidate:
    """An address with all its places in order."""

    ip: str
    places: list[Place] = field(default_factory=list)
    weight: float = 0.0

    def best(self) -> Place:
        return max(self.places, key=lambda place: place.weight)


def candidates(passages: list[Passage], context: ReadContext, *, controls: bool = False) -> dict[str, Candidate]:
    """All public addresses of the passages with their weights, in order of their first place.

    Lines of mail headers and whois answers give none: `hops` reads the former, nobody needs the latter. `controls`: the
    complaint is about servers that control infected machines, else those are only what an infected machine spoke to.
    """
    found: dict[str, Candidate] = {}
    for one in passages:
        for place in _places(one):
            ip = place.found.ip
            if not is_public(ip):
                continue
            if controls and place.role == "control" and place.weight < 0:
                place.weight, place.why = _WEIGHT["source"], place.why or "a control server"
            found.setdefault(ip, Candidate(ip)).places.append(place)
    _spare_the_attacked(found)
    for candidate in found.values():
        candidate.weight = _weigh(candidate, context)
    return found


def _spare_the_attacked(found: dict[str, Candidate]) -> None:
    """Beside an attacker, the address of a site is the site's that was attacked."""
    places = [place for one in found.values() for place in one.places]
    if any(place.role == "source" and place.weight >= _WEIGHT["source"] for place in places):
        for place in places:
            if place.role == "hosting":
                place.weight = min(place.weight, 0.5)


def _weigh(candidate: Candidate, context: ReadContext) -> float:
    weights = [place.weight for place in candidate.places]
    best, worst = max(weights), min(weights)
    total = max(best, 0.0) + min(worst, 0.0) * 0.6 if best > 0 else worst
    subject = [place for place in candidate.places if place.passage.kind == "subject" and place.weight > 0]
    if subject and best > 0:
        body = [place.weight for place in candidate.places if place.passage.kind != "subject"]
        total = SUBJECT_LINE + 4.0 + max([*body, 0.0]) * 0.5 + min([*body, 0.0]) * 0.3
    if context.own and context.own.has_address(candidate.ip):
        total += OWN
    return total + (min(1.0, 0.3 * math.log2(len(weights))) if best > 0 else 0.0)


def _places(passage: Passage) -> list[Place]:
    text = passage.text
    addresses = find_addresses(text)
    if not addresses:
        return []
    out: list[Place] = []
    index = 0
    heading: tuple[Role, str, int] = ("", "", -99)
    in_column = column_roles(text, passage.lines, addresses)
    columns: list[Role] = []
    for line in passage.lines:
        while index < len(addresses) and addresses[index].start < line.start:
            index += 1
        first = index
        while index < len(addresses) and addresses[index].start < line.end:
            index += 1
        here = addresses[first:index]
        content = text[line.start : line.end] if line.end - line.start < 2000 else text[line.start : line.start + 2000]
        if not here:
            stripped = content.strip()
            if stripped and stripped.strip("-=_*#+| \t"):
                roles = _header_roles(content)
                if len(roles) >= 2:
                    columns = roles
                heading = (_heading_role(stripped), stripped, line.filled)
            continue
        if line.kind in ("header", "whois"):
            continue
        out += _line_places(passage, line, here, heading, columns, in_column)
        if heading[2] >= 0:
            heading = (heading[0], heading[1], line.filled)
    return out


def _heading_role(heading: str) -> Role:
    """What a line says about the addresses below it; a lone preposition at its end says nothing."""
    role, away = label_before(heading[-160:])
    if role == "network":
        return ""  # of a network, but not one themselves: those have a length or an end
    if role == "control" and "," in heading:
        return ""  # the end of a table's head that was wrapped
    last = words_of(heading[-160:])[-1 - away :][:1]
    if (
        away > 2
        or (role == "target" and last and last[0] in _PREPOSITIONS)
        or not (heading.endswith((":", ",")) or len(heading) < 50)
    ):
        return ""
    return role


def _header_roles(content: str) -> list[Role]:
    """The order of source and target in the head of a table (`TIME SRC SPT -> DST DPT`), one role for each address column."""
    if len(content) > 300:
        return []
    roles: list[Role] = []
    words = words_of(content)
    for number, word in enumerate(words):
        follows = words[number + 1] if number + 1 < len(words) else ""
        before = words[number - 1] if number else ""
        if follows in ("port", "ports", "p", "asn", "as", "name", "country", "mac", "dns"):
            continue
        if word in (
            "source",
            "src",
            "srcip",
            "origen",
            "origem",
            "quelle",
            "attacker",
            "saddr",
            "sip",
            "источник",
            "client",
            "orig",
        ):
            roles.append("source")
        elif word in (
            "destination",
            "dest",
            "dst",
            "dstip",
            "target",
            "victim",
            "destino",
            "ziel",
            "daddr",
            "dip",
            "resp",
        ):
            roles.append("target")
        elif word == "ip" and before in ("c", "s"):
            roles.append("source" if before == "c" else "target")
    cleaned = [role for number, role in enumerate(roles) if number == 0 or role != roles[number - 1]]
    return cleaned if {"source", "target"} <= set(cleaned) else []


def _line_places(
    passage: Passage,
    line: Line,
    here: list[FoundAddress],
    heading: tuple[Role, str, int],
    columns: list[Role],
    in_column: dict[int, Role],
) -> list[Place]:
    text = passage.text
    out: list[Place] = []
    previous_end = line.start
    previous: tuple[Role, float, str] = ("", 0.0, "")
    for number, found in enumerate(here):
        between = text[max(previous_end, found.start - 120) : found.start]
        after = text[found.end : min(line.end, found.end + 60)]
        role: Role = ""
        weight, why = 0.0, ""
        listed = False
        filterlog = _is_filter_log(text, line, here)
        trace = _TRACE.search(text[line.start : min(line.end, line.start + 300)])
        arrow = bool(number and (_ARROW.search(between[-48:]) or _INTERFACE_ARROW.match(between)))
        if arrow:
            role, weight, why = "target", _WEIGHT["target"], "behind an arrow"
            if out and out[-1].weight > -3:
                out[-1].weight = max(out[-1].weight, LOG_SOURCE)
                out[-1].why = out[-1].why or "before an arrow"
        elif number and _BACK_ARROW.search(between[-16:]):
            role, weight, why = "source", LOG_SOURCE, "behind a backward arrow"
            out[-1].weight = min(out[-1].weight, -4.0)
        elif number and _WITH_PORT.fullmatch(between) and _PORT_BEHIND.match(text, found.end, line.end):
            role, weight, why = "target", _WEIGHT["target"], "behind another with its port"
            if out and out[-1].weight > -3:
                out[-1].weight = max(out[-1].weight, LOG_SOURCE)
                out[-1].why = out[-1].why or "before another, each with its port"
        elif filterlog:
            role = "target" if number else "source"
            weight, why = _WEIGHT[role], "a packet filter's log"
        elif found.start in in_column:
            role = in_column[found.start]
            weight, why = _COLUMN_WEIGHT.get(role, _WEIGHT[role]), "column of a table"
        elif (
            columns
            and _tabular(text[line.start : line.end], here)
            and number < len(columns)
            and len(_MASKED.findall(text[line.start : line.end][:600])) >= len(columns)
        ):
            role = columns[number]
            weight, why = _WEIGHT[role], "column of a table"
        elif number and _ONLY_SEPARATORS.match(_PARENTHESES.sub("", between)):
            role, weight, why = previous
            listed = "(" in between and ")" in between
        elif found.bound or found.prefix is not None:
            role, weight, why = "network", _WEIGHT["network"], "a network"
        else:
            role, weight, why = _prose_role(passage, line, between, after, number, heading)
        if (found.bound or found.prefix is not None) and weight > -3 and not why.startswith("column"):
            weight, why = _WEIGHT["network"], "a network"
        if line.kind == "signature":
            weight, why = min(weight, 0.0) - 2.0, "in a signature"
        if (
            not arrow
            and number == 0
            and weight >= 0
            and _ACCESS_LOG.match(text, found.end, min(line.end, found.end + 120))
        ):
            weight, why = max(weight, LOG_SOURCE), "front of an access log line"
        previous = (role, weight, why)
        if trace and weight > -2:
            weight, why = -3.0, "a hop of a trace"
        if number and not role and not listed and passage.kind != "subject" and _ROW.match(text, line.start, line.end):
            weight, why = min(weight, -0.5), "later in a row"
        if _URL_IS.search(between):
            weight, why = 6.5, "where a URL leads"
        elif weight >= 0 and role != "target" and not arrow and number == 0 and _AFTER_URL.search(between):
            weight, why, role = max(weight, 3.0), "where a URL leads", "hosting" if role in ("", "named") else role
        if weight >= 0 and _SUBJECT_QUOTED.match(text, line.start, line.end):
            weight, why = weight + 2.0, "in a quoted subject line"
        if passage.kind == "subject" and weight >= 0:
            weight, why = max(weight, 1.0) + 2.0, why or "in the subject line"
        previous_end = found.end
        out.append(Place(found, passage, line, weight, why, role))
    return out


def _is_filter_log(text: str, line: Line, here: list[FoundAddress]) -> bool:
    """A packet filter's comma-separated line (pfSense, PAN-OS): many cells, and two neighbours are source and destination."""
    return (
        2 <= len(here) <= 4
        and text.count(",", line.start, min(line.end, line.start + 2000)) >= 8
        and text[here[0].end : here[1].start].strip('" \t') == ","
    )


def _tabular(content: str, here: list[FoundAddress]) -> bool:
    return bool(re.search(r"\t|[ ]{2,}|[|;,]|\d{2}:\d{2}|->|=>", content)) or len(here) > 1


def _prose_role(
    passage: Passage, line: Line, between: str, after: str, number: int, heading: tuple[Role, str, int]
) -> tuple[Role, float, str]:
    if _OURS.search(between[-120:]):
        return "target", _WEIGHT["target"], "the complainer's own"
    if _OURS_IN_BRACKETS.search(between[-120:]) or _OURS_NAMED.search(between[-80:]):
        return "target", _WEIGHT["target"], "the complainer's own"
    if _DIALLED.search(between[-80:]):
        return "", -1.0, "a SIP address"  # both ends write the one they call
    if _CARRIED_OFF.search(between[-100:]):
        return "hosting", _WEIGHT["hosting"], "where stolen data went"
    if _RESOLVES.search(between[-90:]):
        return "hosting", _WEIGHT["hosting"], "where a name leads"
    between = _HELO.sub("[", between)
    if _AT_FRONT.search(between[-60:]):
        return "hosting", _WEIGHT["hosting"] * 0.5, "what is there"
    role, away = label_before(between[-100:])
    if role == "named" and away == 0 and number == 0:
        role = label_side(between) or role
    if role == "target" and away and _DETECTED.search(between[-100:]):
        role = "named"  # "our sensor noticed that the machine 192.0.2.1"
    clause = re.split(r"[.!?][ \t]|[;|]", between)[-1]
    if role and clause != between and away:
        role, away = label_before(clause[-100:])
    behind = label_behind(after)
    if not role and number == 0 and _BARE.match(between):
        # A value alone on its line belongs to the line above; so do the values below it.
        if heading[2] >= 0 and line.filled - heading[2] <= 4 and heading[0]:
            weight = _WEIGHT[heading[0]]
            return heading[0], weight, f"below '{heading[1][-60:]}'"
        if behind:
            return behind, _WEIGHT[behind] * 0.7, "the words behind"
        return "", 1.0 if not after.strip(" \t,;.)]|") else 0.8, "alone on its line"
    if not role and _SAID_OF_IP.search(clause[-120:]):
        role, away = "named", 0
    weight = _WEIGHT[role] * (1.0 if away == 0 else 0.8 if away <= 2 else 0.5)
    if role in ("", "named") and behind:
        return behind, max(weight, 0) + _WEIGHT[behind] * 0.6, "the words around"
    return role, weight, f"'{between.strip()[-40:]}'" if role else ""


def subjects(found: dict[str, Candidate]) -> list[Candidate]:
    """The candidates that are complained about, in order of place: all near the heaviest, however heavy that is."""
    if not found:
        return []
    top = max(one.weight for one in found.values())
    if top < -3.5 and max(place.weight for one in found.values() for place in one.places) < 0:
        return []
    if top >= 3:
        least = max(2.0, top - 2.2) if top < SUBJECT_LINE + 2 else top - 3.2
    elif top >= 1:
        least = top - 0.9
    else:
        least = top - 0.6
    chosen = {one.ip for one in found.values() if one.weight >= least}
    if top < SUBJECT_LINE + 2:
        chosen |= _mates(found, chosen)
    return [one for one in found.values() if one.ip in chosen]


def _mates(found: dict[str, Candidate], chosen: set[str]) -> set[str]:
    """Addresses that stand in the same list or log as a chosen one, in the same column of lines of the same shape."""
    shapes: set[tuple[str, str]] = set()
    shape_of: dict[tuple[int, int], tuple[str, str]] = {}
    for one in found.values():
        for place in one.places[:20]:
            if place.passage.kind == "subject" or place.weight < -0.5:
                continue
            text, line = place.passage.text, place.line
            front = re.sub(r"\d+", "0", text[line.start : min(place.found.start, line.start + 200)])
            whole = re.sub(
                r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text[place.found.end : min(line.end, place.found.end + 40)])
            )
            if len(front) > 60 and not any(char in front for char in ",;|\t"):
                continue
            shape_of[id(one), id(place)] = key = (front.strip(), whole[:12].strip())
            if one.ip in chosen:
                shapes.add(key)
    return {
        one.ip for one in found.values() for place in one.places[:20]
        if one.weight > -2 and shape_of.get((id(one), id(place)), ("?", "?")) in shapes
    }  # fmt: skip
