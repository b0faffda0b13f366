"""From elements and positions to bonds and formal charges, by RDKit's rdDetermineBonds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError

BOND_ORDER_ITERATIONS = 20_000
"""How many assignments of bond orders RDKit may try."""


def perceive_bonds(elements: ArrayLike, positions: ArrayLike, *, charge: int = 0, id: str = "") -> Molecule:
    """The kekulised molecule that these atoms make.

    Args:
        elements: (n,) atomic numbers, hydrogens included.
        positions: (n, 3) positions in ångström.
        charge: Total charge in elementary charges.
        id: What to call it.

    Raises:
        MoleculeError: The arrays are no atoms, or RDKit finds no bond orders with that total charge.
    """
    atoms = unbonded(elements, positions, id=id)
    with rdBase.BlockLogs():
        molecule = Molecule.from_rdkit(determine_bonds(atoms.to_rdkit(), charge, id), id=id)
    if molecule.n_atoms == 1:
        # There was nothing to perceive, and RDKit leaves the charge out.
        return replace(molecule, formal_charges=np.array([charge], dtype=np.int8))
    if molecule.charge != charge:
        raise MoleculeError(
            f"The bonds that RDKit finds for {id!r} go with the total charge {molecule.charge:+d}, not {charge:+d}.",
            remedy="another total charge, or the bonds of another program",
        )
    return molecule


def unbonded(elements: ArrayLike, positions: ArrayLike, *, id: str = "") -> Molecule:
    """Atoms without bonds and formal charges.

    Args:
        elements: (n,) atomic numbers.
        positions: (n, 3) positions in ångström.
        id: What to call them.

    Raises:
        MoleculeError: The arrays do not fit together, hold no atom, or positions that are not finite.
    """
    # As plain numbers, of which numpy refuses those that do not fit; those in an array it would wrap around.
    numbers: Any = np.asarray(elements).tolist()
    if not numbers:
        raise MoleculeError(f"The molecule {id!r} has no atoms.", allowed="at least one")
    atoms = Molecule(
        elements=numbers,
        positions=np.asarray(positions),
        formal_charges=np.zeros(len(numbers), dtype=np.int8),
        bonds=np.zeros((0, 2), dtype=np.int32),
        orders=np.zeros(0, dtype=np.uint8),
        id=id,
    )
    if not bool(np.isfinite(atoms.positions).all()):
        raise MoleculeError(f"The molecule {id!r} has positions that are not finite.", allowed="finite numbers of Å")
    return atoms


def determine_bonds(mol: Chem.RWMol, charge: int, id: str) -> Chem.RWMol:
    """The same RDKit molecule with kekulised bonds and formal charges.

    Args:
        mol: Atoms with one conformer; changed in place.
        charge: Total charge in elementary charges.
        id: What to call it in messages.

    Raises:
        MoleculeError: RDKit finds no bond orders with that total charge.
    """
    try:
        rdDetermineBonds.DetermineBonds(mol, charge=charge, maxIterations=BOND_ORDER_ITERATIONS)
        Chem.Kekulize(mol, clearAromaticFlags=True)
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MoleculeError(
            f"RDKit finds no bonds for {id!r} with total charge {charge:+d}: {reason}",
            remedy="another total charge, or the bonds of another program",
        ) from error
    return mol
