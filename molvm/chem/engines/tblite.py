"""GFN1-xTB and GFN2-xTB through the package `tblite`, in vacuum, in a solvent or in an electric field.

Open shells are restricted: the unpaired electrons fill the next orbitals, without spin polarisation, as in the `xtb`
program. Orbitals are filled at tblite's default electronic temperature of 300 K, whose entropy is in the energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines import tblite_library
from molvm.chem.engines.base import METHOD_NAMES, Array, Electronic, Method, electronic, guard_finite, guard_input
from molvm.errors import EngineError

ALPB_SOLVENTS = (
    "acetone",
    "acetonitrile",
    "aniline",
    "benzaldehyde",
    "benzene",
    "ch2cl2",
    "chcl3",
    "cs2",
    "dioxane",
    "dmf",
    "dmso",
    "ethanol",
    "ether",
    "ethylacetate",
    "furane",
    "hexadecane",
    "hexane",
    "methanol",
    "nitromethane",
    "octanol",
    "phenol",
    "thf",
    "toluene",
    "water",
    "woctanol",
)
"""What ALPB is parametrised for (Ehlert, Stahn, Spicher, Grimme, J. Chem. Theory Comput. 2021, 17, 4250); `woctanol` is
octanol saturated with water."""

GRADIENT_ACCURACY = 0.1
"""Of tblite's thresholds, for energies that a minimiser compares to 1e-6 Eh."""


@dataclass(frozen=True)
class TBLite:
    """Single points by tblite.

    Args:
        method: The Hamiltonian.
        solvent: One of `ALPB_SOLVENTS`, or None for vacuum.
        unpaired: Number of unpaired electrons.
        field: Electric field in atomic units (Eh/(e·a₀)), or None.
    """

    method: Method = "gfn2"
    solvent: str | None = None
    unpaired: int = 0
    field: tuple[float, float, float] | None = None

    @property
    def name(self) -> str:
        """The method and the library."""
        return f"{METHOD_NAMES[self.method]} (tblite)"

    def __call__(self, elements: NDArray[np.uint8], positions: Array, charge: int) -> Electronic:
        """The electronic structure of one molecule.

        Args:
            elements: (n,) atomic numbers.
            positions: (n, 3) positions in a₀.
            charge: Total charge in elementary charges.

        Raises:
            EngineError: The self-consistent field did not converge, or the result is not finite.
        """
        guard_input(self.name, elements, positions)
        try:
            result = self._calculator(elements, positions, charge).singlepoint()
            energy, dipole = float(result.get("energy")), np.asarray(result.get("dipole"), dtype=np.float64)
            orbitals = result.get("orbital-energies"), result.get("orbital-occupations")
        except tblite_library.failures() as error:
            raise EngineError(f"{self.name} failed: {error}.") from error
        return electronic(self.name, energy, dipole, orbitals, self.unpaired)

    def _calculator(self, elements: NDArray[np.uint8], positions: Array, charge: int) -> Any:
        calculator = tblite_library.interface().Calculator(
            METHOD_NAMES[self.method], elements.astype(np.int32), positions, charge=float(charge), uhf=self.unpaired
        )
        calculator.set("verbosity", 0)
        if self.solvent is not None:
            calculator.add("alpb-solvation", self.solvent)
        if self.field is not None:
            # A list: tblite 0.8 hands it to C as it is, and an array would not do.
            calculator.add("electric-field", list(self.field))
        return calculator


class TBLiteForceField:
    """Energies and gradients of one molecule by tblite in vacuum; each starts from the density of the one before.

    Args:
        elements: (n,) atomic numbers.
        positions: (n, 3) positions in a₀.
        charge: Total charge in elementary charges.
        method: The Hamiltonian.
        unpaired: Number of unpaired electrons.

    Raises:
        EngineError: The molecule cannot be set up.
    """

    def __init__(
        self, elements: NDArray[np.uint8], positions: Array, charge: int, method: Method = "gfn2", unpaired: int = 0
    ) -> None:
        engine = TBLite(method, unpaired=unpaired)
        self.name, self._elements = engine.name, elements
        guard_input(self.name, elements, positions)
        try:
            self._calculator = engine._calculator(elements, positions, charge)
            self._calculator.set("accuracy", GRADIENT_ACCURACY)
        except tblite_library.failures() as error:
            raise EngineError(f"{self.name} cannot be set up: {error}.") from error
        self._result: Any = None

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀.

        Raises:
            EngineError: The self-consistent field did not converge, or the result is not finite.
        """
        guard_input(self.name, self._elements, positions)
        try:
            self._calculator.update(positions)
            self._result = self._calculator.singlepoint(self._result)
            energy = float(self._result.get("energy"))
            gradient = np.array(self._result.get("gradient"), dtype=np.float64)
        except tblite_library.failures() as error:
            raise EngineError(f"{self.name} failed: {error}.") from error
        guard_finite(self.name, "energy and gradient", np.append(gradient, energy))
        return energy, gradient
