"""To and from `ase.Atoms`. It needs the extra `ase`.

ASE has positions and elements and no bonds, so on the way back bonds are perceived.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from molvm.chem.molecule import Molecule, require_molecule
from molvm.errors import ConfigError, InteropError, MissingDependencyError

if TYPE_CHECKING:
    from ase import Atoms

Perception = Literal["rdkit", "openbabel"]


def to_ase(molecule: Molecule) -> Atoms:
    """The atoms of a molecule, without its bonds.

    Formal charges become initial charges, whose sum calculators take as the total charge; `info` has the total `charge`
    and, where there is one, the `name`.

    Args:
        molecule: Its positions in ångström, which is ASE's unit too.

    Raises:
        MissingDependencyError: ASE is not installed.
        MoleculeError: It is no `Molecule`.
    """
    require_molecule(molecule, "to_ase")
    try:
        from ase import Atoms
    except ImportError as error:
        raise MissingDependencyError("ase", "ase", "Making ase.Atoms") from error
    return Atoms(
        numbers=molecule.elements.astype(int),
        positions=np.array(molecule.positions),
        charges=molecule.formal_charges.astype(float),
        info={"charge": molecule.charge, **({"name": molecule.id} if molecule.id else {})},
    )


def from_ase(
    atoms: Atoms, *, bonds: Perception = "rdkit", charge: int | None = None, id: str | None = None
) -> Molecule:
    """The molecule that these atoms make, kekulised.

    Args:
        atoms: Not periodic, hydrogens included.
        bonds: Who perceives the bonds; `openbabel` needs the extra `obabel`.
        charge: Total charge; by default `info["charge"]`, else the sum of the initial charges.
        id: What to call it; by default `info["name"]`.

    Raises:
        InteropError: The atoms are periodic, or their total charge is no whole number.
        MoleculeError: No bonds are found with that total charge.
        ConfigError: `bonds` is neither of the two.
        MissingDependencyError: Open Babel is not installed.
    """
    if bool(np.any(atoms.pbc)):
        raise InteropError(
            "The ase.Atoms are periodic.", allowed="a molecule in open space", remedy="atoms.pbc = False"
        )
    name = str(atoms.info.get("name", "")) if id is None else id
    total = _total_charge(atoms) if charge is None else charge
    if bonds == "rdkit":
        from molvm.chem.perception import perceive_bonds
    elif bonds == "openbabel":
        from molvm.interop.openbabel import perceive_bonds
    else:
        raise ConfigError(f"Bonds cannot be perceived by {bonds!r}.", allowed="rdkit, openbabel")
    return perceive_bonds(atoms.numbers, atoms.positions, charge=total, id=name)


def _total_charge(atoms: Atoms) -> int:
    stated = atoms.info.get("charge", atoms.get_initial_charges().sum())
    try:
        given = float(stated)
    except (TypeError, ValueError):
        given = math.nan
    # Partial charges of a file sum to a whole number but for rounding.
    if not abs(given - np.rint(given)) <= 0.01:
        raise InteropError(
            f"The total charge of the ase.Atoms is {stated!r}.", allowed="a whole number", remedy="charge=..."
        )
    return int(np.rint(given))
