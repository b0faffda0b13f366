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

    Of tokens: what is no element (a fake atom, a mask) is left out with its bonds, and a masked bond is none.

    Args:
        x: Molecules at t = 1.
        config: Gives the element of each class.
        ids: Names, one a molecule; "0", "1", ... by default.
    """
    table = Chem.GetPeriodicTable()
    numbers = np.array([table.GetAtomicNumber(symbol) for symbol in config.elements], dtype=np.uint8)
    types = x.types.argmax(dim=-1).cpu().numpy()
    charges = (x.charges.argmax(dim=-1).cpu().numpy() - CHARGE_OFFSET).astype(np.int8)
    orders = x.bonds.argmax(dim=-1).cpu().numpy().astype(np.uint8)
    orders[orders >= config.n_bonds] = 0
    positions = x.positions.double().cpu().numpy()
    molecules = []
    for index, n in enumerate(x.n_atoms.tolist()):
        (kept,) = np.nonzero(types[index, :n] < len(numbers))
        upper = np.triu(orders[index][np.ix_(kept, kept)], k=1)
        first, second = np.nonzero(upper)
        molecules.append(
            Molecule(
                elements=numbers[types[index, kept]],
                positions=positions[index, kept],
                formal_charges=charges[index, kept],
                bonds=np.stack([first, second], axis=1).astype(np.int32),
                orders=upper[first, second],
                id=ids[index] if ids is not None else str(index),
            )
        )
    return molecules
