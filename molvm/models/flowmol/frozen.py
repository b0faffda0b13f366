"""What every frozen FlowMol has, whatever its way from noise to data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import ModelError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.decode import decode_molecules
from molvm.models.flowmol.matching import flowmol_schedules
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.precision import Precision
from molvm.schedules import Schedules
from molvm.states import MoleculeState, State

MOLECULES_AT_ONCE = 16
"""Molecules in one pass of the network; what it needs at once then stays near the processor's caches."""


class FrozenFlowMol:
    """A frozen network, the molecules' sizes, and how its samples become molecules.

    Args:
        network: The network, put into evaluation mode and frozen.
        sizes: Numbers of atoms to draw from.
        name: How runs and messages call the model.
        card: What is known of the model: data, training, metrics.
        precision: Of the matrix products. Geometry and the state of the process keep the network's own type.
    """

    network: FlowMolNetwork
    config: FlowMolConfig

    def __init__(
        self,
        network: FlowMolNetwork,
        sizes: SizeHistogram,
        name: str,
        card: Mapping[str, Any] | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.config = network.config
        self.sizes = sizes
        self.name = name
        self.card: dict[str, Any] = dict(card or {})
        self.precision: Precision = precision
        self.schedules: Schedules = flowmol_schedules(network.config)

    @property
    def conditions(self) -> Sequence[int]:
        """The numbers of atoms the model draws."""
        return self.sizes.sizes

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Numbers of atoms drawn from the training histogram, integers of shape (count,); fake ones count too."""
        return self.sizes.draw(count, generator)

    def decode(self, x: State) -> list[Molecule]:
        """The most probable molecule of each sample, without its fake atoms if there are; unrepaired."""
        return decode_molecules(as_molecules(x), self.config)

    def _atom_counts(self, condition: Tensor | None, count: int, generator: torch.Generator | None) -> Tensor:
        """The condition, or one drawn where there is none, beside the network.

        Raises:
            ModelError: A number of atoms below 2.
        """
        n_atoms = self.sample_condition(count, generator) if condition is None else condition
        if int(n_atoms.min()) < 2:
            raise ModelError(f"A molecule of {int(n_atoms.min())} atoms was asked for.", allowed="2 atoms or more")
        return n_atoms.to(self._parameter.device)

    @property
    def _parameter(self) -> Tensor:
        """One that tells where the network is and of which type."""
        return next(self.network.parameters())

    def _autocast(self, x: MoleculeState) -> AbstractContextManager[Any]:
        return torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")


def as_molecules(x: State) -> MoleculeState:
    """The state, if it is one of molecules.

    Raises:
        ModelError: It is of another kind.
    """
    if not isinstance(x, MoleculeState):
        raise ModelError(f"FlowMol got a {type(x).__name__}.", allowed="a MoleculeState")
    return x
