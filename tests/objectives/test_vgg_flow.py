from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from molvm.errors import ConfigError
from molvm.gradients import PointReward, require_differentiable
from molvm.models.tilt import QuadraticReward
from molvm.objectives import Rollout, VggFlow, VggFlowOptions
from molvm.sde import SamplingOptions, simulate
from molvm.states import State
from molvm.training.trainer import Trainer
from molvm.values.ladder import build_control_features
from molvm.values.velocity_control import VelocityControl
from tests.objectives.toys import GAUSSIAN, ends, trainer

LINEAR = QuadraticReward((1.0,))


def learner(strength: float, **options: object) -> VggFlow:
    control, field = (build_control_features(GAUSSIAN, "A", torch.Generator().manual_seed(seed)) for seed in (0, 1))
    worth = require_differentiable(PointReward(LINEAR), "it")
    velocity = VelocityControl(control, GAUSSIAN.schedules, strength)
    return VggFlow(velocity, field, GAUSSIAN, worth, VggFlowOptions(**options))


def test_the_shift_is_its_own_closed_form_and_not_that_of_the_tilt(tmp_path: Path) -> None:
    """β(π/2)√S and not λS, with the spread as it was (fine steps, which leave little of the error of Euler's)."""
    strength, deviation = 0.5, 0.7
    found = trainer(learner(strength), PointReward(LINEAR), tmp_path, 100, 10, batch=32)
    found.run()
    samples, base = ends(found, 200, steps=200)
    shift = float((samples - base).mean())
    assert shift == pytest.approx(strength * math.pi / 2 * deviation, rel=0.05)
    assert shift > 2 * strength * deviation**2
    assert float(samples.std()) == pytest.approx(float(base.std()), rel=0.03)


def batch_of(learned: VggFlow, steps: int = 8, count: int = 6) -> Rollout:
    options, generator = SamplingOptions(steps=steps, noise_level=0.0), torch.Generator().manual_seed(3)
    noise = GAUSSIAN.noise(None, count, generator)
    grid, stepper = options.grid(GAUSSIAN.schedules), options.stepper(GAUSSIAN)
    path = simulate(GAUSSIAN, noise, grid, control=learned.behaviour, generator=generator, stepper=stepper)
    return Rollout(path, LINEAR(path.terminal.parts["x"]), learned.control.strength)


def stir(learned: VggFlow) -> None:
    for network in (learned.control.features, learned.field):
        torch.nn.init.normal_(network.network.layers[-1].weight, generator=torch.Generator().manual_seed(4))
    learned.control.scale.fill_(1.0)


def test_the_true_value_gradient_has_no_loss() -> None:
    """g = −c Φ(1, t), Φ(1, t) = √S/√(t²S + (1 − t)²), whichever way the base's term is computed."""

    class Exact(torch.nn.Module):
        def __init__(self, known: float) -> None:
            super().__init__()
            self.known = torch.nn.Parameter(torch.tensor(known, dtype=torch.float64))

        def forward(self, x: State, t: torch.Tensor) -> State:
            optimal = 0.7 / torch.sqrt(0.49 * t**2 + (1 - t) ** 2)
            return x.map(lambda part: (optimal * (1 - 2 * self.known) + t * self.known)[:, None].expand_as(part))

    for jacobian in ("vjp", "jvp"):
        learned = learner(1.0, jacobian=jacobian, clip_quantile=None, early_share=1.0)
        learned.control.features, learned.field = Exact(0.0), Exact(1.0)  # Φ, and t − Φ
        learned.control.scale.fill_(1.0)
        batch = batch_of(learned)
        metrics = {**learned.observe(batch), **learned.backward(batch)}
        assert metrics["matching"] == pytest.approx(0.0, abs=1e-12)
        assert metrics["consistency"] == pytest.approx(0.0, abs=1e-5)
        assert metrics["boundary"] == pytest.approx(0.0, abs=1e-12)
        assert metrics["velocity_cost"] > 0.5


def test_the_two_terms_of_the_base_are_one_for_a_gradient_field() -> None:
    found = []
    for jacobian in ("vjp", "jvp"):
        learned = learner(1.0, jacobian=jacobian)
        stir(learned)
        batch = batch_of(learned)
        learned.observe(batch)
        found.append(learned.backward(batch))
    assert found[0]["consistency"] == pytest.approx(found[1]["consistency"], rel=1e-3)
    assert all(math.isfinite(number) for number in found[0].values())


def test_long_gradients_are_shortened_to_a_quantile_of_the_last_ones() -> None:
    learned = learner(1.0)
    stir(learned)
    batch = batch_of(learned)
    learned.observe(batch)
    learned.backward(batch)
    assert float(learned.limit.length) == math.inf
    learned.after_step()
    assert float(learned.limit.length) == pytest.approx(1.0)  # of this reward all gradients are as long
    learned.limit.length.fill_(0.25)
    found = learned._known(batch.trajectory.states[3], torch.full((6,), 0.5), batch.trajectory.states[3], 1.0)
    torch.testing.assert_close(found.parts["x"], torch.full((6, 1), -0.5 * 0.25, dtype=torch.float64))


def test_it_learns_from_the_ode_alone(tmp_path: Path) -> None:
    learned = trainer(learner(1.0), PointReward(LINEAR), tmp_path, 1, 5)
    options = replace(learned.options, sampling=SamplingOptions(steps=5))
    with pytest.raises(ConfigError, match="noise level 0"):
        Trainer(GAUSSIAN, learner(1.0), PointReward(LINEAR), options, strength=1.0, floor=0.0, checkpoints=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reward_schedule": "cubic"},
        {"jacobian": "none"},
        {"consistency_weight": -1.0},
        {"boundary_weight": math.inf},
        {"difference": 0.0},
        {"clip_quantile": 0.0},
        {"early_share": 2.0},
    ],
)
def test_options_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        VggFlowOptions(**wrong)
