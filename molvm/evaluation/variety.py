"""How unlike molecules are to one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import BulkTanimotoSimilarity

from molvm.rewards.similarity import BITS, MORGAN_RADIUS


def tanimoto_distances(smiles: Sequence[str]) -> NDArray[np.float64]:
    """One less the Tanimoto coefficient of each pair, (n, n): its mean is the internal diversity of Benhenda (2017).

    Args:
        smiles: Canonical, of molecules that RDKit can read.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=MORGAN_RADIUS, fpSize=BITS)
    with rdBase.BlockLogs():  # a lone hydrogen is remarked upon
        prints = [generator.GetFingerprint(Chem.MolFromSmiles(each)) for each in smiles]
    return 1 - np.array([BulkTanimotoSimilarity(each, prints) for each in prints]).reshape(len(prints), len(prints))
