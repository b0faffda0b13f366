"""FlowMol as a base model: the contract of `FlowModel` around the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import ModelError
from molvm.models.differentiate import differentiate
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.decode import decode_molecules
from molvm.models.flowmol.matching import flowmol_schedules
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.precision import Precision
from molvm.schedules import Schedules
from molvm.states import MoleculeState, State, in_lanes, pairs_in_lanes

MOLECULES_AT_ONCE = 16
"""Molecules in one pass of the network; what it needs at once then stays near the processor's caches."""


@dataclass(frozen=True)
class SizeHistogram:
    """How many training molecules have each number of atoms.

    Args:
        sizes: Numbers of atoms, rising.
        counts: Molecules of each size.

    Raises:
        ModelError: The two do not fit together.
    """

    sizes: tuple[int, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.counts) or not self.sizes or min(self.counts) < 0 or sum(self.counts) == 0:
            raise ModelError("The histogram of atom counts is empty or malformed.", allowed="one count for each size")

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent numbers of atoms, integers of shape (count,)."""
        weights = torch.tensor(self.counts, dtype=torch.float64)
        chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
        return torch.tensor(self.sizes)[chosen]


class FlowMolModel:
    """A frozen FlowMol.

    Self-conditioning takes two passes at the same x_t: the first without, the second with the first's prediction. That
    keeps the process Markov in x_t, which V(x, t) presumes; feeding back the prediction of the step before would not.

    Args:
        network: The network, put into evaluation mode and frozen.
        sizes: Numbers of atoms to draw from.
        name: How runs and messages call the model.
        card: What is known of the model: data, training, metrics.
        precision: Of the matrix products. Geometry and the state of the process keep the network's own type.
    """

    def __init__(
        self,
        network: FlowMolNetwork,
        sizes: SizeHistogram,
        name: str,
        card: Mapping[str, Any] | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.config: FlowMolConfig = network.config
        self.sizes = sizes
        self.name = name
        self.card: dict[str, Any] = dict(card or {})
        self.precision = precision
        self.schedules: Schedules = flowmol_schedules(network.config)

    @property
    def conditions(self) -> Sequence[int]:
        """The numbers of atoms the model draws."""
        return self.sizes.sizes

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Numbers of atoms drawn from the training histogram, integers of shape (count,)."""
        return self.sizes.draw(count, generator)

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> MoleculeState:
        """Standard normal noise in the state space for molecules of the given sizes.

        Args:
            condition: Numbers of atoms, integers of shape (count,); drawn when None.
            count: How many.
            generator: Source of randomness.

        Raises:
            ModelError: A number of atoms below 2.
        """
        n_atoms = self.sample_condition(count, generator) if condition is None else condition
        if int(n_atoms.min()) < 2:
            raise ModelError(f"A molecule of {int(n_atoms.min())} atoms was asked for.", allowed="2 atoms or more")
        config, parameter = self.config, next(self.network.parameters())
        origin = MoleculeState.zeros(
            n_atoms.to(parameter.device), config.n_types, config.n_charges, config.n_bonds, dtype=parameter.dtype
        )
        return origin.randn_like(generator)

    def predict_endpoint(self, x: State, t: Tensor) -> MoleculeState:
        """x̂₁: centred positions in Å and class probabilities.

        Args:
            x: Noisy molecules.
            t: Times, shape (B,).
        """
        return in_lanes(torch.no_grad()(self._predict), _as_molecules(x), t, MOLECULES_AT_ONCE)

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[[MoleculeState, Tensor], Tensor]
    ) -> tuple[MoleculeState, MoleculeState]:
        """x̂₁, and the gradient of a function of it, through both passes.

        Args:
            x: Noisy molecules.
            t: Times, shape (B,).
            function: Of endpoints and times, one number a molecule.
        """

        def portion(x: MoleculeState, t: Tensor) -> tuple[MoleculeState, MoleculeState]:
            return differentiate(self._predict, function, x, t)

        return pairs_in_lanes(portion, _as_molecules(x), t, MOLECULES_AT_ONCE)

    def _predict(self, x: MoleculeState, t: Tensor) -> MoleculeState:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            first = self.network.predict(x, t)
            return self.network.predict(x, t, first) if self.config.self_conditioning else first

    def decode(self, x: State) -> list[Molecule]:
        """The most probable molecule of each sample, unrepaired."""
        return decode_molecules(_as_molecules(x), self.config)


def _as_molecules(x: State) -> MoleculeState:
    if not isinstance(x, MoleculeState):
        raise ModelError(f"FlowMol got a {type(x).__name__}.", allowed="a MoleculeState")
    return x
