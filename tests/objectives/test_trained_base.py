"""Every algorithm that trains a control trains the weights of the base as well."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from molvm.gradients import PointReward
from molvm.models.fine_tuning import FineTuning
from molvm.models.tilt import QuadraticReward
from molvm.objectives import (
    AdjointMatching,
    AdjointMatchingOptions,
    AnyResidualObjective,
    CtPpo,
    CtPpoOptions,
    Ddpo,
    DdpoOptions,
    Dpok,
    DpokOptions,
    Draft,
    DraftOptions,
    Ingredients,
    Refl,
    ReflOptions,
    VggFlow,
    VggFlowOptions,
)
from molvm.sde import SamplingOptions
from molvm.training.trainer import Trainer
from molvm.values.ladder import build_control_features, build_features
from tests.objectives.toys import GAUSSIAN, ends, trainer

LINEAR, QUADRATIC = QuadraticReward((1.0,)), QuadraticReward((0.0,), 1.0, (1.5,))

KINDS: dict[str, tuple[type[AnyResidualObjective], Callable[[], Any]]] = {
    "adjoint matching": (AdjointMatching, AdjointMatchingOptions),
    "discrete adjoint": (AdjointMatching, lambda: AdjointMatchingOptions(adjoint="discrete")),
    "vgg-flow": (VggFlow, VggFlowOptions),
    "refl": (Refl, ReflOptions),
    "draft": (Draft, lambda: DraftOptions(last_steps=0)),
    "ddpo": (Ddpo, DdpoOptions),
    "dpok": (Dpok, DpokOptions),
    "ct-ppo": (CtPpo, CtPpoOptions),
}


def learner(kind: str, reward: QuadraticReward = LINEAR, strength: float = 2.0) -> AnyResidualObjective:
    algorithm, options = KINDS[kind]
    options_of_steps = SamplingOptions(steps=6)
    grid = options_of_steps.grid(GAUSSIAN.schedules)
    ingredients = Ingredients(
        GAUSSIAN,
        PointReward(reward),
        critic=lambda: build_features(GAUSSIAN, "A"),
        field=lambda: build_control_features(GAUSSIAN, "A"),
        steps=options_of_steps.stepper(GAUSSIAN)(GAUSSIAN.schedules, grid[:-1], grid[1:]),
    )
    control = algorithm.control_of(FineTuning.of(GAUSSIAN), GAUSSIAN.schedules, strength)
    return algorithm.build(control, options(), ingredients)


def train(kind: str, path: Path, iterations: int) -> Trainer:
    return trainer(
        learner(kind), PointReward(LINEAR), path, iterations, 6, batch=8, updates=2, checkpoint_every=2, rate=1e-2
    )


@pytest.mark.parametrize("kind", list(KINDS))
def test_it_learns_and_goes_on_to_the_last_bit(tmp_path: Path, kind: str) -> None:
    before = {name: weight.clone() for name, weight in GAUSSIAN.network.state_dict().items()}
    whole, metrics = train(kind, tmp_path / "whole", 4), []
    whole.run(lambda report: metrics.append(report.metrics))
    assert all(math.isfinite(value) for found in metrics for value in found.values())
    train(kind, tmp_path / "parts", 4).run(stop=lambda: True)
    parts = train(kind, tmp_path / "parts", 4)
    parts.resume()
    assert parts.iteration == 1
    parts.run()
    first, second = (each.objective.state_dict() for each in (whole, parts))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    learned = first["control.features.weights.means"]
    assert not torch.equal(learned, before["means"])
    assert all(torch.equal(weight, before[name]) for name, weight in GAUSSIAN.network.state_dict().items())


@pytest.mark.parametrize("kind", ["ddpo", "dpok", "ct-ppo"])
def test_the_ratio_is_one_at_first(tmp_path: Path, kind: str) -> None:
    """Of the second round too, whose paths the adapted weights have made."""
    learned, metrics = trainer(learner(kind), PointReward(LINEAR), tmp_path, 2, 6, batch=8), []
    learned.run(lambda report: metrics.append(report.metrics))
    assert [found["ratio_error"] for found in metrics] == [0.0, 0.0]
    assert metrics[1]["kl"] > 0


@pytest.mark.parametrize(
    ("reward", "strength"),
    [(LINEAR, 2.0), pytest.param(QUADRATIC, 3.0, marks=pytest.mark.slow)],
    ids=["linear", "quadratic"],
)
def test_adjoint_matching_reaches_the_tilted_law(tmp_path: Path, reward: QuadraticReward, strength: float) -> None:
    learned = learner("adjoint matching", reward, strength)
    found = trainer(learned, PointReward(reward), tmp_path, 80, 20, rate=3e-2)
    found.run()
    samples, _ = ends(found)
    law, _ = reward.tilt(GAUSSIAN.mixtures[0], strength)
    assert float(samples.mean()) == pytest.approx(float(law.mean()), abs=0.05)
    assert float(samples.std()) == pytest.approx(float(law.covariance().sqrt()), rel=0.03)
