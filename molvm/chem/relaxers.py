"""The ways to relax a molecule, by name."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from molvm.chem.engines.base import ForceField
from molvm.chem.engines.external import External, ExternalForceField
from molvm.chem.engines.mmff import MMFF
from molvm.chem.engines.tblite import TBLiteForceField
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, Relaxation, relax, relax_on
from molvm.chem.topology import changed_bonds
from molvm.chem.units import ANGSTROM_PER_BOHR

RelaxationMethod = Literal["none", "mmff", "gfnff", "gfn2", "external"]

RELAXATION_METHODS: tuple[RelaxationMethod, ...] = get_args(RelaxationMethod)


@dataclass(frozen=True)
class Relaxer:
    """Relaxes molecules in vacuum.

    Args:
        method: "gfnff" or "mmff" (MMFF94): from the given geometry. "gfn2", or "external" by a program: from the
            GFN-FF minimum, or from the given geometry where that has the lower energy. "none": the geometry as it is;
            only its bonds are checked.
        criteria: When to stop; all methods stop at the same.
        charge: Total charge in elementary charges; None for the sum of the formal charges. MMFF94 knows only those.
        unpaired: Number of unpaired electrons; for GFN2 alone.
        engine: The program of "external".
    """

    method: RelaxationMethod = "gfnff"
    criteria: Criteria = field(default_factory=Criteria)
    charge: int | None = None
    unpaired: int = 0
    engine: External | None = None

    def __call__(self, molecule: Molecule) -> Relaxation:
        """The relaxation, converged or not; look at `converged` and `changed_bonds`.

        Raises:
            EngineError: The method has no parameters for the molecule, or failed on the way.
        """
        if self.method == "none":
            return unrelaxed(molecule)
        if self.method == "gfnff":
            return relax(molecule, self.criteria, self.charge)
        started = time.perf_counter()
        if self.method == "mmff":
            return relax_on(MMFF(molecule), molecule, self.criteria, started=started)
        rough = relax(molecule, self.criteria, self.charge).positions / ANGSTROM_PER_BOHR
        return relax_on(self.surface(molecule), molecule, self.criteria, rough, started)

    def surface(self, molecule: Molecule) -> ForceField:
        """The energies of GFN2-xTB, or of the program.

        Raises:
            EngineError: The molecule cannot be set up.
        """
        total = molecule.charge if self.charge is None else self.charge
        if self.engine is not None:
            return ExternalForceField(self.engine, molecule.elements, total)
        start = molecule.positions / ANGSTROM_PER_BOHR
        return TBLiteForceField(molecule.elements, start, total, "gfn2", self.unpaired)


def unrelaxed(molecule: Molecule) -> Relaxation:
    """The geometry as it is: converged after no step, its energy and gradient not a number."""
    return Relaxation(
        positions=np.array(molecule.positions),
        start_energy=math.nan,
        energy=math.nan,
        gradient_norm=math.nan,
        converged=True,
        n_steps=0,
        changed_bonds=tuple(changed_bonds(molecule, molecule.positions)),
        seconds=0.0,
    )
