from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import MissingDependencyError
from molvm.evaluation.metrics import Summary, summarise, summarise_verdicts
from molvm.evaluation.posebusters import all_tests
from molvm.evaluation.valency_tables import load_valency_table
from molvm.evaluation.verdict import examine
from molvm.rewards.base import Failure, Outcome
from molvm.rewards.pool import WorkerPool
from tests.evaluation.whole_posebusters import Whole


@pytest.fixture(scope="module")
def cases(make: Callable[..., Molecule]) -> dict[str, Molecule]:
    ethanol = make("CCO")
    return {
        "sound": ethanol,
        "torn": make("CO.N"),
        "overbonded": replace(ethanol, orders=np.full(len(ethanol.orders), 3)),
        "collapsed": replace(ethanol, positions=np.zeros((9, 3))),
        "not finite": replace(ethanol, positions=np.full((9, 3), np.nan)),
        "nothing": Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[]),
    }


@pytest.fixture(scope="module")
def summary(cases: dict[str, Molecule]) -> Summary:
    return summarise(cases.values(), posebusters=True, workers=1)


def value(summary: Summary, test: str) -> float:
    estimate = {**summary.shares, **summary.posebusters}[test]
    assert estimate is not None
    assert estimate.count == summary.molecules
    return estimate.value


def test_only_the_sound_molecule_passes_of_all(summary: Summary, cases: dict[str, Molecule]) -> None:
    assert value(summary, "pb_valid") == pytest.approx(1 / len(cases))


def test_each_test_is_counted_over_all_molecules(summary: Summary) -> None:
    assert len(summary.posebusters) == 12, "FlowMol3's configuration: with the ratio of energies"
    assert value(summary, "sanitization") == pytest.approx(4 / 6)
    assert value(summary, "all_atoms_connected") == pytest.approx(4 / 6)
    assert value(summary, "bond_lengths") == pytest.approx(3 / 6), "PoseBusters passes lengths that are not numbers"
    assert value(summary, "internal_energy") == pytest.approx(2 / 6)


def test_a_molecule_it_cannot_take_is_a_counted_failure(summary: Summary) -> None:
    assert summary.failures["posebusters"] == {"rejected: size": 2}, "of both parts"


def test_the_parts_together_are_posebusters_own_configuration(cases: dict[str, Molecule]) -> None:
    molecules = [cases[name] for name in ("sound", "torn", "overbonded", "collapsed")]
    with WorkerPool(1) as pool:
        parts = [pool.score(part, molecules) for part in all_tests()]
        whole = pool.score(Whole(), molecules)
    for geometry, energy, both in zip(*parts, whole, strict=True):
        assert {**geometry.details, **energy.details} == both.details


def test_a_molecule_whose_energies_take_too_long_answers_the_other_tests(sound: list[Molecule]) -> None:
    passed = Outcome("", 1.0, details={"sanitization": 1.0})
    timeout = Outcome("", None, failure=Failure("timeout", "worker", ""))
    verdict = examine(sound[0], load_valency_table("qm9"))
    slow, quick = (
        replace(verdict, posebusters=(passed, energy))
        for energy in (timeout, Outcome("", 1.0, details={"internal_energy": 1.0}))
    )
    found = summarise_verdicts([slow, quick], table_name="qm9")
    assert value(found, "sanitization") == 1.0
    assert value(found, "internal_energy") == value(found, "pb_valid") == 0.5
    assert found.failures == {"posebusters": {"timeout: worker": 1}}


def test_without_the_package_there_is_a_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.evaluation.posebusters.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'molvm\[eval\]'"):
        all_tests()
