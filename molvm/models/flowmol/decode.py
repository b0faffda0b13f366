"""From states at t = 1 to molecules, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem

from molvm.chem.molecule import Molecule
from molvm.models.flowmol.config import CHARGE_OFFSET, FlowMolConfig
from molvm.states import MoleculeState


def decode_molecules(x: MoleculeState, config: FlowMolConfig, ids: Sequence[str] | None = None) -> list[Molecule]:
    """The most probable element, charge and bond class of every atom and pair; nothing is repaired.

    Args:
        x: Molecules at t = 1.
        config: Gives the element of each class.
        ids: Names, one a molecule; "0", "1", ... by default.
    """
    table = Chem.GetPeriodicTable()
    numbers = np.array([table.GetAtomicNumber(symbol) for symbol in config.elements], dtype=np.uint8)
    elements = numbers[x.types.argmax(dim=-1).cpu().numpy()]
    charges = (x.charges.argmax(dim=-1).cpu().numpy() - CHARGE_OFFSET).astype(np.int8)
    orders = x.bonds.argmax(dim=-1).cpu().numpy().astype(np.uint8)
    positions = x.positions.double().cpu().numpy()
    molecules = []
    for index, n in enumerate(x.n_atoms.tolist()):
        upper = np.triu(orders[index, :n, :n], k=1)
        first, second = np.nonzero(upper)
        molecules.append(
            Molecule(
                elements=elements[index, :n],
                positions=positions[index, :n],
                formal_charges=charges[index, :n],
                bonds=np.stack([first, second], axis=1).astype(np.int32),
                orders=upper[first, second],
                id=ids[index] if ids is not None else str(index),
            )
        )
    return molecules
