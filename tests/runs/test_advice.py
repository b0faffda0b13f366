from __future__ import annotations

import torch

from molvm.runs.advice import about_floor, about_missed_modes, about_steps, about_strength, about_warmup

REWARDS = torch.tensor([1.0, 3.0, 1.0, 3.0])  # a standard deviation of 1


def test_a_strength_is_judged_by_the_spread_of_the_reward() -> None:
    assert about_strength(20.0, REWARDS, "D", None) is None
    advice = about_strength(50.0, REWARDS, "D", None)
    assert advice is not None
    for words in ("λ = 50", "1 D, is worth 50 nats", "5 to 10"):
        assert words in advice
    assert about_strength(50.0, REWARDS, "D", 10.0) is None
    assert about_strength(5.0, 10 * REWARDS, "", None) is not None
    assert about_strength(1e9, torch.ones(4), "D", None) is None


def test_a_floor_that_few_molecules_settled_is_mentioned() -> None:
    assert about_floor(None, 24, 3.0, "D") is None
    assert about_floor(0.0, 2, 0.0, "D") is None
    assert "worth 3 D in this run, the worst of 23" in str(about_floor(None, 23, 3.0, "D"))


def test_a_training_that_only_listens_is_mentioned() -> None:
    assert about_warmup(3, 4) is None
    assert "all the molecules" in str(about_warmup(4, 4))


def test_few_steps_are_mentioned() -> None:
    assert about_steps(30, 60) is None
    assert "29 steps are few" in str(about_steps(29, 60))


def test_modes_that_are_missed_are_mentioned_where_the_base_is_sure_and_the_paths_look_settled() -> None:
    found = {"base_excess": 0.69, "base_samples": 100.0, "ess": 0.9}
    assert "about 50% of p*" in str(about_missed_modes(found))
    for other in ({"base_excess": 0.3}, {"base_samples": 5.0}, {"ess": 0.1}):
        assert about_missed_modes({**found, **other}) is None
    assert about_missed_modes({}) is None
