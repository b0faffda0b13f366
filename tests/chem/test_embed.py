from __future__ import annotations

import numpy as np
from rdkit import Chem

from molvm.chem.embed import embed


def built(smiles: str) -> Chem.Mol:
    return Chem.AddHs(Chem.MolFromSmiles(smiles))


def test_the_seed_decides_the_positions() -> None:
    positions = []
    for seed in (1, 1, 2):
        mol = built("CCOC(=O)C")
        assert embed(mol, seed, attempts=20)
        positions.append(mol.GetConformer().GetPositions())
    np.testing.assert_array_equal(positions[0], positions[1])
    assert np.abs(positions[0] - positions[2]).max() > 0.1


def test_what_has_no_positions_is_said_to_have_none() -> None:
    mol = built("C1C[C@]2(F)C[C@]1(F)C2")  # one bridgehead inside out
    assert not embed(mol, 0, attempts=5)
    assert mol.GetNumConformers() == 0
