"""What a base model must offer: noise, conditions, an endpoint and a decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from molvm.schedules import Schedules
from molvm.states import State


@runtime_checkable
class FlowModel(Protocol):
    """A frozen flow or diffusion model, known by its prediction of the endpoint.

    Velocity, score and noise follow from the endpoint (`molvm.models.parameterise`), so a wrapper around a network that
    predicts one of those converts its output once.
    """

    @property
    def name(self) -> str:
        """How runs and messages call the model."""
        ...

    @property
    def schedules(self) -> Schedules:
        """α and β of each modality."""
        ...

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Conditions drawn as the model saw them in training, integers of shape (count,); None if it has none.

        For molecules these are the numbers of atoms.
        """
        ...

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> State:
        """A draw of `count` samples at t = 0: standard normal in the state space given the conditions."""
        ...

    def predict_endpoint(self, x: State, t: Tensor) -> State:
        """x̂₁ = E[x₁ | x_t = x] in the state space, without an autograd graph.

        Args:
            x: B samples.
            t: Their times, shape (B,).
        """
        ...

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[[State, Tensor], Tensor]
    ) -> tuple[State, State]:
        """x̂₁(x, t), projected onto the space, and ∇ₓ function(x̂₁(x, t), t) in its geometry; no graph is left.

        Args:
            x: B samples.
            t: Their times, shape (B,).
            function: Of endpoints and times, one number a sample; differentiable, and safe on several threads.
        """
        ...

    def decode(self, x: State) -> list[Any]:
        """The objects that rewards judge, one for each sample of a state at t = 1."""
        ...
