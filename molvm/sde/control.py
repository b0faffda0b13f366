"""What steers: a vector field, or a value function with its gradient."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from molvm.states import State


class Steering(Protocol):
    """Whatever steers: it has g(x, t) in the place of ∇V, so that the control is u = −σg."""

    def gradient(self, x: State, t: Tensor) -> State:
        """g(x, t) in the geometry of the state space, for times of shape (B,), detached."""
        ...


class Control(Steering, Protocol):
    """A value function, which steers by its gradient and knows what a state is worth.

    If it has the attribute `reads` = "endpoint", it is a function of x̂₁(x, t) instead of x; the base model then knows
    the gradient.
    """

    def __call__(self, x: State, t: Tensor) -> Tensor:
        """V, shape (B,), for times of shape (B,)."""
        ...


def reads_endpoint(control: Steering | None) -> bool:
    """Whether the control is given x̂₁ and not x."""
    return getattr(control, "reads", "state") == "endpoint"
