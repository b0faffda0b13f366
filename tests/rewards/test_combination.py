from __future__ import annotations

import itertools

import pytest

from molvm.errors import RewardError
from molvm.rewards import Reward, parse_reward
from molvm.rewards.base import Direction
from molvm.rewards.combination import geometric_mean, lexicographic, product, weighted_sum
from tests.rewards.molecules import Fixed, from_smiles

WATER = from_smiles("O")


def value(reward: Reward) -> float:
    found = reward([WATER])[0].value
    assert found is not None
    return found


def lesser(number: float, floor: float | None = 10.0, unit: str = "") -> Fixed:
    return Fixed(number, "lesser", unit, "minimise", floor, desirability=False)


def test_sums() -> None:
    assert value(weighted_sum(Fixed(0.5), Fixed(0.25), weights=[2, 4])) == 2
    assert value(weighted_sum(Fixed(0.5), lesser(3))) == -2.5
    assert value(weighted_sum(lesser(3), lesser(1), weights=[1, 2])) == 5


@pytest.mark.parametrize(
    ("terms", "weights", "direction", "floor", "desirability"),
    [
        ((Fixed(), Fixed()), None, "maximise", 0.0, False),
        ((Fixed(), Fixed()), [0.5, 0.5], "maximise", 0.0, True),
        ((Fixed(), lesser(1)), [1, 2], "maximise", -20.0, False),
        ((lesser(1), lesser(1)), None, "minimise", 20.0, False),
        ((Fixed(), lesser(1, None)), None, "maximise", None, False),
    ],
)
def test_what_a_sum_declares(
    terms: tuple[Fixed, ...],
    weights: list[float] | None,
    direction: Direction,
    floor: float | None,
    desirability: bool,
) -> None:
    reward = weighted_sum(*terms, weights=weights)
    assert (reward.direction, reward.floor, reward.desirability) == (direction, floor, desirability)  # type: ignore[attr-defined]


def test_units_are_not_mixed() -> None:
    assert weighted_sum(lesser(1, unit="D"), lesser(2, unit="D")).unit == "D"
    for unit in ("", "Å²"):
        with pytest.raises(RewardError, match=r"Different units.*linear"):
            weighted_sum(lesser(1, unit="D"), lesser(2, unit=unit))


def test_products_and_means() -> None:
    assert value(product(Fixed(0.5), Fixed(0.25))) == 0.125
    assert value(geometric_mean(Fixed(0.5), Fixed(0.125))) == pytest.approx(0.25)
    assert value(geometric_mean(Fixed(0.5), Fixed(0.125), weights=[3, 1])) == pytest.approx((0.5**3 * 0.125) ** 0.25)
    for make in (product, geometric_mean):
        assert value(make(Fixed(0.0), Fixed(1.0))) == 0
        assert value(make(Fixed(1.0), Fixed(1.0))) == 1


@pytest.mark.parametrize("make", [product, geometric_mean, lexicographic])
def test_only_desirabilities_are_multiplied(make: object) -> None:
    for text in ("logp", "sa", "tpsa"):
        with pytest.raises(RewardError, match=rf"window\({text}"):
            make(parse_reward("qed"), parse_reward(text))  # type: ignore[operator]
    assert make(parse_reward("qed"), parse_reward("sigmoid(sa, 6, 3)")).desirability  # type: ignore[operator]


def test_the_first_comes_before_the_second() -> None:
    grid = [step / 10 for step in range(11)]
    pairs = list(itertools.product(grid, grid))
    scores = {pair: value(lexicographic(*map(Fixed, pair), tolerance=0.1)) for pair in pairs}
    assert sorted(pairs, key=lambda pair: scores[pair]) == sorted(pairs)
    assert len({round(score, 9) for score in scores.values()}) == len(pairs)
    assert (min(scores.values()), max(scores.values())) == (0, 1)


def test_alike_in_the_first_the_second_decides_and_then_the_third() -> None:
    def score(*values: float) -> float:
        return value(lexicographic(*map(Fixed, values), tolerance=0.2))

    assert score(0.41, 0.9, 0.0) > score(0.59, 0.1, 1.0)
    assert score(0.61, 0.0, 0.0) > score(0.59, 1.0, 1.0)
    assert score(0.5, 0.5, 0.6) > score(0.5, 0.5, 0.5)


@pytest.mark.parametrize("make", [weighted_sum, product, geometric_mean, lexicographic])
def test_each_has_a_name_and_takes_another(make: object) -> None:
    assert make(Fixed()).name == make.__name__  # type: ignore[attr-defined, operator]
    assert make(Fixed(), name="mine").name == "mine"  # type: ignore[operator]
    assert parse_reward("product(qed, name=mine)").name == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "lexicographic(qed, tolerance=0)",
        "lexicographic(qed, tolerance=2)",
        "weighted_sum(qed, weights=[1, 2])",
        "geometric_mean(qed, lipinski, weights=[1, -1])",
        "product()",
        "weighted_sum()",
    ],
)
def test_settings_that_make_no_sense(text: str) -> None:
    with pytest.raises(RewardError):
        parse_reward(text)
