from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molvm.datasets.qm9 import build_qm9
from molvm.datasets.store import MoleculeDataset

ROWS = 240


@pytest.fixture(scope="session")
def qm9_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("datasets") / "qm9"
    build_qm9(path, workers=1, limit=ROWS)
    return path


@pytest.fixture(scope="session")
def qm9(qm9_path: Path) -> MoleculeDataset:
    return MoleculeDataset.load(qm9_path)


@pytest.fixture
def dataset() -> MoleculeDataset:
    """Random numbers, with no chemistry in them."""
    generator = np.random.default_rng(1)
    sizes = generator.integers(1, 8, size=40)
    atoms, pairs = int(sizes.sum()), int((sizes * (sizes - 1) // 2).sum())
    return MoleculeDataset(
        positions=generator.normal(size=(atoms, 3)).astype(np.float32),
        types=generator.integers(0, 5, size=atoms).astype(np.uint8),
        charges=generator.integers(-1, 2, size=atoms).astype(np.int8),
        bonds=generator.integers(0, 4, size=pairs).astype(np.uint8),
        n_atoms=sizes.astype(np.int16),
        split=generator.integers(0, 3, size=40).astype(np.uint8),
        source_index=generator.permutation(40).astype(np.int32),
        manifest={"name": "random", "element_symbols": ["C", "H", "N", "O", "F"], "atomic_numbers": [6, 1, 7, 8, 9]},
    )
