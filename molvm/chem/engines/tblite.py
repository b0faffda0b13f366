"""GFN2-xTB through the package `tblite` (Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 2019, 15, 1652)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import Array, Electronic, frontier_gap, guard_finite, guard_input
from molvm.errors import EngineError


@dataclass(frozen=True)
class TBLite:
    """GFN2-xTB single points by tblite."""

    name: str = "GFN2-xTB (tblite)"

    def __call__(self, elements: NDArray[np.uint8], positions: Array, charge: int) -> Electronic:
        """The electronic structure of one closed-shell molecule.

        Args:
            elements: (n,) atomic numbers.
            positions: (n, 3) positions in a₀.
            charge: Total charge in elementary charges.

        Raises:
            EngineError: The self-consistent field did not converge, or the result is not finite.
        """
        from tblite.exceptions import TBLiteRuntimeError, TBLiteValueError
        from tblite.interface import Calculator

        guard_input(self.name, elements, positions)
        try:
            calculator = Calculator("GFN2-xTB", elements.astype(np.int32), positions, charge=float(charge))
            calculator.set("verbosity", 0)
            result = calculator.singlepoint()
            energy, dipole = float(result.get("energy")), np.asarray(result.get("dipole"), dtype=np.float64)
            gap = frontier_gap(result.get("orbital-energies"), result.get("orbital-occupations"))
        except (TBLiteRuntimeError, TBLiteValueError) as error:
            raise EngineError(f"{self.name} failed: {error}.") from error
        guard_finite(self.name, "energy and dipole", np.append(dipole, energy))
        return Electronic(energy, dipole, gap)
