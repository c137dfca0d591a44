# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The linter: each check of a definition is a small class with a name, a level, a recommendation and one method."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from abusehandler.errors import ConfigurationError
from abusehandler.reporters.definition import RESOURCES
from abusehandler.reporters.load import forget, load_file
from abusehandler.reporters.match import Matcher
from abusehandler.reporters.samples import Sample, definition_folder, difference, outcome, samples_of
from abusehandler.reporters.slowness import patterns_of, slow_patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from abusehandler.reporters.definition import Alternative, Definition

Level = Literal["error", "advice"]

FREE_MAIL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "yahoo.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "aol.com",
        "icloud.com",
        "mail.ru",
        "yandex.ru",
        "qq.com",
        "163.com",
        "126.com",
        "orange.fr",
        "free.fr",
        "t-online.de",
        "comcast.net",
        "proton.me",
        "protonmail.com",
    ]
)
_DOCUMENTATION = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: where, what, and what to do."""

    file: str
    line: int
    level: Level
    check: str
    text: str
    recommendation: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.level} [{self.check}] {self.text}. {self.recommendation}"


@dataclass(frozen=True)
class Case:
    """What a check may look at: one definition, its samples, and everybody else's."""

    definition: Definition
    samples: list[Sample]
    others: list[Sample]
    matcher: Matcher
    slow: frozenset[str]


class Check:
    """A check: `look` yields the line and what is wrong."""

    name: ClassVar[str]
    level: ClassVar[Level] = "error"
    recommendation: ClassVar[str]

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        raise NotImplementedError


class FileName(Check):
    name = "file-name"
    recommendation = "Rename the file to NAME.yaml"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        path = case.definition.path
        if path is not None and path.stem != case.definition.name:
            yield 0, f"the file is called {path.name}, the definition {case.definition.name}"


class Documented(Check):
    name = "documented"
    recommendation = "Name under `documented:` the page or the program from which the form of the mails is known"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        if not any(text.strip() for text in case.definition.documented):
            yield 0, "nothing says where the knowledge comes from"


class HasSample(Check):
    name = "sample"
    recommendation = "Write a mail of this form to samples/NAME/1.eml, with documentation addresses"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        if not case.samples:
            yield 0, "there is no sample"


class SecondSample(Check):
    name = "second-sample"
    level = "advice"
    recommendation = "A second sample that differs shows what belongs to the form and what to the case"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        if len(case.samples) == 1:
            yield 0, "there is one sample only"


class Expectation(Check):
    name = "expectation"
    recommendation = (
        "`abusehandler reporters check --write-expected FILE` writes what is read now; look at it before you keep it"
    )

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        for sample in case.samples:
            if sample.expected is None:
                yield 0, f"{sample.path.name} has no {sample.expected_path.name}"


class ReadsOwnSamples(Check):
    name = "own-samples"
    recommendation = "Mend the definition, or the expectation if the sample says otherwise"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        for sample in case.samples:
            match = case.matcher.match_look(sample.look)
            if match is None or match.definition.name != case.definition.name:
                found = match.definition.name if match else "none"
                yield 0, f"{sample.path.name} is recognised as {found}"
            elif sample.expected is not None:
                wrong = difference(sample.expected, outcome(sample.raw, definition_folder(case.definition)))
                if wrong:
                    yield 0, f"{sample.path.name}: {wrong}"


class LeavesOthersSamples(Check):
    name = "others-samples"
    recommendation = "Say more in `recognise:`, as a word that only this sender writes"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        alone = Matcher([case.definition])
        for sample in case.others:
            if not sample.relayed and alone.match_look(sample.look) is not None:
                yield 0, f"it also recognises the sample {sample.path.name} of {sample.owner}"


class NarrowEnough(Check):
    name = "narrow-enough"
    recommendation = "Add `from:`, a subject with its own words, or two marks of the text"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        for alternative in case.definition.recognise:
            if alternative.dkim or alternative.headers:
                continue
            private = [sender for sender in alternative.senders if sender not in FREE_MAIL]
            if private:
                continue
            subject = alternative.subject.pattern if alternative.subject else ""
            letters = len(re.sub(r"\\[dswb]|\{[\d,]+\}|\W", "", subject))
            tag = subject.startswith(r"^\[") and letters >= 6
            if not tag and letters + sum(map(len, alternative.body)) < 10:
                yield alternative.line, "this alternative would recognise mails of many senders"


class TakesResource(Check):
    name = "takes-resource"
    recommendation = (
        f"Let one step take one of: {', '.join(RESOURCES)}; or leave `take:` out, so that free text finds it"
    )

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        taken: set[str] = set()
        for step in case.definition.take:
            taken |= {name for name, _ in step.names} | {step.field}
            if step.pattern is not None:
                taken |= {group.replace("_", ".", 1) for group in step.pattern.groupindex}
        if case.definition.take and not taken & set(RESOURCES):
            yield case.definition.take[0].line, "no step takes a resource"


class DefaultProblemLast(Check):
    name = "default-problem-last"
    recommendation = "Put the rule without `when:` at the end, once"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        for rule in case.definition.problem[:-1]:
            if rule.when is None:
                yield rule.line, "a rule without `when:` hides those below it"


class ForgeryClaim(Check):
    name = "forgery-claim"
    recommendation = (
        "`spoofable: false` needs an alternative with `from:` or `dkim:`, against which a signature can be checked"
    )

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        asks = any(alternative.dkim or alternative.senders for alternative in case.definition.recognise)
        if not case.definition.spoofable and not asks:
            yield 0, "it claims that the sender cannot be forged, but asks for no sender"


class FastPatterns(Check):
    name = "fast-patterns"
    recommendation = (
        "Begin with a word or `^`, use smaller bounds, and no two repeats side by side that like the same character"
    )

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        for line, pattern in patterns_of(case.definition):
            if pattern.pattern in case.slow:
                yield line, f"the pattern {pattern.pattern[:80]!r} is slow on a hostile text"


class DocumentationAddresses(Check):
    name = "documentation-addresses"
    level = "advice"
    recommendation = "Write 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 or 2001:db8::/32 instead (RFC 5737, RFC 3849)"

    def look(self, case: Case) -> Iterator[tuple[int, str]]:
        for sample in case.samples:
            for text in _IPV4.findall(sample.raw.decode("utf-8", "replace")):
                try:
                    address = ipaddress.ip_address(text)
                except ValueError:
                    continue
                if not any(address in network for network in _DOCUMENTATION) and not address.is_private:
                    yield 0, f"{sample.path.name} names the real address {text}"
                    break


CHECKS: tuple[Check, ...] = (
    FileName(), Documented(), HasSample(), SecondSample(), Expectation(), ReadsOwnSamples(), LeavesOthersSamples(),
    NarrowEnough(), TakesResource(), DefaultProblemLast(), ForgeryClaim(), FastPatterns(), DocumentationAddresses(),
)  # fmt: skip


def check_files(files: Iterable[Path], neighbours: Iterable[Definition]) -> list[Finding]:
    """Check these files; `neighbours` are all definitions whose samples they must leave alone."""
    forget()
    findings: list[Finding] = []
    loaded: list[Definition] = []
    for path in files:
        try:
            loaded.append(load_file(path))
        except ConfigurationError as error:
            findings.append(Finding(str(path), 0, "error", "readable", str(error).rstrip("."), "Mend this first"))
    names = {definition.name for definition in loaded}
    everybody = [*loaded, *(one for one in neighbours if one.name not in names)]
    matcher = Matcher(everybody)
    patterns = sorted({pattern.pattern for definition in loaded for _, pattern in patterns_of(definition)})
    slow = frozenset(patterns[index] for index in slow_patterns(patterns))
    samples = {definition.name: samples_of(definition) for definition in everybody if definition.path is not None}
    for definition in loaded:
        others = [sample for name, some in samples.items() if name != definition.name for sample in some]
        case = Case(definition, samples.get(definition.name, []), others, matcher, slow)
        for check in CHECKS:
            for line, text in check.look(case):
                findings.append(
                    Finding(str(definition.path), line, check.level, check.name, text, check.recommendation)
                )
    return findings


def alternative_in_words(alternative: Alternative) -> str:
    """One line for a person: what this alternative asks for."""
    said = []
    if alternative.senders:
        said.append("from " + " or ".join(alternative.senders))
    if alternative.dkim:
        said.append("signed by " + " or ".join(alternative.dkim))
    if alternative.subject is not None:
        said.append(f"subject like {alternative.subject.pattern!r}")
    said += [f"header {name} like {pattern.pattern!r}" for name, pattern in alternative.headers]
    if alternative.body:
        said.append("text with " + " and ".join(repr(words) for words in alternative.body))
    return ", ".join(said)
