"""Molecules the rewards are tested on; faulty rewards are importable, also in worker processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from molvm.chem.io import read_molecules
from molvm.chem.molecule import Molecule

HERE = Path(__file__).parent
DATA = HERE.parent / "chem" / "data"
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def drug_like() -> list[Molecule]:
    """36 approved drugs, 19 to 61 atoms."""
    return [record.molecule for record in read_molecules(DATA / "drug_like.smi") if record.molecule is not None]


@pytest.fixture(scope="session")
def small() -> list[Molecule]:
    """26 molecules like those of QM9, 3 to 15 atoms."""
    return [record.molecule for record in read_molecules(DATA / "small.smi") if record.molecule is not None]
