"""What the tests of properties share: molecules by SMILES, and how to see what is computed."""

from __future__ import annotations

from collections import Counter

import pytest

from molvm.chem.engines.base import Electronic
from molvm.chem.engines.tblite import TBLite
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Relaxation
from molvm.chem.relaxers import Relaxer
from molvm.rewards import parse_reward

PROPERTIES = (
    "dipole",
    "homo",
    "lumo",
    "gap",
    "energy_per_atom",
    "atomisation_energy",
    "solvation_energy",
    "strain",
    "polarisability",
)

ELECTRONIC = tuple(name for name in PROPERTIES if name not in ("strain", "polarisability"))
"""Those that a single point gives."""


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


def value(expression: str, molecule: Molecule | str) -> float:
    outcome = parse_reward(expression).__call__([from_smiles(molecule) if isinstance(molecule, str) else molecule])[0]
    assert outcome.value is not None, outcome.failure
    return outcome.value


def failure(expression: str, molecule: Molecule | str) -> tuple[str, str]:
    outcome = parse_reward(expression)([from_smiles(molecule) if isinstance(molecule, str) else molecule])[0]
    assert outcome.failure is not None, outcome.value
    return outcome.failure.kind, outcome.failure.stage


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts relaxations and single points."""
    counter: Counter[str] = Counter()
    relax, point = Relaxer.__call__, TBLite.__call__

    def counted_relax(self: Relaxer, molecule: Molecule) -> Relaxation:
        counter["relaxation"] += 1
        return relax(self, molecule)

    def counted_point(self: TBLite, *arguments: object) -> Electronic:
        counter["single point"] += 1
        return point(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Relaxer, "__call__", counted_relax)
    monkeypatch.setattr(TBLite, "__call__", counted_point)
    return counter
