"""A part that every molecule is to have: its heavy atoms, their bonds and their geometry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import from_rdkit, sanitised
from molvm.chem.superpose import superposed_rmsd
from molvm.errors import MoleculeError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.encode import encode_molecules
from molvm.states import MoleculeState

AROMATIC_CLASSES = 5
"""Bond classes of models that know aromatic bonds."""

KEPT_WITHIN = 0.5
"""Å, root mean square, by which the atoms of a kept part may lie elsewhere."""

ROUNDING = 0.02
"""Å². A geometry is not asked for more sharply than a vibration is wide."""

LEAST_PROBABILITY = 1e-6
"""Below it a class that the base has ruled out does not pull any more strongly."""


MOST_BONDS: Final = 6
"""Of sulfur, the most that an element has here."""


@dataclass(frozen=True, eq=False)
class Substructure:
    """The first S atoms that a molecule is to have, whatever hangs on them.

    Args:
        molecule: The part, without hydrogens.
        state: The same as one sample at t = 1.
        n_hydrogens: Those that were left out: so many bonds are for other atoms.
    """

    molecule: Molecule
    state: MoleculeState
    n_hydrogens: int = 0

    @classmethod
    def of(cls, molecule: Molecule, config: FlowMolConfig) -> Self:
        """The heavy atoms of a molecule; where its hydrogens are, anything may take their place.

        Args:
            molecule: The part in three dimensions, as a molecule of its own.
            config: Of the model: gives the classes, and whether it knows aromatic bonds.

        Raises:
            MoleculeError: It has no two heavy atoms, RDKit cannot sanitise it, or it has no class in the model.
        """
        mol = sanitised(molecule)
        if isinstance(mol, str):
            raise MoleculeError(f"The part {molecule.id!r} to be kept is no molecule: {mol}.")
        with rdBase.BlockLogs():
            mol = Chem.RemoveAllHs(mol, sanitize=False)
            if config.n_bonds < AROMATIC_CLASSES:
                Chem.Kekulize(mol, clearAromaticFlags=True)
        heavy = from_rdkit(mol, name=molecule.id, properties={})
        if heavy.n_atoms < 2:
            raise MoleculeError(f"The part {molecule.id!r} to be kept has one heavy atom.", allowed="two or more")
        return cls(heavy, encode_molecules([heavy], config), molecule.n_atoms - heavy.n_atoms)

    @property
    def n_atoms(self) -> int:
        """S."""
        return self.molecule.n_atoms

    @property
    def n_atoms_with_others(self) -> int:
        """A bound from below for molecules that have the part, if no other atom takes more than six of its bonds."""
        return self.n_atoms + math.ceil(self.n_hydrogens / MOST_BONDS)

    def mismatch(self, x: MoleculeState, variance: Mapping[str, Tensor]) -> Tensor:
        """How unlikely the part is where a prediction x̂₁ is the mean of what is to come, in nats, shape (B,).

        Positions are held against the part where it fits best, with the prediction's own uncertainty; classes by their
        log probabilities. Differentiable.

        Args:
            x: Predictions of B molecules of at least S atoms.
            variance: Modality to the uncertainty of a coordinate, shape (B,).
        """
        s, wanted = self.n_atoms, self.state
        places = x.positions[:, :s] - x.positions[:, :s].mean(dim=1, keepdim=True)
        squares = (places - self._placed(places.detach())).square().sum(dim=(1, 2))
        apart = squares / (2 * (variance["positions"].to(places) + ROUNDING))
        first, second = torch.triu_indices(s, s, offset=1)
        chances = (
            (x.types[:, :s] * wanted.types).sum(dim=-1),
            (x.charges[:, :s] * wanted.charges).sum(dim=-1),
            (x.bonds[:, first, second] * wanted.bonds[:, first, second]).sum(dim=-1),
        )
        return apart - sum(torch.log(chance.clamp(min=0) + LEAST_PROBABILITY).sum(dim=1) for chance in chances)

    def _placed(self, places: Tensor) -> Tensor:
        """The part turned as it fits best onto centred positions (B, S, 3), without mirroring (Kabsch)."""
        part = self.state.positions[0].to(places)
        left, _, right = torch.linalg.svd(torch.einsum("si,bsj->bij", part, places))
        signs = torch.ones(len(places), 3).to(places)
        signs[:, 2] = torch.linalg.det(left @ right).sign()
        return torch.einsum("si,bij->bsj", part, (left * signs[:, None]) @ right)

    def is_kept(self, molecule: Molecule) -> bool:
        """Whether a molecule's first S atoms are the part: elements, charges, bonds, and places (`KEPT_WITHIN`)."""
        s, part = self.n_atoms, self.molecule
        if molecule.n_atoms < s:
            return False
        inner = (molecule.bonds < s).all(axis=1)
        first = replace(
            molecule,
            elements=molecule.elements[:s],
            positions=molecule.positions[:s],
            formal_charges=molecule.formal_charges[:s],
            bonds=molecule.bonds[inner],
            orders=molecule.orders[inner],
        )
        return (
            np.array_equal(first.elements, part.elements)
            and np.array_equal(first.formal_charges, part.formal_charges)
            and _bonds(first) == _bonds(part)
            and (superposed_rmsd(part, first.positions) or 0.0) <= KEPT_WITHIN
        )


def _bonds(molecule: Molecule) -> dict[tuple[int, ...], int]:
    pairs = (tuple(sorted(pair)) for pair in molecule.bonds.tolist())
    return dict(zip(pairs, molecule.orders.tolist(), strict=True))
