from __future__ import annotations

import pytest
from rdkit import Chem

from molvm.chem.descriptors import DESCRIPTORS
from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards import make_reward, reward_names
from molvm.rewards.descriptors import logp, mw, sa, tpsa

NAMES = sorted(DESCRIPTORS)


def test_every_descriptor_has_a_reward() -> None:
    assert set(NAMES) <= set(reward_names())


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_smiles(name: str, drug_like: list[Molecule]) -> None:
    for molecule, outcome in zip(drug_like, make_reward(name)(drug_like), strict=True):
        expected = DESCRIPTORS[name](Chem.MolFromSmiles(str(molecule.smiles())))
        assert outcome.value == pytest.approx(expected, abs=1e-9), molecule.id


def test_units_and_directions() -> None:
    assert (tpsa().unit, mw().unit, logp().unit) == ("Å²", "g/mol", "")
    assert (mw().direction, mw(direction="minimise").direction, sa().direction) == ("maximise", "minimise", "minimise")
    with pytest.raises(RewardError, match="'maximise' or 'minimise'"):
        logp(direction="up")  # type: ignore[arg-type]


def test_no_failure_is_worth_a_number_that_a_molecule_may_fall_below(small: list[Molecule]) -> None:
    values = [outcome.value for outcome in logp()(small) if outcome.value is not None]
    assert min(values) < 0
    assert logp().floor is None
    assert (mw().floor, mw(direction="minimise").floor, sa().floor) == (0.0, None, 10.0)
