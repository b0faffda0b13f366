"""Total and atomisation energies of the relaxed molecule, from the xTB single point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from molvm.chem.free_atoms import free_atom_energy
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.units import EV_PER_HARTREE
from molvm.errors import EngineError, RewardError
from molvm.rewards.base import Direction
from molvm.rewards.computed import Computed, Details, factory
from molvm.rewards.stages import StageFailure

ENERGY_PER_ATOM_RANGE = (-10.0, 0.0)
"""Eh; valence electrons only: hydrogen has -0.4, fluorine -4.6, neon, the deepest, -5.9."""

LARGEST_ATOMISATION = 12.0
"""eV an atom. GFN2-xTB binds N2 and CO, the strongest there are, with 7.5 and 7.6 an atom (measured: 4.9 and 5.6)."""


MANY_ELEMENTS = 10
"""As many as a molecule has."""


@dataclass(frozen=True)
class EnergyPerAtom(Computed):
    """Energy of the relaxed molecule divided by its number of atoms, Eh; that of the valence electrons.

    It tells elements apart before anything else: fluorine lowers it, hydrogen raises it. A failure counts as the worst
    of a base batch.
    """

    name: str = "energy_per_atom"
    unit: str = "Eh"
    direction: Direction = "minimise"

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """Energy per atom in Eh.

        Raises:
            StageFailure: The engine failed, or the energy is out of range.
        """
        point = self.point(molecule, relaxation)
        value = point.electronic.energy / molecule.n_atoms
        return self.within(value, *ENERGY_PER_ATOM_RANGE), point.details()


@dataclass(frozen=True)
class AtomisationEnergy(Computed):
    """Energy to take the relaxed neutral molecule apart into free atoms, eV, without zero-point energy.

    The atoms are computed by the same method and engine, in the multiplicity of their ground states. xTB has no spin
    polarisation, which would lower them, so it binds too strongly, triple bonds most (N2: 15.0, measured 9.9; methane:
    22.0, measured 18.2). It grows with the molecule. When it is maximised, a failure counts as 0, else as the worst of
    a base batch.
    """

    name: str = "atomisation_energy"
    unit: str = "eV"
    floor: float | None = 0.0

    neutral_only: ClassVar[bool] = True
    smallest: ClassVar[float | None] = 0.0

    @property
    def time_limit(self) -> float:
        """Seconds that a molecule may take: its atoms may have to be computed too."""
        return super().time_limit + MANY_ELEMENTS * self.pipeline.time_limit * (self.pipeline.engine == "external")

    def measure(self, molecule: Molecule, relaxation: Relaxation) -> tuple[float, Details]:
        """Atomisation energy in eV.

        Raises:
            StageFailure: The engine failed, for the molecule or for an atom, or the energy is out of range.
        """
        point = self.point(molecule, relaxation)
        try:
            engine = self.pipeline.calculator()
            atoms = sum(free_atom_energy(engine, element) for element in molecule.elements.tolist())
        except EngineError as error:
            raise StageFailure("failed", "free atoms", str(error)) from error
        value = (atoms - point.electronic.energy) * EV_PER_HARTREE
        return self.within(value, 0.0, LARGEST_ATOMISATION * molecule.n_atoms), point.details()

    def check(self) -> None:
        """Refuse charges and solvents: free atoms have neither.

        Raises:
            RewardError: There is one.
        """
        super().check()
        if self.pipeline.solvent is not None:
            raise RewardError(
                f"The reward {self.name!r} is measured against atoms in vacuum, and the solvent is set to "
                f"{self.pipeline.solvent!r}.",
                remedy="no solvent",
            )


energy_per_atom, atomisation_energy = factory(EnergyPerAtom), factory(AtomisationEnergy)
