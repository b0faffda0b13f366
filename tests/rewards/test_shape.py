from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.shape import overlap, shape_similarity
from tests.rewards.molecules import from_smiles


def test_a_molecule_has_its_own_shape_however_it_is_turned(tmp_path: Path, drug_like: list[Molecule]) -> None:
    molecule = drug_like[4]
    write_sdf(tmp_path / "reference.sdf", [molecule])
    rotation = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    turned = replace(molecule, positions=molecule.positions @ rotation + 30.0)
    for features in (False, True):
        reward = shape_similarity(str(tmp_path / "reference.sdf"), features=features)
        for each in (molecule, turned):
            assert reward.outcome(each).value == pytest.approx(1, abs=0.01)
        assert reward.outcome(drug_like[9]).value < 0.95  # type: ignore[operator]


def test_the_positions_matter(drug_like: list[Molecule]) -> None:
    rod = from_smiles("CCCCCCCC")
    mirrored = replace(rod, positions=rod.positions * [1, 1, -1])
    bulky = from_smiles("CC(C)(C)C(C)(C)C")
    assert overlap(rod, mirrored, features=False)[0] > overlap(rod, bulky, features=False)[0]


def test_symmetry(drug_like: list[Molecule]) -> None:
    there, back = (overlap(drug_like[i], drug_like[j], features=True) for i, j in ((2, 5), (5, 2)))
    assert there == pytest.approx(back, abs=0.02)


def test_details_and_mean(drug_like: list[Molecule]) -> None:
    outcome = shape_similarity("CC(=O)Nc1ccc(O)cc1", features=True).outcome(drug_like[2])
    shape, features = outcome.details["shape"], outcome.details["features"]
    assert outcome.value == pytest.approx((shape + features) / 2)  # type: ignore[operator]


@pytest.mark.parametrize("reference", ["C(", "CC.O", "[CH3]", "missing.sdf", "missing.smi", ""])
def test_what_is_no_reference(reference: str) -> None:
    with pytest.raises(RewardError):
        shape_similarity(reference)
