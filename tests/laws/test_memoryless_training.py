"""Only a process that forgets its start is led to the tilted law (Adjoint Matching's Theorem 1 and Figure 2).

Base N(0.5, 0.49), λr = −(3/2)(x − 1.5)², p* = N(1.0951, 0.4454²). Steered optimally at a constant σ, start and end stay
tied (at σ = 0.2 their correlation is 0.956), and the law of the end is that of the starts, each tilted by itself: mean
0.612 and deviation 0.625.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from torch import Tensor

from molvm.gradients import PointReward, require_differentiable
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.tilt import QuadraticReward
from molvm.objectives import AdjointMatching
from molvm.schedules import VariancePreservingSchedule
from molvm.sde import SamplingOptions
from molvm.sde.transition import euler_maruyama
from molvm.training.trainer import Trainer, TrainerOptions
from tests.objectives.toys import GAUSSIAN, ends, fresh_control

LINEAR, QUADRATIC = QuadraticReward((1.0,)), QuadraticReward((0.0,), 1.0, (1.5,))
VARIANCE_PRESERVING = GaussianMixtureModel(GAUSSIAN.mixtures, VariancePreservingSchedule())


def learner(
    path: Path,
    reward: QuadraticReward,
    strength: float,
    iterations: int,
    sampling: SamplingOptions,
    model: GaussianMixtureModel = GAUSSIAN,
) -> Trainer:
    worth = require_differentiable(PointReward(reward), "it")
    objective = AdjointMatching(fresh_control(model, strength), model, worth)
    options = TrainerOptions(
        iterations,
        64,
        sampling=sampling,
        learning_rate=1e-2,
        constant_iterations=iterations // 3,
        checkpoint_every=10**6,
    )
    return Trainer(model, objective, PointReward(reward), options, strength=strength, floor=0.0, checkpoints=path)


def trained(path: Path, sigma: float | None) -> Tensor:
    """Samples of a control that was trained and is sampled at a constant σ, or memoryless."""
    found = learner(path, QUADRATIC, 3.0, 60, SamplingOptions(steps=20))
    if sigma is not None:
        found.stepper = partial(euler_maruyama, sigma=sigma)
    found.run()
    return ends(found, stepper=found.stepper)[0]


@pytest.mark.slow
def test_a_process_that_remembers_is_not_led_to_the_tilted_law(tmp_path: Path) -> None:
    forgetful, tied = trained(tmp_path / "memoryless", None), trained(tmp_path / "constant", 0.2)
    law, _ = QUADRATIC.tilt(GAUSSIAN.mixtures[0], 3.0)
    assert float(forgetful.mean()) == pytest.approx(float(law.mean()), abs=0.05)
    assert float(forgetful.std()) == pytest.approx(float(law.covariance().sqrt()), rel=0.05)
    assert float(tied.mean()) == pytest.approx(0.612, abs=0.05)
    assert float(tied.std()) == pytest.approx(0.625, rel=0.1)


@pytest.mark.parametrize("steps", [10, pytest.param(20, marks=pytest.mark.slow)])
def test_the_adjoint_of_the_chain_of_ddim_gives_its_own_tilt(tmp_path: Path, steps: int) -> None:
    """The recursion is of the step that was simulated, whichever it is; this one is narrower than the base."""
    found = learner(
        tmp_path, LINEAR, 2.0, 4 * steps, SamplingOptions(steps=steps, transition="ddim"), VARIANCE_PRESERVING
    )
    found.run()
    samples, base = ends(found)
    assert float(base.std()) < 0.65
    assert float((samples.mean() - base.mean()) / base.var()) == pytest.approx(2.0, rel=0.05)
    assert float(samples.std()) == pytest.approx(float(base.std()), rel=0.03)
