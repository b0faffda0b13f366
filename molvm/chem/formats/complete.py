"""Complete what files leave out: hydrogens and three-dimensional positions."""

from __future__ import annotations

from rdkit import Chem, rdBase

from molvm.chem.embed import embed
from molvm.chem.molecule import Molecule
from molvm.chem.validity import MAX_ATOMS
from molvm.errors import MoleculeError

EMBEDDING_SEED = 20_250
"""Fixed, so that the same file gives the same positions."""

EMBEDDING_SECONDS = 30
"""How long RDKit may look for a conformer."""


def completed(mol: Chem.Mol, *, name: str, properties: dict[str, str]) -> Molecule:
    """A molecule with all its hydrogens and three-dimensional positions.

    Hydrogens that the file implies are added, next to given positions where they are three-dimensional; otherwise the
    molecule is embedded by ETKDG (Riniker and Landrum, J. Chem. Inf. Model. 2015, 55, 2562).

    Args:
        mol: As parsed, not necessarily sanitised.
        name: What to call it.
        properties: The fields of its record.

    Raises:
        MoleculeError: It is too large, cannot be sanitised though it needs positions, or cannot be embedded.
    """
    if mol.GetNumAtoms() == 0:
        raise MoleculeError("There are no atoms.")
    if mol.GetNumAtoms() > MAX_ATOMS:
        raise MoleculeError(f"{mol.GetNumAtoms()} atoms, more than {MAX_ATOMS}.")
    with rdBase.BlockLogs():
        spatial = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
        if not spatial:
            mol = _embedded(mol)
        else:
            mol.UpdatePropertyCache(strict=False)
            if any(atom.GetTotalNumHs() for atom in mol.GetAtoms()):
                # Where the hydrogens go depends on the hybridisation, which only sanitisation finds.
                mol = Chem.AddHs(_sanitised(mol), addCoords=True)
    if mol.GetNumAtoms() > MAX_ATOMS:
        raise MoleculeError(f"{mol.GetNumAtoms()} atoms with hydrogens, more than {MAX_ATOMS}.")
    return Molecule.from_rdkit(mol, id=name, properties=properties)


def _sanitised(mol: Chem.Mol) -> Chem.Mol:
    try:
        Chem.SanitizeMol(mol)
    except (ValueError, RuntimeError) as error:
        raise MoleculeError(f"RDKit cannot sanitise it: {error}") from error
    return mol


def _embedded(mol: Chem.Mol) -> Chem.Mol:
    mol = Chem.AddHs(_sanitised(mol))
    if mol.GetNumAtoms() > MAX_ATOMS:
        raise MoleculeError(f"{mol.GetNumAtoms()} atoms with hydrogens, more than {MAX_ATOMS}.")
    if embed(mol, EMBEDDING_SEED, seconds=EMBEDDING_SECONDS):
        return mol
    raise MoleculeError("RDKit finds no three-dimensional positions for it.")
