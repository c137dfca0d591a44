# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The three-way merge of configuration files: the operator's edits stay, ours come in, both on one key is a conflict."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from abusehandler.errors import ConfigurationError
from abusehandler.installer.setup.templates import shipped
from abusehandler.installer.setup.three_way import merge

BASE = """# head
expert:
  # why
  parameters:
    rate: 10          # seconds
    size: 1
output:
  parameters: {host: localhost}
"""


def test_nothing_new_leaves_the_text_alone() -> None:
    yours = BASE.replace("10", "20") + "# my note\n"
    merged = merge(BASE, yours, BASE)
    assert (merged.text, merged.changes, merged.conflicts) == (yours, (), ())


def test_both_sides_come_together_with_all_comments() -> None:
    yours = BASE.replace("# head", "# head, and a note of mine")
    merged = merge(BASE, yours, BASE.replace("{host: localhost}", "{host: db}   # new comment"))
    assert merged.text == yours.replace("{host: localhost}", "{host: db}   # new comment")
    assert merged.changes == ("output.parameters.host: 'db' (was 'localhost')",)


def test_edits_in_neighbouring_lines_come_together() -> None:
    merged = merge(BASE, BASE.replace("rate: 10 ", "rate: 20 "), BASE.replace("size: 1", "size: 2"))
    assert merged.text == BASE.replace("rate: 10 ", "rate: 20 ").replace("size: 1", "size: 2")


def test_a_file_that_intelmq_manager_wrote_anew_merges_as_well() -> None:
    yours = yaml.safe_dump(yaml.safe_load(BASE.replace("10", "20")))
    ours = BASE + "new-bot:\n  module: example   # which\n"
    merged = merge(BASE, yours, ours)
    assert yaml.safe_load(merged.text)["expert"]["parameters"]["rate"] == 20
    assert yaml.safe_load(merged.text)["new-bot"] == {"module": "example"}
    assert merged.conflicts == ()


@pytest.mark.parametrize(("choice", "expected"), [("keep", 20), ("take", 30)])
def test_a_key_changed_on_both_sides_is_a_conflict(choice: str, expected: int) -> None:
    merged = merge(BASE, BASE.replace("10", "20"), BASE.replace("10", "30"), choice=choice)  # type: ignore[arg-type]
    (conflict,) = merged.conflicts
    assert str(conflict) == "expert.parameters.rate: you have 20, new is 30 (it was 10)"
    assert yaml.safe_load(merged.text)["expert"]["parameters"]["rate"] == expected


def test_one_conflict_is_taken_and_another_kept() -> None:
    yours, ours = BASE.replace("10", "20").replace("1\n", "5\n"), BASE.replace("10", "30").replace("1\n", "6\n")
    merged = merge(BASE, yours, ours, take=[("expert", "parameters", "rate")])
    assert yaml.safe_load(merged.text)["expert"]["parameters"] == {"rate": 30, "size": 5}


def test_the_same_change_on_both_sides_is_none() -> None:
    assert merge(BASE, BASE.replace("10", "20"), BASE.replace("10", "20")).conflicts == ()


def test_a_bot_that_the_operator_removed_stays_away() -> None:
    yours = BASE.partition("output:")[0]
    merged = merge(BASE, yours, BASE.replace("10", "30"))
    assert "output" not in yaml.safe_load(merged.text)
    assert yaml.safe_load(merged.text)["expert"]["parameters"]["rate"] == 30


def test_a_key_that_we_dropped_goes() -> None:
    merged = merge(BASE, BASE + "mine: 1\n", BASE.replace("    size: 1\n", ""))
    assert merged.changes == ("expert.parameters.size: taken out (was 1)",)
    assert yaml.safe_load(merged.text) == {
        "expert": {"parameters": {"rate": 10}},
        "output": {"parameters": {"host": "localhost"}},
        "mine": 1,
    }


def test_a_bot_that_we_dropped_and_the_operator_changed_is_a_conflict() -> None:
    merged = merge(BASE, BASE.replace("localhost", "db"), BASE.partition("output:")[0])
    assert str(merged.conflicts[0]).startswith("output: you have {'parameters': {'host': 'db'}}, new is (not there)")
    assert "output" in yaml.safe_load(merged.text)


def test_a_file_that_is_no_yaml_is_named_with_its_line() -> None:
    with pytest.raises(ConfigurationError, match=r"runtime.yaml, line 2: not YAML"):
        merge(BASE, "a: 1\nb: [", BASE, name="runtime.yaml")


def test_the_shipped_pipeline_keeps_its_comments() -> None:
    base = shipped("everything.yaml")
    yours = base.replace("error_retry_delay: 15 ", "error_retry_delay: 20 ")
    merged = merge(base, yours, base.replace("rate_limit: 21600", "rate_limit: 43200"))
    assert merged.text == yours.replace("rate_limit: 21600", "rate_limit: 43200")


_keys = st.sampled_from(["a", "b", "c"])
_values = st.recursive(st.integers(0, 3), lambda inner: st.dictionaries(_keys, inner, max_size=3), max_leaves=8)
_documents = st.dictionaries(_keys, _values, max_size=3).map(lambda value: yaml.safe_dump(value))


# each merge starts a program, so there is no deadline
@settings(deadline=None, max_examples=50)
@given(_documents, _documents, _documents)
def test_any_three_documents(base: str, yours: str, ours: str) -> None:
    kept = merge(base, yours, ours)
    # taking twice changes nothing more, and with our text as the next base nothing is left to do
    assert merge(ours, kept.text, ours).changes == ()
    if not kept.conflicts:
        assert yaml.safe_load(merge(base, ours, yours).text) == yaml.safe_load(kept.text)
    assert yaml.safe_load(merge(base, base, ours).text) == yaml.safe_load(ours)
    assert merge(base, yours, base).text == yours
