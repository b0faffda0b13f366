"""An outcome is found again exactly when nothing that it depends on has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.rewards import WorkerPool, weighted_sum
from molvm.rewards.base import Failure, FailureKind, Outcome, SampleReward
from molvm.rewards.cache import OutcomeCache, outcome_key
from molvm.rewards.expression import parse_reward
from tests.rewards.faulty_rewards import Faulty


@dataclass(frozen=True)
class Kept(Faulty):
    """A reward whose values do not change."""

    setting: int = 0

    @property
    def cached_as(self) -> str | None:
        return f"kept {self.setting}"


@pytest.fixture
def cache(tmp_path: Path) -> OutcomeCache:
    return OutcomeCache(tmp_path / "outcomes")


def fault(molecule: Molecule, kind: FailureKind) -> Outcome:
    return Outcome(molecule.id, None, "u", failure=Failure(kind, "stage", "why"))


def same(first: Outcome | None, second: Outcome) -> bool:
    return first is not None and all(
        getattr(first, name) == getattr(second, name)
        for name in ("id", "value", "unit", "details", "failure", "seconds")
    )


def test_what_was_kept_is_found_under_the_new_id(cache: OutcomeCache, small: list[Molecule]) -> None:
    outcome = Outcome(small[0].id, 0.1 + 0.2, "u", {"steps": 3.0, "note": "µ"}, seconds=1.5)
    cache.keep(Kept(), small[0], outcome)
    assert same(cache.find(Kept(), replace(small[0], id="other")), replace(outcome, id="other"))
    assert same(OutcomeCache(cache.folder).find(Kept(), small[0]), outcome)
    assert cache.find(Kept(setting=1), small[0]) is None
    assert all(cache.find(Kept(), molecule) is None for molecule in small[1:])


def test_every_array_of_a_molecule_counts(small: list[Molecule]) -> None:
    molecule = small[5]
    moved, charges, orders = molecule.positions.copy(), molecule.formal_charges.copy(), molecule.orders.copy()
    moved[0, 0] = np.nextafter(moved[0, 0], np.inf)
    charges[0] += 1
    orders[0] = 3 if orders[0] != 3 else 1
    versions = [molecule, replace(molecule, positions=moved), replace(molecule, formal_charges=charges)]
    versions += [replace(molecule, orders=orders), replace(molecule, elements=molecule.elements[::-1])]
    assert len({outcome_key(Kept(), version) for version in versions}) == len(versions)
    assert outcome_key(Kept(), replace(molecule, id="x", properties={"a": 1})) == outcome_key(Kept(), molecule)


@pytest.mark.parametrize("kind", ["invalid", "rejected", "failed"])
def test_failures_that_would_come_again_are_kept(cache: OutcomeCache, small: list[Molecule], kind: FailureKind) -> None:
    cache.keep(Kept(), small[0], fault(small[0], kind))
    assert same(cache.find(Kept(), small[0]), fault(small[0], kind))


@pytest.mark.parametrize("kind", ["timeout", "crashed", "cancelled", "reward_error"])
def test_the_others_get_another_chance(cache: OutcomeCache, small: list[Molecule], kind: FailureKind) -> None:
    cache.keep(Kept(), small[0], fault(small[0], kind))
    assert cache.find(Kept(), small[0]) is None


def test_a_reward_that_may_change_is_not_looked_up(cache: OutcomeCache, small: list[Molecule]) -> None:
    cache.keep(Faulty(), small[0], Outcome(small[0].id, 1.0))
    assert not cache.folder.exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"value": 1}', '{"value": null, "failure": ["what", "a", "b"]}'])
def test_a_damaged_file_is_no_file(cache: OutcomeCache, small: list[Molecule], damage: str) -> None:
    cache.keep(Kept(), small[0], Outcome(small[0].id, 1.0))
    (file,) = cache.folder.rglob("*.json")
    file.write_text(damage)
    assert cache.find(Kept(), small[0]) is None
    cache.keep(Kept(), small[0], Outcome(small[0].id, 2.0))
    found = cache.find(Kept(), small[0])
    assert found is not None
    assert found.value == 2.0


def test_a_folder_that_cannot_be_written_is_left_alone(
    tmp_path: Path, small: list[Molecule], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = OutcomeCache(tmp_path / "file" / "outcomes")
    for molecule in small[:3]:
        cache.keep(Kept(), molecule, Outcome(molecule.id, 1.0))
    assert [record.message.partition(":")[0] for record in caplog.records] == ["Outcomes are not kept"]


def test_the_pool_pays_once(cache: OutcomeCache, small: list[Molecule]) -> None:
    molecules = [replace(one, properties={"value": index}) for index, one in enumerate(small[:6])]
    molecules[2] = replace(molecules[2], properties={"fault": "raise"})
    with WorkerPool(1, cache=cache) as pool:
        first = pool.score(Kept(), molecules)
    # Those that are known do not reach a worker, where they would now raise; the failed one does.
    again = [replace(one, properties={"fault": "raise"}) for one in molecules]
    seen: list[str] = []
    with WorkerPool(1, cache=cache) as pool:
        second = pool.score(Kept(), again[:2] + again[3:])
        assert pool._pool is None, "no worker was needed"
        third = pool.score(Kept(), again, progress=lambda outcome: seen.append(outcome.id))
    assert [outcome.value for outcome in second] == [0.0, 1.0, 3.0, 4.0, 5.0]
    assert [outcome.value for outcome in third] == [outcome.value for outcome in first]
    assert third[2].failure is not None
    assert sorted(seen) == sorted(molecule.id for molecule in molecules)


def test_combinations_are_kept_when_a_term_is_worth_it_and_all_are_settled(small: list[Molecule]) -> None:
    def key(text: str) -> str | None:
        reward = parse_reward(text)
        assert isinstance(reward, SampleReward)
        return outcome_key(reward, small[0])

    kept = ["dipole", "linear(dipole, 0, 10)", "linear(dipole, 0, 9)", "product(linear(dipole, 0, 10), qed)"]
    kept += [
        "geometric_mean(qed, linear(gap, 0, 5))",
        "lexicographic(qed, linear(gap, 0, 5))",
        "constrained(dipole, at_most(logp, 3))",
    ]
    kept += ["constrained(dipole, at_most(logp, 2))"]
    keys = [key(text) for text in kept]
    assert None not in keys
    assert len(set(keys)) == len(kept)
    assert keys == [key(text) for text in kept]
    assert key("qed") is None
    assert key("weighted_sum(qed, logp)") is None


def test_a_combination_with_a_term_that_may_change_is_not_kept(small: list[Molecule]) -> None:
    reward = weighted_sum(Kept(), Faulty())
    assert isinstance(reward, SampleReward)
    assert outcome_key(reward, small[0]) is None
