from __future__ import annotations

import numpy as np
import pytest

from molvm.errors import RewardError
from molvm.rewards import Reward, parse_reward
from molvm.rewards.base import SampleReward
from molvm.rewards.desirability import linear, sigmoid, step, window
from tests.rewards.molecules import Fixed, from_smiles

WATER = from_smiles("O")


def at(value: float, make: object, *settings: object, **more: object) -> float:
    reward = make(Fixed(value, desirability=False), *settings, **more)  # type: ignore[operator]
    found = reward.outcome(WATER).value
    assert found is not None
    return float(found)


@pytest.mark.parametrize(
    ("make", "settings", "points"),
    [
        (linear, (2, 4), {1: 0, 2: 0, 2.5: 0.25, 4: 1, 9: 1}),
        (linear, (4, 2), {1: 1, 2: 1, 2.5: 0.75, 4: 0, 9: 0}),
        (sigmoid, (2, 4), {2: 0.05, 3: 0.5, 4: 0.95, 1e9: 1, -1e9: 0}),
        (sigmoid, (4, 2), {2: 0.95, 3: 0.5, 4: 0.05}),
        (window, (20, 130), {8: 0, 9: 0, 14.5: 0.5, 20: 1, 75: 1, 130: 1, 135.5: 0.5, 141: 0, 200: 0}),
        (window, (20, 130, 0), {19.9: 0, 20: 1, 130: 1, 130.1: 0}),
        (window, (5, 5, 2), {3: 0, 4: 0.5, 5: 1, 6: 0.5}),
        (step, (3,), {2.9: 0, 3: 1, 4: 1}),
    ],
)
def test_closed_forms(make: object, settings: tuple[float, ...], points: dict[float, float]) -> None:
    for value, expected in points.items():
        assert at(value, make, *settings) == pytest.approx(expected), value


def test_a_step_can_go_down() -> None:
    assert [at(value, step, 3, reverse=True) for value in (2, 3, 3.1)] == [1, 1, 0]


def test_the_sigmoid_is_the_logistic_function() -> None:
    for value in np.linspace(-3, 9, 25):
        exact = 1 / (1 + np.exp(-2 * np.log(19) * (value - 3) / 2))
        assert at(float(value), sigmoid, 2, 4) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("reward", [linear(Fixed(), 0, 2), sigmoid(Fixed(), 0, 2), window(Fixed(), 0, 2)])
def test_what_they_declare(reward: Reward) -> None:
    assert isinstance(reward, SampleReward)
    assert (reward.unit, reward.direction, reward.floor, reward.desirability) == ("", "maximise", 0.0, True)
    assert reward.name.endswith("(fixed)")
    outcome = reward.outcome(WATER)
    assert outcome.details == {"fixed": 0.5, "fixed.detail": 7.0}


def test_a_failure_stays_that_failure() -> None:
    failing = Fixed(None)
    assert linear(failing, 0, 1)([WATER])[0].failure == failing.outcome(WATER).failure


@pytest.mark.parametrize(
    "text",
    [
        "linear(qed, 1, 1)",
        "sigmoid(qed, 1, 1)",
        "sigmoid(qed, a, 1)",
        "window(qed, 2, 1)",
        "window(qed, 1, 2, margin=-1)",
        "step(qed, none)",
        "step(qed, 1, reverse=3)",
    ],
)
def test_settings_that_make_no_sense(text: str) -> None:
    with pytest.raises(RewardError):
        parse_reward(text)
