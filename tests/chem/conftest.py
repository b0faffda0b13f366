"""Molecules the chemistry is tested on."""

from __future__ import annotations

from pathlib import Path

import pytest

from molvm.chem.io import read_molecules
from molvm.chem.molecule import Molecule

DATA = Path(__file__).parent / "data"


def _molecules(name: str) -> list[Molecule]:
    records = read_molecules(DATA / name)
    molecules = [record.molecule for record in records if record.molecule is not None]
    assert len(molecules) == len(records), [record.reason for record in records]
    return molecules


@pytest.fixture(scope="session")
def drug_like() -> list[Molecule]:
    """36 approved drugs, 19 to 61 atoms."""
    return _molecules("drug_like.smi")


@pytest.fixture(scope="session")
def small() -> list[Molecule]:
    """26 molecules like those of QM9, 3 to 15 atoms."""
    return _molecules("small.smi")


@pytest.fixture(scope="session")
def paracetamol(drug_like: list[Molecule]) -> Molecule:
    return drug_like[0]
