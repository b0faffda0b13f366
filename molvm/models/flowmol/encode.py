"""From molecules to states at t = 1; `decode.py` is the way back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rdkit import Chem

from molvm.chem.molecule import Molecule, require_molecule
from molvm.errors import MoleculeError
from molvm.models.flowmol.config import CHARGE_OFFSET, FlowMolConfig
from molvm.states import MoleculeState


def encode_molecules(molecules: Sequence[Molecule], config: FlowMolConfig) -> MoleculeState:
    """One-hot classes, class 0 for a pair without a bond, and positions whose centre of mass is 0, in Å, as float32.

    Args:
        molecules: At least one, of one atom or more each.
        config: Gives the classes.

    Raises:
        MoleculeError: There is none, one is no `Molecule`, or an element, a formal charge or a bond order has no class.
    """
    for molecule in molecules:
        require_molecule(molecule, "What encodes molecules")
    if not molecules or any(molecule.n_atoms == 0 for molecule in molecules):
        raise MoleculeError("There is no molecule to encode, or one without atoms.", allowed="atoms in each")
    n_atoms = torch.tensor([molecule.n_atoms for molecule in molecules])
    state = MoleculeState.zeros(n_atoms, config.n_types, config.n_charges, config.n_bonds)
    table = Chem.GetPeriodicTable()
    numbers = np.array([table.GetAtomicNumber(symbol) for symbol in config.elements])
    for index, molecule in enumerate(molecules):
        n = torch.arange(molecule.n_atoms)
        # Centred while in double precision: far from the origin single precision would round the geometry.
        centred = molecule.positions - molecule.positions.mean(axis=0)
        state.positions[index, n] = torch.tensor(centred, dtype=state.dtype)
        state.types[index, n, _types(molecule, numbers, config)] = 1
        state.charges[index, n, _charges(molecule, config)] = 1
        state.bonds[index, ..., 0] = 1
        first, second = torch.tensor(molecule.bonds.astype(np.int64)).unbind(dim=1)
        for i, j in ((first, second), (second, first)):
            state.bonds[index, i, j] = 0
            state.bonds[index, i, j, _orders(molecule, config)] = 1
    return state.project()


def _types(molecule: Molecule, numbers: np.ndarray, config: FlowMolConfig) -> torch.Tensor:
    matches = molecule.elements[:, None] == numbers
    if not bool(matches.any(axis=1).all()):
        raise MoleculeError(f"{molecule.id!r} has an element without a class.", allowed=", ".join(config.elements))
    return torch.tensor(matches.argmax(axis=1))


def _charges(molecule: Molecule, config: FlowMolConfig) -> torch.Tensor:
    classes = torch.tensor(molecule.formal_charges.astype(np.int64)) + CHARGE_OFFSET
    if int(classes.min()) < 0 or int(classes.max()) >= config.n_charges:
        raise MoleculeError(
            f"{molecule.id!r} has a formal charge without a class.",
            allowed=f"{-CHARGE_OFFSET} to {config.n_charges - 1 - CHARGE_OFFSET}",
        )
    return classes


def _orders(molecule: Molecule, config: FlowMolConfig) -> torch.Tensor:
    classes = torch.tensor(molecule.orders.astype(np.int64))
    if len(classes) and int(classes.max()) >= config.n_bonds:
        raise MoleculeError(
            f"{molecule.id!r} has a bond order without a class.",
            allowed=f"1 to {config.n_bonds - 1}",
            remedy="a kekulised molecule, if it is aromatic bonds",
        )
    return classes
