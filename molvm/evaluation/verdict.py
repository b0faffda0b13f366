"""Everything the metrics need to know about one molecule."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.chem.molecule import Molecule
from molvm.chem.validity import is_strictly_valid, is_valid_and_connected
from molvm.evaluation.descriptors import Descriptors, describe
from molvm.evaluation.energy import mmff_energy
from molvm.evaluation.fragments import examine_fragments
from molvm.evaluation.stability import stable_atoms
from molvm.evaluation.valency_tables import ValencyTable, load_valency_table
from molvm.rewards.base import Outcome


@dataclass(frozen=True)
class Verdict:
    """One molecule, examined.

    Attributes:
        elements: Atomic numbers.
        stable_atoms: Atoms whose valency the data shows (FlowMol v3's convention).
        permissive_stable_atoms: Atoms whose valency MiDi's permissive table allows (FlowMol v0.1's convention).
        fragments: Number of fragments; 0 if it could not be split.
        largest_share: Atoms of the largest fragment over all atoms.
        largest_valid: Whether the largest fragment sanitises when implicit hydrogens may be added.
        strictly_valid: Whether all of it sanitises with no implicit hydrogen and no radical.
        strictly_valid_and_connected: Whether it is one fragment besides.
        smiles: Canonical SMILES if it is strictly valid and connected.
        energy: MMFF94 energy in kcal/mol, if asked for and there is one.
        descriptors: QED, logP and synthetic accessibility if it is strictly valid and connected.
        strain: What `Strain` said of it, if it was asked.
        posebusters: What each part of PoseBusters' tests said of it; empty if they were not asked.
    """

    elements: tuple[int, ...]
    stable_atoms: int
    permissive_stable_atoms: int
    fragments: int
    largest_share: float
    largest_valid: bool
    strictly_valid: bool
    strictly_valid_and_connected: bool
    smiles: str | None
    energy: float | None
    descriptors: Descriptors | None
    strain: Outcome | None = None
    posebusters: tuple[Outcome, ...] = ()

    @property
    def n_atoms(self) -> int:
        """The number of atoms."""
        return len(self.elements)


def examine(molecule: Molecule, table: ValencyTable, *, energies: bool = True) -> Verdict:
    """Examines one molecule.

    Args:
        molecule: May be broken in every way.
        table: The valencies that make an atom stable.
        energies: Whether to compute the MMFF94 energy.
    """
    fragments = examine_fragments(molecule)
    whole = is_valid_and_connected(molecule)
    return Verdict(
        elements=tuple(molecule.elements.tolist()),
        stable_atoms=int(stable_atoms(molecule, table).sum()),
        permissive_stable_atoms=int(stable_atoms(molecule, load_valency_table("midi")).sum()),
        fragments=fragments.count,
        largest_share=fragments.largest_share,
        largest_valid=fragments.largest_valid,
        strictly_valid=molecule.n_atoms > 0 and (whole or is_strictly_valid(molecule)),
        strictly_valid_and_connected=whole,
        smiles=molecule.smiles() if whole else None,
        energy=mmff_energy(molecule) if energies else None,
        descriptors=describe(molecule) if whole else None,
    )
