"""GFN-FF through the package `gfnff` (Spicher and Grimme, Angew. Chem. Int. Ed. 2020, 59, 15665).

It agrees with xtb to 1e-7 Eh but for sulfoxides, alkyl azides and some diazo compounds. Their π system first gets an
odd number of electrons, and the Hückel calculation is to be repeated with one less. xtb 6.5 does that only when it
prints in full, so its energy depends on its verbosity; gfnff always does it. The S=O bond of dimethyl sulfoxide comes
out at 1.475 Å here and at 1.534 Å with a silent xtb; measured are 1.485 Å. Dipoles of sulfoxides differ by some 0.45 D.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import Array, guard_finite, guard_input
from molvm.errors import EngineError

NAME = "gfnff"


class GFNFF:
    """GFN-FF for one molecule; the bonds are perceived from the positions given here, as the `xtb` program does.

    Args:
        elements: (n,) atomic numbers.
        positions: (n, 3) positions in a₀ from which the topology is made.
        charge: Total charge in elementary charges.

    Raises:
        EngineError: The force field cannot be set up for this geometry.
    """

    def __init__(self, elements: NDArray[np.uint8], positions: Array, charge: int = 0) -> None:
        from gfnff import GFNFFCalculator

        guard_input(NAME, elements, positions)
        self._elements = np.ascontiguousarray(elements, dtype=np.int32)
        try:
            self._calculator = GFNFFCalculator(self._elements, positions, charge=charge)
        except RuntimeError as error:
            raise EngineError(f"{NAME} cannot be set up for this geometry: {error}.") from error

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀.

        Raises:
            EngineError: The library failed or the result is not finite.
        """
        guard_input(NAME, self._elements.astype(np.uint8), positions)
        try:
            energy, gradient, _ = self._calculator.singlepoint(self._elements, positions)
        except RuntimeError as error:
            raise EngineError(f"{NAME} failed: {error}.") from error
        guard_finite(NAME, "energy and gradient", np.append(gradient, energy))
        return float(energy), gradient
