"""Polarisabilities of atoms in molecules by the D4 model, through the package `dftd4`.

The model (Caldeweyher et al., J. Chem. Phys. 2019, 150, 154122) interpolates between references of time-dependent DFT
by coordination numbers and by charges from electronegativity equilibration; no electronic structure is computed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import Array, guard_finite, guard_input
from molvm.errors import EngineError

NAME = "D4 (dftd4)"


def atomic_polarisabilities(elements: NDArray[np.uint8], positions: Array, charge: int) -> Array:
    """Static isotropic polarisability of each atom in its molecule.

    Args:
        elements: (n,) atomic numbers.
        positions: (n, 3) positions in a₀.
        charge: Total charge in elementary charges.

    Returns:
        (n,) polarisabilities in a₀³; their sum is the molecule's.

    Raises:
        EngineError: The model has no parameters for an element, atoms coincide, or the result is not finite.
    """
    from dftd4.interface import DispersionModel

    guard_input(NAME, elements, positions)
    try:
        model = DispersionModel(elements.astype(np.int32), positions, charge=float(charge))
        found: Array = np.asarray(model.get_properties()["polarizabilities"], dtype=np.float64)
    except RuntimeError as error:
        raise EngineError(f"{NAME} failed: {error}.") from error
    guard_finite(NAME, "polarisabilities", found)
    return found
