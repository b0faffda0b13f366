from __future__ import annotations

import pytest
from rdkit import Chem

from molvm.chem.descriptors import DESCRIPTORS, lipinski_share

ASPIRIN, CAFFEINE, ICOSANE = "CC(=O)Oc1ccccc1C(=O)O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "C" * 20


@pytest.mark.parametrize(
    ("name", "smiles", "value", "tolerance"),
    [
        ("mw", ASPIRIN, 180.16, 0.01),
        ("mw", CAFFEINE, 194.19, 0.01),
        ("tpsa", ASPIRIN, 63.6, 0.05),
        ("tpsa", "CC(=O)Nc1ccc(O)cc1", 49.3, 0.05),
        ("logp", "c1ccccc1", 1.69, 0.01),
        ("sa", ASPIRIN, 1.58, 0.01),
        ("qed", ASPIRIN, 0.55, 0.01),
        ("rings", CAFFEINE, 2, 0),
        ("aromatic_rings", "C1CCCCC1c1ccccc1", 1, 0),
        ("rotatable_bonds", "CCCC", 1, 0),
        ("heavy_atoms", ASPIRIN, 13, 0),
        ("hbond_donors", ASPIRIN, 1, 0),
        ("hbond_acceptors", ASPIRIN, 3, 0),
        ("lipinski", ASPIRIN, 1.0, 0),
        ("lipinski", ICOSANE, 0.75, 0),
        ("lipinski", "C" * 40, 0.5, 0),
    ],
)
def test_known_values(name: str, smiles: str, value: float, tolerance: float) -> None:
    assert DESCRIPTORS[name](Chem.MolFromSmiles(smiles)) == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize(
    ("smiles", "share"),
    [("OCC(O)C(O)C(O)C(O)CO", 0.75), ("OCC(O)C(O)C(O)C(O)C(O)C(O)C(O)C(O)C(O)CO", 0.5)],
)
def test_the_rule_of_five_counts_donors_and_acceptors_as_lipinski_did(smiles: str, share: float) -> None:
    assert lipinski_share(Chem.MolFromSmiles(smiles)) == share
