from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.chem.scaffold import scaffold_smiles
from tests.rewards.molecules import from_smiles


@pytest.mark.parametrize(
    ("smiles", "scaffold", "generic"),
    [
        ("Cc1ccccc1C(=O)NC1CCCC1=O", "O=C(NC1CCCC1=O)c1ccccc1", "C1CCC(CCC2CCCC2)CC1"),
        ("c1ccncc1", "c1ccncc1", "C1CCCCC1"),
        ("C[C@H](N)C(=O)O", "CC(N)C(=O)O", "CC(C)C(C)C"),
        ("C", "C", "C"),
    ],
)
def test_rings_and_what_links_them(smiles: str, scaffold: str, generic: str) -> None:
    molecule = from_smiles(smiles)
    assert scaffold_smiles(molecule) == scaffold
    assert scaffold_smiles(molecule, generic=True) == generic


def test_what_is_no_molecule_has_none() -> None:
    water = from_smiles("O")
    assert scaffold_smiles(replace(water, elements=np.array([1, 8, 8], dtype=np.uint8))) is None
