"""MMFF94 energies, their histogram and its distance from another, as FlowMol's papers report them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdForceFieldHelpers
from scipy.spatial import distance

from molvm.chem.molecule import Molecule
from molvm.errors import EvaluationError, MoleculeError
from molvm.evaluation.fragments import permissive

# FlowMol's histogram: numpy.linspace(-200, 500, 200), kcal/mol.
ENERGY_EDGES: Final = np.linspace(-200.0, 500.0, 200)


def mmff_energy(molecule: Molecule) -> float | None:
    """MMFF94 energy in kcal/mol of the molecule as it stands, fragments interacting.

    The force field is only asked where RDKit sanitises the whole molecule, because it may not return on less.

    Returns:
        The energy, or None if the molecule does not sanitise, has an atom type MMFF94 lacks or no finite energy.
    """
    if not np.all(np.isfinite(molecule.positions)):
        return None
    with rdBase.BlockLogs():
        try:
            mol = permissive(molecule)
            Chem.SanitizeMol(mol)
            properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, mmffVariant="MMFF94")
            if properties is None:
                return None
            field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties, ignoreInterfragInteractions=False)
            energy = None if field is None else float(field.CalcEnergy())
        except (MoleculeError, ValueError, RuntimeError):
            return None
    return energy if energy is not None and math.isfinite(energy) else None


def energy_histogram(energies: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """float64 (199,): shares of the energies (kcal/mol) in the bins of `ENERGY_EDGES`, of those within its range.

    Raises:
        EvaluationError: No energy lies within the range.
    """
    counts, _ = np.histogram(np.asarray(energies, dtype=np.float64), bins=ENERGY_EDGES)
    if not counts.sum():
        raise EvaluationError("No energy lies within the histogram.", allowed="-200 to 500 kcal/mol")
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares


def energy_divergence(energies: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Jensen-Shannon distance (the square root of the divergence in nats) of energies from a reference histogram.

    Args:
        energies: Energies of the samples, kcal/mol.
        reference: (199,), shares as from `energy_histogram`.

    Raises:
        EvaluationError: No energy lies within the range, or the reference has other bins.
    """
    target = np.asarray(reference, dtype=np.float64)
    if target.shape != (len(ENERGY_EDGES) - 1,):
        raise EvaluationError(
            f"The reference histogram has shape {target.shape}.", allowed=f"({len(ENERGY_EDGES) - 1},)"
        )
    return float(distance.jensenshannon(energy_histogram(energies), target))
