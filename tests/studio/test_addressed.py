from __future__ import annotations

import pytest

from molvm.studio.addressed import (
    ANYTHING,
    MOST,
    SWITCH,
    Rule,
    is_number,
    is_whole,
    one_of,
    refusals,
    some_of,
    span,
    strangers,
    whole,
)


@pytest.mark.parametrize(
    ("text", "good"),
    [("2", True), ("500", True), ("1", False), ("501", False), ("2.5", False), ("abc", False), ("", False)],
)
def test_a_whole_number_is_within_its_range(text: str, good: bool) -> None:
    assert is_whole(text, 2, 500) is good


def test_no_whole_number_is_larger_than_a_browser_counts() -> None:
    assert is_whole(str(MOST))
    assert is_whole(str(-MOST))
    assert not is_whole(str(MOST + 1))


@pytest.mark.parametrize(
    ("text", "good"), [("1e3", True), ("-2", True), ("nan", False), ("inf", False), ("much", False)]
)
def test_a_number_is_finite(text: str, good: bool) -> None:
    assert is_number(text) is good


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (SWITCH, [["true"], ["False"]], [["maybe"], [""], ["true", "false"]]),
        (whole(1, 9), [["1"], ["9"]], [["0"], ["10"], ["1", "2"], [""]]),
        (one_of(["a", "b"]), [["a"]], [["c"], ["a", "b"], [""]]),
        (some_of(["a", "b"]), [["a"], ["a", "b"], [""]], [["a", "c"]]),
        (
            span(1, 5),
            [["1", "5"], ["1.5", "3"], ["2", "2"]],
            [["5", "1"], ["0", "3"], ["4", "6"], ["1"], ["nan", "2"], ["a", "b"]],
        ),
        (ANYTHING, [["a"], [""]], []),
    ],
)
def test_a_rule_allows_what_it_says(rule: Rule, good: list[list[str]], bad: list[list[str]]) -> None:
    assert all(rule.allows(texts) for texts in good)
    assert not any(rule.allows(texts) for texts in bad)
    assert bool(rule.words) is (rule is not ANYTHING)


def test_refusals_and_strangers_are_told_apart() -> None:
    rules, asked = {"a": SWITCH, "b": whole(0)}, {"a": ["maybe"], "b": ["3"], "c": ["1"]}
    assert refusals(rules, asked) == {"a": "true, false"}
    assert strangers(rules, asked) == ["c"]
