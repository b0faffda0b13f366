"""Bemis–Murcko scaffolds: rings and what links them."""

from __future__ import annotations

from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import sanitised


def scaffold_smiles(molecule: Molecule, *, generic: bool = False) -> str | None:
    """Canonical SMILES of a molecule's scaffold, or of the molecule itself if it has no ring.

    Bemis and Murcko, J. Med. Chem. 1996, 39, 2887.

    Args:
        molecule: With its bonds.
        generic: Whether all atoms become carbons and all bonds single.

    Returns:
        None for what RDKit cannot sanitise.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.Scaffolds.MurckoScaffold import MakeScaffoldGeneric

    mol = sanitised(molecule)
    if isinstance(mol, str):
        return None
    with rdBase.BlockLogs():
        found = Chem.RemoveHs(mol)
        Chem.RemoveStereochemistry(found)
        cyclic = found.GetRingInfo().NumRings() > 0
        if cyclic:
            found = Chem.MurckoDecompose(found)
        if generic:
            found = MakeScaffoldGeneric(found)  # type: ignore[no-untyped-call]
        if cyclic and generic:
            # What was a doubly bonded oxygen on a ring has become a side chain.
            found = Chem.MurckoDecompose(found)
        return str(Chem.MolToSmiles(found))
