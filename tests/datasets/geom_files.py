"""GEOM-Drugs in miniature, in the formats in which it is published."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import rdDistGeom

SMILES = (
    "CCO",
    "c1ccncc1Br",
    "C[N+](C)(C)CC(=O)[O-]",
    "OP(O)(O)=O",
    "CI",
    "CS(C)=O",
    "C#N",
    "FC(Cl)=O",
    "CN=[N+]=[N-]",
)
SPLITS = {"train_data.pickle": SMILES[:5], "val_data.pickle": SMILES[5:7], "test_data.pickle": SMILES[7:]}


def conformers(smiles: str, count: int = 3) -> list[Chem.Mol]:
    """Molecules with one conformer each."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert len(rdDistGeom.EmbedMultipleConfs(mol, count, randomSeed=7)) == count
    return [Chem.Mol(mol, False, conformer.GetId()) for conformer in mol.GetConformers()]


def broken(kind: str) -> Chem.Mol:
    """A molecule that cannot be kept."""
    if kind == "no_conformer":
        return Chem.AddHs(Chem.MolFromSmiles("CC"))
    if kind == "not_sanitised":
        mol = Chem.RWMol(conformers("C", 1)[0])
        return Chem.Mol(_with_bond(mol, 1, 2))
    if kind == "not_kekulised":
        # Pyrrole without the hydrogen of its nitrogen.
        mol = Chem.RWMol(conformers("c1cc[nH]c1", 1)[0])
        nitrogen = next(atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 7)
        nitrogen.SetNoImplicit(True)
        mol.RemoveAtom(next(atom.GetIdx() for atom in nitrogen.GetNeighbors() if atom.GetAtomicNum() == 1))
        return Chem.Mol(mol)
    if kind == "open_valence":
        mol = Chem.RWMol(conformers("CO", 1)[0])
        mol.RemoveAtom(mol.GetNumAtoms() - 1)
        return Chem.Mol(mol)
    if kind == "geometry_broken":
        mol = conformers("CO", 1)[0]
        mol.GetConformer().SetAtomPosition(0, (9.0, 0.0, 0.0))
        return mol
    return conformers({"unknown_element": "C[SiH3]", "fragmented": "C.O", "charge_too_large": "[Cl+4]"}[kind], 1)[0]


def _with_bond(mol: Chem.RWMol, first: int, second: int) -> Chem.RWMol:
    mol.AddBond(first, second, Chem.BondType.TRIPLE)
    return mol


def write_split_pickles(folder: Path, protocol: int = 4) -> Path:
    """MiDi's layout."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, smiles in SPLITS.items():
        entries = [(each, conformers(each)) for each in smiles]
        (folder / name).write_bytes(pickle.dumps(entries, protocol=protocol))
    return folder


def write_pickle_per_molecule(folder: Path, smiles: tuple[str, ...] = SMILES) -> Path:
    """GEOM's own layout: energies fall from one conformer to the next."""
    (folder / "rdkit_folder" / "drugs").mkdir(parents=True)
    summary: dict[str, dict[str, object]] = {}
    for number, each in enumerate(smiles):
        mols = conformers(each)
        content = {
            "smiles": each,
            "charge": 0,
            "conformers": [
                {"geom_id": place, "totalenergy": -float(place), "boltzmannweight": 0.1, "rd_mol": mol}
                for place, mol in enumerate(mols)
            ],
        }
        path = f"drugs/{number}.pickle"
        (folder / "rdkit_folder" / path).write_bytes(pickle.dumps(content))
        summary[each] = {"charge": 0, "uniqueconfs": len(mols), "pickle_path": path}
    (folder / "rdkit_folder" / "summary_drugs.json").write_text(json.dumps(summary))
    return folder
