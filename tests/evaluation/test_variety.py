from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import TanimotoSimilarity

from molvm.evaluation.variety import tanimoto_distances


def test_distances_are_those_of_the_pairs() -> None:
    smiles = ["CCO", "c1ccccc1O", "OCC", "[H]"]
    found = tanimoto_distances(smiles)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    one, other = (generator.GetFingerprint(Chem.MolFromSmiles(each)) for each in smiles[:2])
    assert found[0, 1] == found[1, 0] == 1 - TanimotoSimilarity(one, other)
    assert found[0, 2] == 0
    np.testing.assert_array_equal(np.diag(found), 0)
    assert tanimoto_distances([]).shape == (0, 0)
