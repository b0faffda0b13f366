"""MMFF94 through RDKit (Halgren, J. Comput. Chem. 1996, 17, 490), for molecules that RDKit can sanitise.

The force field reads the bond graph, so it needs no charge and cannot break a bond. It is in vacuum, without a cutoff.
"""

from __future__ import annotations

import numpy as np

from molvm.chem.engines.base import Array, guard_finite
from molvm.chem.molecule import Molecule
from molvm.chem.units import ANGSTROM_PER_BOHR, KCAL_PER_MOL_PER_HARTREE
from molvm.errors import EngineError

NAME = "MMFF94 (RDKit)"


class MMFF:
    """MMFF94 for one molecule.

    Args:
        molecule: With all its hydrogens.

    Raises:
        EngineError: RDKit cannot build it, or MMFF94 has no parameters for it.
    """

    def __init__(self, molecule: Molecule) -> None:
        from rdkit import rdBase
        from rdkit.Chem import rdForceFieldHelpers

        from molvm.chem.rdkit_bridge import sanitised

        mol = sanitised(molecule)
        if isinstance(mol, str):
            raise EngineError(f"{NAME} was given a molecule that RDKit cannot build: {mol}.")
        with rdBase.BlockLogs():
            properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
            field = None if properties is None else rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties)
        if field is None:
            raise EngineError(f"{NAME} has no parameters for an atom of this molecule.")
        self._mol, self._field = mol, field

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀.

        Raises:
            EngineError: The result is not finite.
        """
        guard_finite(NAME, "positions", positions)
        where = (positions * ANGSTROM_PER_BOHR).ravel().tolist()
        energy = self._field.CalcEnergy(where) / KCAL_PER_MOL_PER_HARTREE
        slope = np.array(self._field.CalcGrad(where)).reshape(-1, 3)
        gradient: Array = slope * (ANGSTROM_PER_BOHR / KCAL_PER_MOL_PER_HARTREE)
        guard_finite(NAME, "energy and gradient", np.append(gradient, energy))
        return float(energy), gradient
