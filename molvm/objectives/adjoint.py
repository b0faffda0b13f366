"""Back along simulated paths: what the end of a path says of each state before it.

The adjoint of a step x_{k+1} = keep · x + pull · x̂₁(x) − shift · g(x) + noise · ε is the transpose of its Jacobian, so
that a recursion over the steps differentiates the chain that was simulated, exactly, at any number of steps. States are
kept, nothing else: every step is computed again, which is what gradient checkpointing of each step would do.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from molvm.models.base import FlowModel
from molvm.models.differentiate import differentiate
from molvm.sde import Trajectory, Transition
from molvm.states import State, in_lanes
from molvm.values.control import ControlNet


class StepBack(Protocol):
    """How an adjoint at the end of a step becomes one at its beginning."""

    def __call__(self, transition: Transition, x: State, t: Tensor, adjoint: State) -> State:
        """The adjoint at x, where the step began, from that at its end."""
        ...


class BaseStep:
    """Of the base model's step alone: no Jacobian of the control and no cost, the lean adjoint.

    Args:
        model: The base model.
    """

    def __init__(self, model: FlowModel) -> None:
        self.model = model

    def __call__(self, transition: Transition, x: State, t: Tensor, adjoint: State) -> State:
        """(keep + pull ∂x̂₁)ᵀ a, detached."""
        _, through = self.model.differentiate_endpoint(x, t, _along, adjoint.scale(transition.pull))
        return adjoint.scale(transition.keep) + through.to(dtype=adjoint.dtype)


class ControlledStep:
    """Of the controlled step.

    Args:
        model: The base model.
        control: What steers.
        cost: Whether the gradient of the step's cost ½|w|² is added.
    """

    def __init__(self, model: FlowModel, control: ControlNet, *, cost: bool) -> None:
        self.base, self.control, self.cost = BaseStep(model), control, cost

    def __call__(self, transition: Transition, x: State, t: Tensor, adjoint: State) -> State:
        """(keep + pull ∂x̂₁ − shift ∂g)ᵀ a + ∇½|w|², detached."""

        def shifted(field: State, t: Tensor, adjoint: State) -> Tensor:  # noqa: ARG001 - the time is in the field
            moved = -field.inner(adjoint.scale(transition.shift).to(dtype=field.dtype))
            return moved + field.scale(transition.leverage).squared_norm() / 2 if self.cost else moved

        def portion(x: State, t: Tensor, adjoint: State) -> State:
            return differentiate(self.control, shifted, x, t, adjoint)[1]

        sizes = [getattr(self.control.features, name, None) for name in ("samples_at_once", "trained_at_once")]
        # A graph is kept, if not for weights; what does not say takes all at once.
        at_once = min((size for size in sizes if size is not None), default=None)
        through = portion(x, t, adjoint) if at_once is None else in_lanes(portion, x, t, at_once, adjoint)
        return self.base(transition, x, t, adjoint) + through.to(dtype=adjoint.dtype)


def adjoints(path: Trajectory, end: State, back: StepBack, last: int | None = None) -> list[State]:
    """The adjoints at the ends of the last steps of a path, in the order of time.

    Args:
        path: With all states.
        end: The adjoint at the end of the path.
        back: How to go back over a step.
        last: How many steps; all by default. The last entry is always `end`.
    """
    found = [end]
    for k in reversed(range(path.steps - (last or path.steps) + 1, path.steps)):
        x, t = path.states[k], path.times[k].to(end.dtype).expand(len(end))
        found.append(back(path.transitions[k], x, t, found[-1]))
    return found[::-1]


@torch.no_grad()
def denoised_end(model: FlowModel, path: Trajectory) -> State:
    """What the base makes of the last state before the end: the sample without the noise of its last step."""
    x = path.states[-2]
    return model.predict_endpoint(x, path.times[-2].to(x.dtype).expand(len(x))).to(dtype=x.dtype).project()


def _along(endpoint: State, t: Tensor, direction: State) -> Tensor:  # noqa: ARG001 - called with the time
    return endpoint.inner(direction.to(dtype=endpoint.dtype))
