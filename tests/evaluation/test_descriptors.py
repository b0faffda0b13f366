from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import RDConfig

from molvm.chem.molecule import Molecule
from molvm.evaluation.descriptors import describe

SA_SCORES = Path(RDConfig.RDContribDir) / "SA_Score" / "data" / "zim.100.txt"
"""RDKit's own expectations."""


def flat(smiles: str) -> Molecule:
    """With hydrogens, all positions at the origin: descriptors look at the bond graph only."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    return Molecule.from_rdkit(mol, id=smiles)


def test_synthetic_accessibility_is_ertls() -> None:
    with SA_SCORES.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 100
    for row in rows:
        found = describe(flat(row["smiles"]))
        assert found is not None
        assert found.sa_score == pytest.approx(float(row["sa_score"]), abs=6e-4), row["smiles"]


# The logP of benzoic acid is that of RDKit's manual; the others are to notice when RDKit changes its mind.
@pytest.mark.parametrize(("smiles", "qed", "log_p"), [("CCO", 0.4068, -0.0014), ("c1ccccc1C(=O)O", 0.6106, 1.3848)])
def test_drug_likeness_and_partition(smiles: str, qed: float, log_p: float) -> None:
    found = describe(flat(smiles))
    assert found is not None
    assert (found.qed, found.log_p) == pytest.approx((qed, log_p), abs=1e-4)


def test_neither_kekule_structure_nor_the_order_of_atoms_matters(
    make: Callable[..., Molecule], permute: Callable[[Molecule, np.random.Generator], Molecule]
) -> None:
    toluene = make("Cc1ccccc1")
    assert describe(make("Cc1ccccc1", kekulise=False)) == describe(toluene)
    other, mine = describe(permute(toluene, np.random.default_rng(0))), describe(toluene)
    assert other is not None
    assert mine is not None
    assert (other.qed, other.log_p, other.sa_score) == pytest.approx((mine.qed, mine.log_p, mine.sa_score))


def test_what_is_no_molecule_has_no_descriptors(make: Callable[..., Molecule]) -> None:
    assert describe(replace(make("C"), orders=np.full(4, 3))) is None
    assert describe(Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])) is None


def test_hydrogen_alone_has_descriptors(make: Callable[..., Molecule]) -> None:
    assert describe(make("[H][H]")) is not None
