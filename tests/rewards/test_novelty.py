from __future__ import annotations

from pathlib import Path

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import InputFileError
from molvm.rewards import describe, isolated, qed, sa
from molvm.rewards.base import SampleReward
from molvm.rewards.novelty import DIGEST_BYTES, digests_of, novel
from tests.rewards.molecules import Fixed, from_smiles


@pytest.fixture
def known(tmp_path: Path) -> str:
    path = tmp_path / "known.smi"
    path.write_text("OCC ethanol\nC[C@H](N)C(=O)O alanine\nCCO again\n")
    return str(path)


def test_the_known_are_rejected_and_never_computed(known: str) -> None:
    dear = Fixed()
    reward = novel(dear, known)
    ethanol, alanine, methanol = reward([from_smiles(smiles) for smiles in ("CCO", "NC(C)C(=O)O", "CO")])
    for outcome in (ethanol, alanine):
        assert outcome.failure is not None
        assert (outcome.failure.kind, outcome.failure.stage) == ("rejected", "novelty")
    assert methanol.value == 0.5
    assert dear.seen == ["CO"]


def test_it_is_as_the_reward_within(known: str) -> None:
    reward = novel(sa(), known)
    assert (reward.name, reward.unit, reward.direction, reward.floor) == ("novel(sa)", "", "minimise", 10.0)
    assert "none of 2 known molecules" in describe(reward)
    assert isinstance(reward, SampleReward)
    with isolated(reward, 1) as pooled:
        outcomes = pooled([from_smiles("CCO"), from_smiles("CO")])
    assert [outcome.ok for outcome in outcomes] == [False, True]


def test_every_molecule_of_a_file_is_found_in_it(small: list[Molecule], drug_like: list[Molecule]) -> None:
    reward = novel(qed(), str(Path(__file__).parent.parent / "chem" / "data" / "drug_like.smi"))
    assert not any(outcome.ok for outcome in reward(drug_like))
    assert all(outcome.ok for outcome in reward(small))


def test_digests_are_sorted_and_each_once() -> None:
    digests = digests_of(["C", "CC", "C", "CCC"])
    parts = [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]
    assert parts == sorted(set(parts))
    assert len(parts) == 3


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputFileError):
        novel(qed(), "nowhere.smi")
