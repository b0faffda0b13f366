"""FlowMol steered towards molecules that have a given part, whatever else steers them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor

from molvm.errors import ModelError
from molvm.models.differentiate import gradient_at
from molvm.models.flowmol.frozen import MOLECULES_AT_ONCE, as_molecules
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.flowmol.substructure import Substructure
from molvm.models.spread import PosteriorSpread
from molvm.states import MoleculeState, State, pairs_in_lanes

PULL: Final = 2.0
"""Times the gradient. The likelihood is that of one Gaussian around a mean, too mild early; measured, RESULTS.md."""


class KeepingFlowMol(FlowMolModel):
    """A base model whose endpoint is moved by the gradient of how likely a part is (guidance by reconstruction).

    x̂₁ − (β²/α) ∇ₓ mismatch(x̂₁(x, t), t), modality by modality: where the mismatch is −log p(part | x_t), this is the
    endpoint of the base given the part (Tweedie). It is an approximation: what is to come is taken to be Gaussian and
    independent around the mean (Song, Vahdat, Mardani, Kautz, ICLR 2023), and the pull is stronger than that. What
    steers beside it acts on the rest. Samples are drawn until they have the part (`runs.keeping`).

    Args:
        model: A continuous FlowMol whose spread was measured.
        part: What is to be kept.

    Raises:
        ModelError: The spread of the model is not known, or all its molecules are smaller than the part.
    """

    def __init__(self, model: FlowMolModel, part: Substructure) -> None:
        spread = model.spread
        if spread is None:
            raise ModelError(
                f"Nothing is known of how sure the base model {model.name} is of its predictions.",
                remedy="`molvm models calibrate`",
            )
        super().__init__(model.network, _large_enough(model, part), model.name, model.card, model.precision)
        self.part = part
        self.sizes_without_part = model.sizes
        self._spread: PosteriorSpread = spread

    def predict_endpoint(self, x: State, t: Tensor) -> MoleculeState:
        """x̂₁ of molecules that are to have the part; arguments as for the base."""
        return self.differentiate_endpoint(x, t, lambda endpoint, _: torch.zeros(len(endpoint)))[0]

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[MoleculeState, MoleculeState]:
        """The same, and the gradient of a function of what the base alone expects; arguments as for the base."""
        return pairs_in_lanes(partial(self._portion, function), as_molecules(x), t, MOLECULES_AT_ONCE, *beside)

    def _portion(
        self, function: Callable[..., Tensor], x: MoleculeState, t: Tensor, *beside: State
    ) -> tuple[MoleculeState, MoleculeState]:
        variance = self._spread.at(t)
        with torch.enable_grad():
            leaf = x.leaf()
            endpoint = self._predict(leaf, t).project()
            value = function(endpoint, t, *beside).sum()
            pull = gradient_at(leaf, self.part.mismatch(endpoint, variance).sum(), keep_graph=value.requires_grad)
            other = gradient_at(leaf, value)
        alpha, beta = self.schedules.alpha(t), self.schedules.beta(t)
        # At t = 0 nothing is known yet, and nothing pulls.
        by = {name: torch.where(alpha[name] > 0, PULL * beta[name] ** 2 / alpha[name], 0.0) for name in alpha}
        return (endpoint.detach() - pull.scale(by).to(dtype=endpoint.dtype)).project(), other


def _large_enough(model: FlowMolModel, part: Substructure) -> SizeHistogram:
    sizes = model.sizes.sizes
    if part.n_atoms > sizes[-1]:
        raise ModelError(
            f"The part has {part.n_atoms} heavy atoms, the molecules of the base model {model.name} at most "
            f"{sizes[-1]} atoms."
        )
    return model.sizes.restricted(f"{max(part.n_atoms, sizes[0])}-{sizes[-1]}")
