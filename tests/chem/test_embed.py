from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.embed import BETWEEN_FRAGMENTS, embed


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


@pytest.mark.parametrize("smiles", ["[Na+].[Cl-]", "O.O", "[Na+].CC(=O)[O-].O.O", "[K+].[Br-].c1ccccc1.[Na+].[Cl-]"])
def test_fragments_stand_apart_and_keep_their_shape(smiles: str) -> None:
    mol = built(smiles)
    assert embed(mol, 0)
    positions = mol.GetConformer().GetPositions()
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    fragment = np.empty(len(positions), dtype=int)
    for number, atoms in enumerate(Chem.GetMolFrags(mol)):
        fragment[list(atoms)] = number
    apart = fragment[:, None] != fragment
    assert distances[apart].min() >= BETWEEN_FRAGMENTS - 1e-9
    bonds = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()], dtype=int)
    bonds = bonds.reshape(-1, 2)
    assert (distances[bonds[:, 0], bonds[:, 1]] < 2.0).all()
