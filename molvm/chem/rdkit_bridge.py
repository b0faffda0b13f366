"""To RDKit and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rdkit import Chem, rdBase

from molvm.chem.molecule import AROMATIC, DOUBLE, MAX_ATOMIC_NUMBER, SINGLE, TRIPLE, Molecule
from molvm.errors import MoleculeError

_TYPE_OF_ORDER = {
    SINGLE: Chem.BondType.SINGLE,
    DOUBLE: Chem.BondType.DOUBLE,
    TRIPLE: Chem.BondType.TRIPLE,
    AROMATIC: Chem.BondType.AROMATIC,
}
_ORDER_OF_TYPE = {kind: order for order, kind in _TYPE_OF_ORDER.items()}


def to_rdkit(molecule: Molecule) -> Chem.RWMol:
    """The molecule in RDKit: explicit hydrogens only, one conformer, not sanitised.

    Raises:
        MoleculeError: An atomic number is outside 1 to 118.
    """
    if molecule.n_atoms and not (molecule.elements.min() > 0 and molecule.elements.max() <= MAX_ATOMIC_NUMBER):
        raise MoleculeError(f"Molecule {molecule.id!r} has an atomic number that is no element.", allowed="1 to 118")
    mol = Chem.RWMol()
    for number, charge in zip(molecule.elements.tolist(), molecule.formal_charges.tolist(), strict=True):
        atom = Chem.Atom(number)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        mol.AddAtom(atom)
    for (first, second), order in zip(molecule.bonds.tolist(), molecule.orders.tolist(), strict=True):
        mol.AddBond(first, second, _TYPE_OF_ORDER[order])
        if order == AROMATIC:
            mol.GetBondBetweenAtoms(first, second).SetIsAromatic(True)
            mol.GetAtomWithIdx(first).SetIsAromatic(True)
            mol.GetAtomWithIdx(second).SetIsAromatic(True)
    conformer = Chem.Conformer(molecule.n_atoms)
    conformer.Set3D(True)
    if molecule.n_atoms:
        conformer.SetPositions(np.array(molecule.positions))
    mol.AddConformer(conformer, assignId=True)
    if molecule.id:
        mol.SetProp("_Name", molecule.id)
    return mol


def from_rdkit(mol: Chem.Mol, *, name: str, properties: Mapping[str, object]) -> Molecule:
    """Read an RDKit molecule, its explicit atoms and its first conformer.

    Raises:
        MoleculeError: It has no conformer, or a bond of a type other than single, double, triple, aromatic.
    """
    if mol.GetNumConformers() == 0:
        raise MoleculeError(
            f"The RDKit molecule {name!r} has no conformer.", remedy="rdkit.Chem.AllChem.EmbedMolecule(mol) first"
        )
    # Each of RDKit's sequences is walked once: that is what reading a file takes.
    atoms = [(atom.GetAtomicNum(), atom.GetFormalCharge()) for atom in mol.GetAtoms()]
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondType()) for bond in mol.GetBonds()]
    unknown = {str(kind) for _, _, kind in bonds if kind not in _ORDER_OF_TYPE}
    if unknown:
        raise MoleculeError(
            f"The RDKit molecule {name!r} has bonds of type {', '.join(sorted(unknown))}.",
            allowed="SINGLE, DOUBLE, TRIPLE, AROMATIC",
        )
    return Molecule(
        elements=np.array([number for number, _ in atoms], dtype=np.uint8),
        positions=np.asarray(mol.GetConformer().GetPositions(), dtype=np.float64),
        formal_charges=np.array([charge for _, charge in atoms], dtype=np.int8),
        bonds=np.array([sorted((first, second)) for first, second, _ in bonds], dtype=np.int32),
        orders=np.array([_ORDER_OF_TYPE[kind] for _, _, kind in bonds], dtype=np.uint8),
        id=name,
        properties=properties,
    )


def sanitised(molecule: Molecule) -> Chem.Mol | str:
    """The molecule in RDKit, built and sanitised, or why that is impossible."""
    with rdBase.BlockLogs():
        try:
            mol = to_rdkit(molecule)
            Chem.SanitizeMol(mol)
        except (MoleculeError, ValueError, RuntimeError) as error:
            return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return mol


def canonical_smiles(molecule: Molecule) -> str | None:
    """Canonical SMILES of the bond graph, without hydrogens, isotopes and stereochemistry.

    None when RDKit cannot sanitise the molecule.
    """
    mol = sanitised(molecule)
    if isinstance(mol, str):
        return None
    with rdBase.BlockLogs():
        try:
            return str(Chem.MolToSmiles(Chem.RemoveHs(mol)))
        except (ValueError, RuntimeError):
            return None
