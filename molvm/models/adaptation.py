"""Other weights beside those of a base model, and what they change."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from molvm.models.base import NetworkModel
from molvm.states import State


class Adaptation(nn.Module, ABC):
    """Δx̂₁(x, t) = x̂₁ by the adapted weights − x̂₁ by the base's, which stay as they are, in the memory and on the disk.

    Its parameters, which its state holds too, are the adapted weights alone. Nothing is switched on or off, so that
    several threads may ask it at once. It is zero until something is learned, but for the rounding of a library that
    computes otherwise with weights that lie elsewhere in the memory.

    Args:
        model: The base model.
    """

    def __init__(self, model: NetworkModel) -> None:
        super().__init__()
        self.model = model
        self.samples_at_once: int | None = getattr(model, "samples_at_once", None)
        self.trained_at_once: int | None = getattr(model, "trained_at_once", None)

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The network with the adapted weights."""

    @property
    def reference(self) -> nn.Module:
        """The network without them; the base's own."""
        return self.model.network

    def endpoint(self, x: State, t: Tensor) -> State:
        """x̂₁ by the adapted weights, with its graph, for times of shape (B,)."""
        return self.model.endpoint_by(self.network, x, t)

    def forward(self, x: State, t: Tensor) -> State:
        """Δx̂₁ with its graph, for times of shape (B,).

        Of the base's own weights there is no graph, but of x there is where it asks for one.
        """
        # The adapted network last: its gradients come next, and a device may have room for one network at a time.
        base = self.model.endpoint_by(self.reference, x, t)
        return self.endpoint(x, t) - base
