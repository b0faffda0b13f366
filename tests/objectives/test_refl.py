from __future__ import annotations

import math
from pathlib import Path

import pytest

from molvm.errors import ConfigError
from molvm.gradients import PointReward, require_differentiable
from molvm.models.tilt import QuadraticReward
from molvm.objectives import Refl, ReflOptions, Rollout
from tests.objectives.toys import GAUSSIAN, ends, fresh_control, steered_path, trainer

QUADRATIC = QuadraticReward((0.0,), 1.0, (1.5,))
WORTH = require_differentiable(PointReward(QUADRATIC), "it")


def learner(**options: float) -> Refl:
    return Refl(fresh_control(GAUSSIAN, 1.0), GAUSSIAN, WORTH, ReflOptions(**options))


def batch_of(refl: Refl) -> Rollout:
    path = steered_path(GAUSSIAN, refl.control, 20, 8)
    return Rollout(path, QUADRATIC(path.terminal.parts["x"]), 1.0)


def test_the_endpoint_is_what_the_controlled_model_promises() -> None:
    """That of the base, as long as the control is zero."""
    refl = learner(late_share=0.2)
    batch = batch_of(refl)
    refl.observe(batch)
    k = refl._k
    assert 16 <= k < 20
    promised = refl.backward(batch)["promised"]
    x, t = batch.trajectory.states[k], batch.trajectory.times[k].expand(8)
    assert promised == pytest.approx(float(QUADRATIC(GAUSSIAN.predict_endpoint(x, t).x).mean()))


def test_what_is_good_enough_teaches_nothing() -> None:
    for bound, teaches in ((-100.0, False), (100.0, True)):
        refl = learner(bound=bound)
        batch = batch_of(refl)
        refl.observe(batch)
        refl.backward(batch)
        assert any(bool(weight.grad.any()) for weight in refl.parameters()) is teaches


def test_more_parts_than_paths_learn_from_all_of_them() -> None:
    refl = learner()
    path = steered_path(GAUSSIAN, refl.control, 20, 2)
    batch = Rollout(path, QUADRATIC(path.terminal.parts["x"]), 1.0)
    refl.observe(batch)
    alone, whole = refl.backward(batch, 3, 4), refl.backward(batch)
    assert alone == whole


def test_it_goes_to_the_largest_reward_and_not_to_the_tilt(tmp_path: Path) -> None:
    """p* has mean 0.83 and deviation 0.57 for λ = 1; the late steps alone gather the samples near it."""
    found = trainer(learner(), PointReward(QUADRATIC), tmp_path, 60, 20, rate=3e-3)
    found.run()
    samples, _ = ends(found)
    assert float(samples.mean()) > 1.1
    assert float(samples.std()) < 0.5


def test_the_cost_holds_it_back(tmp_path: Path) -> None:
    means = []
    for weight in (0.0, 3.0):
        found = trainer(learner(kl_weight=weight), PointReward(QUADRATIC), tmp_path / str(weight), 25, 10)
        found.run()
        means.append(float(ends(found, 1000)[0].mean()))
    assert means[1] < means[0] - 0.05


@pytest.mark.parametrize("wrong", [{"late_share": -1.0}, {"bound": math.nan}, {"kl_weight": -1.0}])
def test_options_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ReflOptions(**wrong)
