"""Are the valencies of the atoms ones that occur? The stability of FlowMol's papers, both conventions."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from molvm.chem.molecule import AROMATIC, Molecule
from molvm.evaluation.valency_tables import Convention, ValencyTable

# FlowMol v0.1 writes 1.5 into an integer tensor, so that an aromatic bond counts 1; v3 sums floats.
AROMATIC_WEIGHT: Final[dict[Convention, float]] = {"integer": 1.0, "float": 1.5}


def valencies(molecule: Molecule, convention: Convention = "float") -> npt.NDArray[np.float64]:
    """float64 (n,): the sum of the bond orders at every atom.

    Args:
        molecule: Whose atoms.
        convention: What an aromatic bond counts: "integer" 1 (FlowMol v0.1), "float" 1.5 (FlowMol v3).
    """
    orders = molecule.orders.astype(np.float64)
    orders[molecule.orders == AROMATIC] = AROMATIC_WEIGHT[convention]
    total = np.zeros(molecule.n_atoms)
    np.add.at(total, molecule.bonds[:, 0], orders)
    np.add.at(total, molecule.bonds[:, 1], orders)
    return total


def stable_atoms(molecule: Molecule, table: ValencyTable) -> npt.NDArray[np.bool_]:
    """Bool (n,): which atoms have a valency that the table allows for their element and formal charge."""
    atoms = zip(
        molecule.elements.tolist(),
        molecule.formal_charges.tolist(),
        valencies(molecule, table.convention).tolist(),
        strict=True,
    )
    return np.array([valency in table.valencies(number, charge) for number, charge, valency in atoms], dtype=bool)


def is_stable(molecule: Molecule, table: ValencyTable) -> bool:
    """Whether there is an atom and all atoms are stable."""
    return molecule.n_atoms > 0 and bool(stable_atoms(molecule, table).all())
