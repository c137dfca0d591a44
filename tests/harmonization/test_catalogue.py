# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue that comes with the package, and what an operator's file may change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from intelmq.bots.experts.taxonomy.expert import TAXONOMY

from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue, ipv4_twin


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.load()


def operator_file(folder: Path, text: str) -> Path:
    path = folder / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Catalogue.load(operator_file(folder, text))
    return str(caught.value)


def test_every_type_of_intelmq_has_a_problem_and_its_taxonomy(catalogue: Catalogue) -> None:
    assert dict(catalogue.taxonomies) == TAXONOMY
    assert all(catalogue.problem_of(type_).id in catalogue.problems for type_ in TAXONOMY)


def test_an_identifier_is_finer_than_its_type(catalogue: Catalogue) -> None:
    assert catalogue.problem_of("vulnerable-system", "dns-open-resolver").id == "open-dns-resolver"
    assert catalogue.problem_of("vulnerable-system", "open-rdp").id == "exposed-rdp"
    assert catalogue.problem_of("infected-system", "mirai").id == "infected-system"
    assert catalogue.problem_of("infected-system", None).id == "infected-system"
    assert catalogue.problem_of("vulnerable-system", "open-something-new").id == "open-service"
    assert catalogue.problem_of("never-heard-of", "it").id == "undetermined"
    assert catalogue.problem_of(None).id == "undetermined"


def test_a_problem_says_what_happens_by_default(catalogue: Catalogue) -> None:
    problem = catalogue.problems["open-dns-resolver"]
    assert problem.name == "Open DNS resolver"
    assert (problem.severity, problem.notify, problem.close_after_days) == ("medium", "daily", 14)
    assert problem.group.id == "open-service"
    assert problem.help == "open-dns-resolver"


def test_a_feed_says_what_a_report_type_means(catalogue: Catalogue) -> None:
    feed = catalogue.feed("scan_dns")
    assert feed is not None
    assert feed.type == "vulnerable-system"
    assert feed.identifier == "dns-open-resolver"
    assert (feed.transport, feed.application) == ("udp", "dns")
    assert feed.documentation == "https://www.shadowserver.org/what-we-do/network-reporting/dns-open-resolvers-report/"
    assert feed.known


@pytest.mark.parametrize(
    ("twin", "known"),
    [
        ("scan6_ssh", "scan_ssh"),
        ("event6_sinkhole_http", "event4_sinkhole_http"),
        ("population6_http_proxy", "population_http_proxy"),
        ("device_id6", "device_id"),
        ("compromised_website6", "compromised_website"),
    ],
)
def test_an_ipv6_report_means_the_same_as_its_twin(catalogue: Catalogue, twin: str, known: str) -> None:
    assert ipv4_twin(twin) == known
    assert catalogue.feed(twin) is catalogue.feed(known)


def test_feeds_and_classification_agree_on_the_problem(catalogue: Catalogue) -> None:
    for feed in catalogue.feeds.values():
        assert catalogue.problem_of(feed.type, feed.identifier) is feed.problem, feed.report_type


def test_no_problem_is_out_of_reach(catalogue: Catalogue) -> None:
    reached = {problem.id for problem in (*catalogue.by_pair.values(), *catalogue.by_type.values())}
    reached |= {problem.id for pairs in catalogue.by_beginning.values() for _, problem in pairs}
    assert set(catalogue.problems) == reached


@pytest.mark.parametrize(
    ("report_type", "type_", "identifier", "problem"),
    [
        ("scan_brand_new", "vulnerable-system", "open-brand-new", "open-service"),
        ("scan6_brand_new", "vulnerable-system", "open-brand-new", "open-service"),
        ("population_brand_new", "potentially-unwanted-accessible", "open-brand-new", "open-service"),
        ("event4_sinkhole_brand_new", "infected-system", "sinkhole", "infected-system"),
        ("event6_honeypot_brand_new_scan", "scanner", "honeypot-brand-new-scan", "port-scan"),
        ("compromised_toaster", "system-compromise", "compromised-toaster", "hacked-system"),
        ("scan_thing_vulnerable", "vulnerable-system", "vulnerable-thing", "vulnerable-system"),
        ("scan_open_thing", "vulnerable-system", "open-thing", "open-service"),
        ("hp_thing_scan", "scanner", "honeypot-thing-scan", "port-scan"),
        ("blocklist_more", "blacklist", "blacklisted-ip", "blocklisted"),
        ("whatever", "undetermined", "shadowserver-whatever", "undetermined"),
    ],
)
def test_an_unknown_report_type_is_guessed_from_its_name(
    catalogue: Catalogue, report_type: str, type_: str, identifier: str, problem: str
) -> None:
    assert catalogue.feed(report_type) is None
    feed = catalogue.guess_feed(report_type)
    assert not feed.known
    assert (feed.type, feed.identifier, feed.problem.id) == (type_, identifier, problem)


def test_an_operator_changes_only_what_the_file_names(tmp_path: Path) -> None:
    path = operator_file(
        tmp_path,
        """
problems:
  open-dns-resolver: {notify: at-once}
  exposed-fridge: {name: Fridge on the Internet, group: open-service, severity: low}
feeds:
  scan_fridge: {type: vulnerable-system, identifier: open-fridge, problem: exposed-fridge, application: fridge}
identifiers:
  infected-system: {wannacry: ransomware-victim}
""",
    )
    catalogue = Catalogue.load(path)
    resolver = catalogue.problems["open-dns-resolver"]
    assert (resolver.notify, resolver.name, resolver.severity) == ("at-once", "Open DNS resolver", "medium")
    assert catalogue.problem_of("vulnerable-system", "open-fridge").name == "Fridge on the Internet"
    assert catalogue.problem_of("infected-system", "wannacry").id == "ransomware-victim"
    feed = catalogue.feed("scan6_fridge")
    assert feed is not None
    assert feed.severity == "low"
    assert Catalogue.load().problems["open-dns-resolver"].notify == "daily"


def test_an_operators_word_on_a_pair_is_the_last(tmp_path: Path) -> None:
    catalogue = Catalogue.load(
        operator_file(tmp_path, "identifiers:\n  vulnerable-system:\n    dns-open-resolver: ddos-amplifier\n")
    )
    feed = catalogue.feed("scan_dns")
    assert feed is not None
    assert feed.problem.id == catalogue.problem_of("vulnerable-system", "dns-open-resolver").id == "ddos-amplifier"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = operator_file(tmp_path, "problems:\n  spam: {notify: weekly}\n")
    assert Catalogue.load(path).problems["spam"].notify == "weekly"
    path.write_text("problems:\n  spam: {notify: never}\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert Catalogue.load(path).problems["spam"].notify == "never"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("problems:\n  spam: {notfy: daily}\n", 2, "'notfy' is not known"),
        ("problems:\n  spam:\n    notify: hourly\n", 3, "write one of: at-once, daily"),
        ("problems:\n  spam: {severity: terrible}\n", 2, "write one of: critical"),
        ("problems:\n  spam: {close_after_days: soon}\n", 2, "whole number from 1"),
        ("problems:\n  new-one: {name: New}\n", 2, "key 'group' is missing"),
        ("problems:\n  New_One: {name: New, group: traffic}\n", 2, "small letters"),
        ("problems:\n  new-one: {name: New, group: gang}\n", 2, "group 'gang' is not known"),
        ("feeds:\n  scan_x: {type: bad, identifier: x}\n", 2, "classification.type 'bad' is not known"),
        ("feeds:\n  scan_x: {type: spam, identifier: x, problem: none}\n", 2, "problem 'none' is not known"),
        ("feeds:\n  scan_x: {type: spam, identifier: x, columns: {a: nonsense}}\n", 2, "no event field"),
        ("feeds:\n  scan_x: {type: spam, identifier: x, columns: {a: classification.type}}\n", 2, "no event field"),
        ("feeds:\n  scan_x: {type: spam, identifier: x, transport: rfc1149}\n", 2, "write one of: tcp, udp"),
        ("feeds:\n  scan_x: {type: spam, identifier: x, cases: [{typ: spam}]}\n", 2, "'typ' is not known"),
        ("feeds:\n  Scan X: {type: spam, identifier: x}\n", 2, "name part of a file"),
        ("feeds:\n  scan_x: {type: spam, identifier: y, problem: phishing}\n  scan_y: {type: spam, identifier: y}\n",
         3, "is problem 'spam' here and 'phishing' at"),
        ("identifiers:\n  spam: {x: nothing}\n", 2, "problem 'nothing' is not known"),
        ("identifiers:\n  spem: {x: spam}\n", 2, "classification.type 'spem' is not known"),
        ("peoblems: {}\n", 1, "section 'peoblems' is not known"),
        ("problems:\n  spam: {notify: daily}\n  spam: {notify: never}\n", 3, "stands here twice"),
        ("problems: [spam]\n", 1, "must be a mapping"),
        ("problems: spam: never\n", 1, "not valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    said = complaint(tmp_path, text)
    assert f"{tmp_path / 'catalogue.yaml'}:{line}: " in said
    assert words in said


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Catalogue.load(tmp_path / "absent.yaml")
    (tmp_path / "catalogue.yaml").write_bytes(b"\x89PNG\r\n\x00\xff")
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        Catalogue.load(tmp_path / "catalogue.yaml")


def test_the_example_of_the_manual_works(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "shadowserver.md").read_text(encoding="utf-8")
    example = next(part for part in manual.split("```yaml\n") if part.startswith("problems:")).partition("```")[0]
    catalogue = Catalogue.load(operator_file(tmp_path, example))
    feed = catalogue.feed("scan_fridge")
    assert feed is not None
    assert (feed.problem.id, feed.columns["shelf"], feed.cases[0].contains) == ("exposed-fridge", "", "defrosted")
    assert feed.documentation.endswith("/accessible-fridge-report/")
    assert catalogue.problem_of("vulnerable-system", "fridge-nine").id == "exposed-fridge"


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert Catalogue.load(operator_file(tmp_path, "# later\n")).problems == Catalogue.load().problems


def test_aliases_cannot_make_a_small_file_huge(tmp_path: Path) -> None:
    layers = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert "too many values" in complaint(tmp_path, "a0: &a0 [x]\n" + layers)
