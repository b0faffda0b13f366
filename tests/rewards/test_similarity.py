from __future__ import annotations

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.similarity import FINGERPRINTS, similarity
from tests.rewards.molecules import from_smiles


@pytest.mark.parametrize("fingerprint", FINGERPRINTS)
def test_one_for_itself_and_less_for_others(fingerprint: str, drug_like: list[Molecule]) -> None:
    reference = drug_like[3]
    values = [outcome.value for outcome in similarity(str(reference.smiles()), fingerprint)(drug_like)]
    assert values[3] == 1
    assert sorted(values)[-2] < 1  # type: ignore[type-var]


@pytest.mark.parametrize("fingerprint", FINGERPRINTS)
def test_symmetry(fingerprint: str, drug_like: list[Molecule]) -> None:
    first, second = drug_like[3], drug_like[8]
    there = similarity(str(first.smiles()), fingerprint).outcome(second).value
    back = similarity(str(second.smiles()), fingerprint).outcome(first).value
    assert there == back


def test_a_count_by_hand() -> None:
    # Radius 0 and 1 and 2 of ethanol: 3 + 3 + 0 environments; methanol shares the hydroxyl and the methyl.
    assert similarity("CO").outcome(from_smiles("CCO")).value == pytest.approx(2 / 7)


def test_stereochemistry_of_the_reference_is_not_looked_at() -> None:
    assert similarity("C[C@H](N)C(=O)O").outcome(from_smiles("CC(N)C(=O)O")).value == 1


def test_being_unlike_has_the_other_floor() -> None:
    unlike = similarity("CCO", direction="minimise")
    assert (unlike.floor, unlike.desirability) == (1.0, False)


def test_what_cannot_be_read() -> None:
    with pytest.raises(RewardError, match="cannot read the SMILES"):
        similarity("C(")
    with pytest.raises(RewardError, match="morgan, rdkit"):
        similarity("C", "ecfp")
