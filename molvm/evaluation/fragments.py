"""Fragments, and the permissive validity of FlowMol's papers: does the largest fragment sanitise?"""

from __future__ import annotations

from dataclasses import dataclass

from rdkit import Chem, rdBase

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError


@dataclass(frozen=True)
class FragmentReport:
    """What a molecule falls into.

    Attributes:
        count: Number of fragments; 0 without atoms or with an atom that is no element.
        largest_share: Atoms of the largest fragment over all atoms; 0 if there are no fragments.
        largest_valid: Whether the largest fragment sanitises and has a SMILES; see `permissive`.
    """

    count: int
    largest_share: float
    largest_valid: bool


def permissive(molecule: Molecule) -> Chem.RWMol:
    """The molecule in RDKit, not sanitised, its atoms free to take implicit hydrogens.

    FlowMol builds its molecules so. Sanitising then fills open valences silently: an atom that lacks a bond is still
    "valid". Use `molvm.chem.validity.is_strictly_valid` for the honest question.

    Raises:
        MoleculeError: An atomic number is outside 1 to 118.
    """
    mol = molecule.to_rdkit()
    for atom in mol.GetAtoms():
        atom.SetNoImplicit(False)
    return mol


def examine_fragments(molecule: Molecule) -> FragmentReport:
    """Splits without sanitising, then sanitises the fragment with the most atoms, the first of several.

    As in FlowMol; any failure counts as invalid (v3; v0.1 gives up on failures other than of valence and
    kekulisation, and agrees where it does not).
    """
    with rdBase.BlockLogs():
        try:
            fragments = Chem.GetMolFrags(permissive(molecule), asMols=True, sanitizeFrags=False)
        except (MoleculeError, ValueError, RuntimeError):
            return FragmentReport(0, 0.0, largest_valid=False)
        if not fragments:
            return FragmentReport(0, 0.0, largest_valid=False)
        largest = max(fragments, key=lambda fragment: int(fragment.GetNumAtoms()))
        share = largest.GetNumAtoms() / molecule.n_atoms
        return FragmentReport(len(fragments), share, largest_valid=_sanitises(largest))


def _sanitises(mol: Chem.Mol) -> bool:
    try:
        Chem.SanitizeMol(mol)
        Chem.MolToSmiles(mol)
    except (ValueError, RuntimeError):
        return False
    return True
