from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from molvm.errors import CheckpointError, ConfigError
from molvm.gradients import PointReward
from molvm.models.tilt import QuadraticReward
from molvm.objectives import AdjointMatching, AdjointMatchingOptions, Draft, DraftOptions, Refl, ReflOptions, VggFlow
from molvm.objectives.surrogate import Surrogate, SurrogateOptions
from molvm.objectives.vgg_flow import VggFlowOptions
from molvm.states import MoleculeState, TensorState
from molvm.training.trainer import Trainer
from molvm.values.ladder import build_control_features, build_regression_features
from tests.objectives.toys import GAUSSIAN, ends, trainer
from tests.runs.tiny import tiny_model

QUADRATIC = QuadraticReward((0.0,), 1.0, (1.5,))
QUICK = SurrogateOptions(updates=20)


def fresh(sign: float = 1.0, options: SurrogateOptions = QUICK) -> Surrogate:
    return Surrogate(build_regression_features(GAUSSIAN, "A"), options, sign)


def points(count: int, seed: int = 0) -> TensorState:
    return TensorState(torch.randn(count, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def taught(rounds: int = 8, sign: float = 1.0) -> tuple[Surrogate, list[dict[str, float]]]:
    surrogate, told = fresh(sign), []
    for seed in range(rounds):
        x = points(32, seed)
        told.append(surrogate.learn(x, x, sign * QUADRATIC(x.x)))
    return surrogate, told


def test_it_learns_the_reward_and_says_how_well() -> None:
    surrogate, told = taught()
    x = points(200, seed=99)
    spread = float(QUADRATIC(x.x).std())
    assert told[0]["surrogate_error"] > 0.5 * spread
    assert told[-1]["surrogate_error"] < 0.2 * spread
    missed = surrogate(x).detach() - QUADRATIC(x.x)
    assert float(missed.square().mean().sqrt()) < 0.2 * spread
    slopes = surrogate.gradient(x).x.squeeze(1)
    assert torch.corrcoef(torch.stack([slopes, 1.5 - x.x.squeeze(1)]))[0, 1] > 0.95


def test_it_is_of_worth_and_knows_which_way_is_better() -> None:
    """Rewards that are to be small come negated, and are negated again for those who want the reward itself."""
    surrogate, _ = taught(sign=-1.0)
    x = points(50, seed=99)
    torch.testing.assert_close(surrogate.sign * surrogate.reward(x), surrogate(x))
    assert torch.corrcoef(torch.stack([surrogate(x).detach(), -QUADRATIC(x.x)]))[0, 1] > 0.9


def test_a_deceived_surrogate_is_found_out() -> None:
    """Samples where it extrapolates upwards: it promises more than they are worth."""
    surrogate, _ = taught()
    far = TensorState(torch.full((16, 1), 6.0, dtype=torch.float64))
    told = surrogate.learn(far, far, QUADRATIC(far.x))
    assert told["surrogate_excess"] > 1.0
    assert told["surrogate_error"] == pytest.approx(told["surrogate_excess"], rel=1e-6)


def test_it_goes_on_to_the_last_bit() -> None:
    first, second = taught(3)[0], fresh()
    second.load_state_dict({name: tensor.clone() for name, tensor in first.state_dict().items()})
    for each in (first, second):
        each.learn(points(8, 50), points(8, 50), QUADRATIC(points(8, 50).x))
    states = first.state_dict(), second.state_dict()
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


def test_only_the_last_rounds_are_remembered() -> None:
    surrogate = fresh(options=SurrogateOptions(updates=1, rounds=2))
    for seed in range(4):
        surrogate.learn(points(5, seed), points(5, seed), torch.arange(5.0, dtype=torch.float64))
    assert surrogate.memory.points is not None
    kept = surrogate.memory.points.states.parts["x"]
    torch.testing.assert_close(kept, torch.cat([points(5, seed).x for seed in (2, 2, 3, 3)]))


def test_equal_rewards_teach_it_nothing_to_follow() -> None:
    surrogate = fresh()
    told = surrogate.learn(points(8), points(8), torch.full((8,), 3.0, dtype=torch.float64))
    assert told["surrogate_error"] == 3.0
    assert all(math.isfinite(float(value)) for value in surrogate.gradient(points(8)).x.flatten())


def test_that_of_molecules_turns_with_them() -> None:
    model, generator = tiny_model(), torch.Generator().manual_seed(1)
    surrogate = Surrogate(build_regression_features(model, "A"), SurrogateOptions(updates=5))
    x = model.noise(torch.tensor([3, 5, 4, 4]), 4, generator)
    x = model.predict_endpoint(x, torch.full((4,), 0.9))
    for _ in range(3):
        surrogate.learn(x, x, torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64))
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    turned: MoleculeState = x.replace({**x.parts, "positions": x.positions @ turn})
    slopes = surrogate.gradient(x)
    assert float(slopes.squared_norm().min()) > 0
    torch.testing.assert_close(surrogate(turned), surrogate(x), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(surrogate.gradient(turned).positions, slopes.positions @ turn, rtol=1e-3, atol=1e-4)


METHODS: dict[str, Any] = {
    "adjoint matching": (AdjointMatching, AdjointMatchingOptions()),
    "refl": (Refl, ReflOptions(kl_weight=1.0)),
    "draft": (Draft, DraftOptions()),
}


def learner(kind: str, strength: float = 3.0) -> AdjointMatching | Refl | Draft | VggFlow:
    network = build_control_features(GAUSSIAN, "A")
    if kind == "vgg-flow":
        control = VggFlow.control_of(network, GAUSSIAN.schedules, strength)
        return VggFlow(control, build_control_features(GAUSSIAN, "A"), GAUSSIAN, fresh(), VggFlowOptions())
    algorithm, options = METHODS[kind]
    found: AdjointMatching = algorithm(
        algorithm.control_of(network, GAUSSIAN.schedules, strength), GAUSSIAN, fresh(), options
    )
    return found


def train(kind: str, path: Path, iterations: int, steps: int = 6) -> Trainer:
    reward = PointReward(lambda points: 50.0 + QUADRATIC(points))  # above the floor, which is 0
    return trainer(learner(kind), reward, path, iterations, steps, checkpoint_every=2)


@pytest.mark.parametrize("kind", [*METHODS, "vgg-flow"])
def test_a_run_goes_on_to_the_last_bit(tmp_path: Path, kind: str) -> None:
    whole, metrics = train(kind, tmp_path / "whole", 4), []
    whole.run(lambda report: metrics.append(report.metrics))
    assert all("surrogate_error" in found and math.isfinite(found["surrogate_excess"]) for found in metrics)
    train(kind, tmp_path / "parts", 4).run(stop=lambda: True)
    parts = train(kind, tmp_path / "parts", 4)
    parts.resume()
    parts.run()
    first, second = (each.objective.state_dict() for each in (whole, parts))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert any(name.startswith("surrogate.memory") for name in first)


@pytest.mark.slow
def test_adjoint_matching_by_a_surrogate_comes_near_the_tilted_law(tmp_path: Path) -> None:
    found = train("adjoint matching", tmp_path, 60, steps=20)
    found.run()
    samples, _ = ends(found)
    law, _ = QUADRATIC.tilt(GAUSSIAN.mixtures[0], 3.0)
    assert float(samples.mean()) == pytest.approx(float(law.mean()), abs=0.07)
    assert float(samples.std()) == pytest.approx(float(law.covariance().sqrt()), rel=0.1)


@pytest.mark.parametrize("wrong", [{"updates": 0}, {"rounds": 0}, {"learning_rate": math.nan}])
def test_options_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SurrogateOptions(**wrong)


def test_the_state_of_something_else_is_refused() -> None:
    with pytest.raises(CheckpointError, match="does not fit"):
        fresh().load_state_dict({"network.mean": torch.zeros(())})
