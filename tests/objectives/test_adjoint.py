from __future__ import annotations

import pytest
import torch

from molvm.objectives.adjoint import BaseStep, ControlledStep, adjoints, denoised_end
from molvm.sde import Trajectory
from molvm.states import TensorState
from molvm.values.control import ControlNet
from tests.objectives.toys import MIXTURE, fresh_control, steered_path

STEPS = 6


def stirred() -> ControlNet:
    control = fresh_control(MIXTURE, 1.5).double()
    torch.nn.init.normal_(
        control.features.network.layers[-1].weight, std=0.2, generator=torch.Generator().manual_seed(1)
    )
    control.scale.fill_(1.0)
    return control


def again(path: Trajectory, control: ControlNet | None, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The end of a path from its first state, and what it cost, with their graphs; of no control: as it was, fixed."""
    state, cost = TensorState(x), torch.zeros(len(x), dtype=x.dtype)
    for k, step in enumerate(path.transitions):
        t = path.times[k].expand(len(x))
        moved = state.scale(step.keep) + MIXTURE.predict_endpoint(state, t).scale(step.pull)
        if control is None:
            moved = moved + (path.states[k + 1] - moved).detach()
        else:
            field = control(state, t)
            cost = cost + field.scale(step.leverage).squared_norm() / 2
            moved = moved - field.scale(step.shift) + path.noises[k].scale(step.noise)
        state = moved
    return state.x, cost


@pytest.mark.parametrize("kind", ["lean", "controlled", "with cost"])
def test_it_is_the_derivative_of_the_chain(kind: str) -> None:
    """At the end of the first step, by automatic differentiation of all that follow at once."""
    control = stirred()
    path = steered_path(MIXTURE, control, STEPS, 5)
    rest = Trajectory(
        path.times[1:],
        path.states[1:],
        path.running_cost[1:],
        path.ito[1:],
        path.noises[1:],
        transitions=path.transitions[1:],
    )
    back = BaseStep(MIXTURE) if kind == "lean" else ControlledStep(MIXTURE, control, cost=kind == "with cost")
    end = path.terminal.map(lambda x: 2 * x)  # of the squared length
    x = path.states[1].parts["x"].clone().requires_grad_()
    found, cost = again(rest, None if kind == "lean" else control, x)
    torch.testing.assert_close(found, path.terminal.parts["x"])
    total = found.square().sum() + (cost.sum() if kind == "with cost" else 0)
    (expected,) = torch.autograd.grad(total, x)
    all_of_them = adjoints(path, end, back)
    assert len(all_of_them) == STEPS
    assert all_of_them[-1] is end
    torch.testing.assert_close(all_of_them[0].parts["x"], expected)
    torch.testing.assert_close(adjoints(path, end, back, last=2)[0].parts["x"], all_of_them[-2].parts["x"])


def test_the_denoised_end_is_what_the_base_promises() -> None:
    path = steered_path(MIXTURE, None, STEPS, 5)
    promised = MIXTURE.predict_endpoint(path.states[-2], path.times[-2].expand(5))
    torch.testing.assert_close(denoised_end(MIXTURE, path).parts["x"], promised.x)
