"""GFN1-xTB, GFN2-xTB and GFN-FF through the package `xtb` (xtb-python): the cross-check of the other engines.

Its interface has the solvation model GBSA alone, not ALPB, and no electric field.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import METHOD_NAMES, Array, Electronic, Method, electronic, guard_finite, guard_input
from molvm.chem.engines.quiet import private_directory, silenced
from molvm.errors import EngineError, MissingDependencyError


def _interface() -> Any:
    """The module `xtb.interface`.

    Raises:
        MissingDependencyError: The package is not installed; it has wheels for Python 3.11 and older only.
    """
    # Otherwise what Fortran printed into its buffer while silenced comes out when the process ends. Read once, when
    # the library is loaded.
    os.environ.setdefault("GFORTRAN_UNBUFFERED_PRECONNECTED", "y")
    try:
        from xtb import interface
    except ImportError as error:
        raise MissingDependencyError("xtb", "xtb", "The engine 'xtb'") from error
    return interface


@dataclass(frozen=True)
class XTBPython:
    """Single points by xtb-python.

    Args:
        method: The Hamiltonian.
        unpaired: Number of unpaired electrons.
    """

    method: Method = "gfn2"
    unpaired: int = 0

    @property
    def name(self) -> str:
        """The method and the library."""
        return f"{METHOD_NAMES[self.method]} (xtb-python)"

    def __call__(self, elements: NDArray[np.uint8], positions: Array, charge: int) -> Electronic:
        """The electronic structure of one molecule.

        Args:
            elements: (n,) atomic numbers.
            positions: (n, 3) positions in a₀.
            charge: Total charge in elementary charges.

        Raises:
            EngineError: The self-consistent field did not converge, or the result is not finite.
            MissingDependencyError: The package `xtb` is not installed.
        """
        xtb = _interface()
        guard_input(self.name, elements, positions)
        parameters = {"gfn1": xtb.Param.GFN1xTB, "gfn2": xtb.Param.GFN2xTB}[self.method]
        try:
            calculator = xtb.Calculator(
                parameters, elements.astype(np.int32), positions, charge=float(charge), uhf=self.unpaired
            )
            calculator.set_verbosity("muted")
            result = calculator.singlepoint()
            energy, dipole = float(result.get_energy()), np.asarray(result.get_dipole(), dtype=np.float64)
            orbitals = result.get_orbital_eigenvalues(), result.get_orbital_occupations()
        except xtb.XTBException as error:
            raise EngineError(f"{self.name} failed: {error}.") from error
        return electronic(self.name, energy, dipole, orbitals, self.unpaired)


class XTBForceField:
    """GFN-FF by xtb-python for one molecule.

    The library prints although it is muted and writes its topology into the working directory, so every call is
    silenced and made in a directory of its own.

    Args:
        elements: (n,) atomic numbers.
        positions: (n, 3) positions in a₀ from which the topology is made.
        charge: Total charge in elementary charges.

    Raises:
        EngineError: The force field cannot be set up for this geometry.
        MissingDependencyError: The package `xtb` is not installed.
    """

    name = "GFN-FF (xtb-python)"

    def __init__(self, elements: NDArray[np.uint8], positions: Array, charge: int = 0) -> None:
        self._xtb = _interface()
        guard_input(self.name, elements, positions)
        self._elements = np.array(elements)
        try:
            with silenced(), private_directory():
                self._calculator = self._xtb.Calculator(
                    self._xtb.Param.GFNFF, elements.astype(np.int32), positions, charge=float(charge)
                )
                self._calculator.set_verbosity("muted")
        except self._xtb.XTBException as error:
            raise EngineError(f"{self.name} cannot be set up for this geometry: {error}.") from error

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀.

        Raises:
            EngineError: The library failed or the result is not finite.
        """
        guard_input(self.name, self._elements, positions)
        try:
            with silenced(), private_directory():
                self._calculator.update(positions)
                result = self._calculator.singlepoint()
            energy, gradient = float(result.get_energy()), np.asarray(result.get_gradient(), dtype=np.float64)
        except self._xtb.XTBException as error:
            raise EngineError(f"{self.name} failed: {error}.") from error
        guard_finite(self.name, "energy and gradient", np.append(gradient, energy))
        return energy, gradient
