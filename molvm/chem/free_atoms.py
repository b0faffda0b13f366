"""Energies of free atoms, what atomisation energies are measured against."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from molvm.chem.engines.external import External
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBPython

UNPAIRED = (
    1, 0,
    1, 0, 1, 2, 3, 2, 1, 0,
    1, 0, 1, 2, 3, 2, 1, 0,
    1, 0, 1, 2, 3, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0,
    1, 0, 1, 2, 5, 6, 5, 4, 3, 0, 1, 0, 1, 2, 3, 2, 1, 0,
    1, 0, *[1] * 15, 2, 3, 4, 5, 4, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0,
)  # fmt: skip
"""Unpaired electrons of the neutral atoms' ground states, hydrogen to radon (NIST Atomic Spectra Database). The xTB
methods keep the f electrons of lanthanides in the core, so that these have the three valence electrons of lanthanum."""


@lru_cache(maxsize=1024)
def free_atom_energy(engine: TBLite | XTBPython | External, element: int) -> float:
    """Energy of one neutral atom in its ground state in Eh, computed once a process.

    Args:
        engine: The method and the library; its number of unpaired electrons is that of the atom (`UNPAIRED`).
        element: Atomic number.

    Raises:
        EngineError: The engine failed.
    """
    atom = replace(engine, unpaired=UNPAIRED[element - 1])
    return atom(np.array([element], dtype=np.uint8), np.zeros((1, 3)), 0).energy
