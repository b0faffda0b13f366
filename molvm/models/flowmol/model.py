"""FlowMol as a base model: the contract of `FlowModel` around the network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from molvm.models.differentiate import differentiate
from molvm.models.flowmol.frozen import MOLECULES_AT_ONCE, FrozenFlowMol, as_molecules
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.spread import SPREAD_KEY, PosteriorSpread
from molvm.states import MoleculeState, State, in_lanes, pairs_in_lanes


class FlowMolModel(FrozenFlowMol):
    """A frozen continuous FlowMol.

    Self-conditioning takes two passes at the same x_t: the first without, the second with the first's prediction. That
    keeps the process Markov in x_t, which V(x, t) presumes; feeding back the prediction of the step before would not.
    """

    samples_at_once = trained_at_once = MOLECULES_AT_ONCE

    @property
    def spread(self) -> PosteriorSpread | None:
        """How far the prediction is from the sample it leads to, if it was measured (`molvm models calibrate`)."""
        table = self.card.get(SPREAD_KEY)
        return None if table is None else PosteriorSpread.from_dict(table)

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> MoleculeState:
        """Standard normal noise in the state space for molecules of the given sizes.

        Args:
            condition: Numbers of atoms, integers of shape (count,); drawn when None.
            count: How many.
            generator: Source of randomness.

        Raises:
            ModelError: A number of atoms below 2.
        """
        n_atoms, c = self._atom_counts(condition, count, generator), self.config
        origin = MoleculeState.zeros(n_atoms, c.n_types, c.n_charges, c.n_bonds, dtype=self._parameter.dtype)
        return origin.randn_like(generator)

    def predict_endpoint(self, x: State, t: Tensor) -> MoleculeState:
        """x̂₁: centred positions in Å and class probabilities.

        Args:
            x: Noisy molecules.
            t: Times, shape (B,).
        """
        return in_lanes(torch.no_grad()(self._predict), as_molecules(x), t, MOLECULES_AT_ONCE)

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[MoleculeState, MoleculeState]:
        """x̂₁, and the gradient of a function of it, through both passes.

        Args:
            x: Noisy molecules.
            t: Times, shape (B,).
            function: Of endpoints, times and what is beside, one number a molecule.
            beside: More states of the same molecules.
        """

        def portion(x: MoleculeState, t: Tensor, *beside: State) -> tuple[MoleculeState, MoleculeState]:
            return differentiate(self._predict, function, x, t, *beside)

        return pairs_in_lanes(portion, as_molecules(x), t, MOLECULES_AT_ONCE, *beside)

    def endpoint_by(self, network: FlowMolNetwork, x: State, t: Tensor) -> MoleculeState:
        """x̂₁ by other weights, in 32 bits; arguments as for `NetworkModel`."""
        molecules = as_molecules(x)
        first = network.predict(molecules, t)
        return network.predict(molecules, t, first) if self.config.self_conditioning else first

    def _predict(self, x: MoleculeState, t: Tensor) -> MoleculeState:
        with self._autocast(x):
            return self.endpoint_by(self.network, x, t)
