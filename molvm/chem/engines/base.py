"""What an engine is, and the guard that every engine puts before its library.

The libraries abort the process on impossible atomic numbers and answer some broken geometries with numbers, so an
engine checks what it passes on and what comes back, even though rewards gate their molecules as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from molvm.chem.validity import MAX_XTB_ELEMENT
from molvm.errors import EngineError

Array = NDArray[np.float64]

Method = Literal["gfn1", "gfn2"]
"""GFN1-xTB (Grimme, Bannwarth, Shushkov, J. Chem. Theory Comput. 2017, 13, 1989) and GFN2-xTB (Bannwarth, Ehlert,
Grimme, ibid. 2019, 15, 1652)."""

METHODS: tuple[Method, ...] = get_args(Method)

METHOD_NAMES: dict[Method, str] = {"gfn1": "GFN1-xTB", "gfn2": "GFN2-xTB"}


class ForceField(Protocol):
    """A force field that was set up for one molecule."""

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀.

        Raises:
            EngineError: The library failed or the result is not finite.
        """


@dataclass(frozen=True, eq=False)
class Electronic:
    """The result of a single point.

    Args:
        energy: Total energy, Eh.
        dipole: (3,) dipole moment, e·a₀.
        gap: Gap between the highest occupied and the lowest empty orbital, Eh; nan when there is no empty one.
        homo: Energy of the highest occupied orbital, Eh; nan when there is none.
        lumo: Energy of the lowest empty orbital, Eh; nan when there is none.
    """

    energy: float
    dipole: Array
    gap: float
    homo: float = math.nan
    lumo: float = math.nan


class SinglePoint(Protocol):
    """An electronic-structure method."""

    @property
    def name(self) -> str:
        """The method and the library."""

    def __call__(self, elements: NDArray[np.uint8], positions: Array, charge: int) -> Electronic:
        """The electronic structure of one molecule.

        Args:
            elements: (n,) atomic numbers.
            positions: (n, 3) positions in a₀.
            charge: Total charge in elementary charges.

        Raises:
            EngineError: The method did not converge, the library failed or the result is not finite.
        """


def guard_input(engine: str, elements: NDArray[np.uint8], positions: Array) -> None:
    """Turn away what a library would crash on.

    Raises:
        EngineError: No atoms, an element without parameters, shapes that do not fit, positions that are not finite.
    """
    if len(elements) == 0 or positions.shape != (len(elements), 3):
        raise EngineError(
            f"{engine} was given {len(elements)} elements and positions of shape {positions.shape}.",
            allowed="at least one atom, and positions (n, 3)",
        )
    if elements.min() < 1 or elements.max() > MAX_XTB_ELEMENT:
        raise EngineError(
            f"{engine} has no parameters for an element.", allowed=f"atomic numbers 1 to {MAX_XTB_ELEMENT}"
        )
    guard_finite(engine, "positions", positions)


def guard_finite(engine: str, quantity: str, values: Array | float) -> None:
    """Turn away a quantity that is not finite.

    Raises:
        EngineError: It is not.
    """
    if not bool(np.isfinite(values).all()):
        raise EngineError(f"The {quantity} of {engine} are not finite.")


def frontier_orbitals(energies: Array, occupations: Array, unpaired: int = 0) -> tuple[float, float]:
    """The energies of the highest occupied and the lowest empty orbital; nan for one that is not there.

    Args:
        energies: (k,) orbital energies, ascending.
        occupations: (k,) occupations from 0 to 2; more than 1 counts as occupied.
        unpaired: Number of unpaired electrons; with some, more than 1/2 counts as occupied, so that the orbital of an
            unpaired electron does.
    """
    occupied = occupations > (0.5 if unpaired else 1.0)
    homo = float(energies[occupied].max()) if bool(occupied.any()) else math.nan
    lumo = float(energies[~occupied].min()) if not bool(occupied.all()) else math.nan
    return homo, lumo


def frontier_gap(energies: Array, occupations: Array) -> float:
    """The gap of a closed shell in the units of the (k,) orbital energies; nan when an orbital is missing.

    Args:
        energies: (k,) orbital energies, ascending.
        occupations: (k,) occupations from 0 to 2; more than 1 counts as occupied.
    """
    homo, lumo = frontier_orbitals(energies, occupations)
    return lumo - homo


def electronic(
    engine: str, energy: float, dipole: Array, orbitals: tuple[Array, Array], unpaired: int = 0
) -> Electronic:
    """What a library answered, checked.

    Args:
        engine: Its name, for the message.
        energy: Total energy, Eh.
        dipole: (3,) dipole moment, e·a₀.
        orbitals: (k,) orbital energies, Eh, and (k,) occupations from 0 to 2.
        unpaired: Number of unpaired electrons.

    Raises:
        EngineError: The energy or the dipole is not finite.
    """
    guard_finite(engine, "energy and dipole", np.append(dipole, energy))
    homo, lumo = frontier_orbitals(*orbitals, unpaired)
    return Electronic(energy, dipole, lumo - homo, homo, lumo)
