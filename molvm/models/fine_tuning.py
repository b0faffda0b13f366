"""A base model's network trained further, in a copy."""

from __future__ import annotations

from copy import deepcopy
from typing import Final, Self

from torch import nn

from molvm.errors import ConfigError
from molvm.models.adaptation import Adaptation
from molvm.models.base import FlowModel, NetworkModel

FOUR_BYTES: Final = 4


class FineTuning(Adaptation):
    """All weights of a base model in 32 bits at least, beside the frozen ones.

    Args:
        model: The base model.
    """

    def __init__(self, model: NetworkModel) -> None:
        super().__init__(model)
        reference = model.network
        if any(each.element_size() < FOUR_BYTES for each in reference.parameters()):
            # In 16 bits the small steps of an optimiser would be lost, and what they change.
            reference = deepcopy(reference).float()
        self.weights = deepcopy(reference).requires_grad_(requires_grad=True)
        self._reference = (reference,)  # in a tuple, so that it is neither trained nor saved

    @classmethod
    def of(cls, model: FlowModel) -> Self:
        """The copy of a model that has something to be copied.

        Raises:
            ConfigError: It is not computed by a network.
        """
        if not isinstance(model, NetworkModel):
            raise ConfigError(
                f"The base model {model.name} has no network that could be trained.",
                remedy="objective.trains = residual",
            )
        return cls(model)

    @property
    def network(self) -> nn.Module:
        """The copy."""
        return self.weights

    @property
    def reference(self) -> nn.Module:
        """The base's network, in as many bits."""
        return self._reference[0]
