from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molvm.errors import ConfigError
from molvm.gradients import PointReward, require_differentiable
from molvm.models.tilt import QuadraticReward
from molvm.objectives import Draft, DraftOptions, Rollout
from tests.objectives.toys import GAUSSIAN, ends, fresh_control, steered_path, trainer

QUADRATIC = QuadraticReward((0.0,), 1.0, (1.5,))
WORTH = require_differentiable(PointReward(QUADRATIC), "it")


def learner(**options: int) -> Draft:
    return Draft(fresh_control(GAUSSIAN, 1.0), GAUSSIAN, WORTH, DraftOptions(**options))


def stirred(**options: int) -> tuple[Draft, Rollout]:
    draft = learner(**options)
    draft.control.double()
    layer = draft.control.features.network.layers[-1]
    torch.nn.init.normal_(layer.weight, std=0.1, generator=torch.Generator().manual_seed(1))
    draft.control.scale.fill_(1.0)
    path = steered_path(GAUSSIAN, draft.control, 6, 8)
    return draft, Rollout(path, QUADRATIC(path.terminal.parts["x"]), 1.0)


def gradient(draft: Draft) -> torch.Tensor:
    return torch.cat([weight.grad.flatten() for weight in draft.parameters()])


@pytest.mark.parametrize("last_steps", [1, 3, 0])
def test_it_is_the_derivative_of_the_reward_through_the_last_steps(last_steps: int) -> None:
    draft, batch = stirred(last_steps=last_steps)
    draft.observe(batch)
    draft.backward(batch)
    found, path = gradient(draft), batch.trajectory
    draft.control.zero_grad()
    x, first = path.states[0], path.steps - (last_steps or path.steps)
    for k, step in enumerate(path.transitions):
        x = x.detach() if k == first else x
        t = path.times[k].expand(8)
        moved = x.scale(step.keep) + GAUSSIAN.predict_endpoint(x, t).scale(step.pull)
        x = moved - draft.control(x, t).scale(step.shift) + path.noises[k].scale(step.noise)
    torch.testing.assert_close(x.parts["x"], path.terminal.parts["x"])
    (-WORTH(x)).mean().backward()
    torch.testing.assert_close(found, gradient(draft))


def test_the_mean_over_the_parts_is_the_loss_and_copies_are_other_states_of_the_same_samples() -> None:
    draft, batch = stirred(last_steps=4)
    draft.observe(batch)
    whole = draft.backward(batch)["loss"]
    assert sum(draft.backward(batch, part, 2)["loss"] for part in range(2)) / 2 == pytest.approx(whole)
    several, batch = stirred(renoised=2)
    several.observe(batch)
    assert len(several._pieces) == 3
    assert len({float(piece.x.parts["x"][0, 0]) for piece in several._pieces}) == 3
    assert several.backward(batch)["loss"] != 0


def test_it_goes_to_the_largest_reward_and_not_to_the_tilt(tmp_path: Path) -> None:
    """p* has mean 0.83 and deviation 0.57 for λ = 1; DRaFT through all steps gathers at 1.5."""
    found = trainer(learner(last_steps=0), PointReward(QUADRATIC), tmp_path, 60, 10)
    found.run()
    samples, _ = ends(found)
    assert float(samples.mean()) == pytest.approx(1.5, abs=0.1)
    assert float(samples.std()) < 0.45


@pytest.mark.parametrize("wrong", [{"last_steps": -1}, {"renoised": -1}, {"renoised": 2, "last_steps": 3}])
def test_options_out_of_range(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        DraftOptions(**wrong)
