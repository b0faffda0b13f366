from __future__ import annotations

from dataclasses import replace

import pytest

from molvm.chem.molecule import Molecule
from molvm.evaluation import load_valency_table
from molvm.evaluation.examination import examine_all, with_strain
from molvm.evaluation.metrics import summarise_verdicts
from molvm.rewards.pool import WorkerPool
from tests.rewards.faulty_rewards import Faulty


def test_a_crash_and_a_hang_cost_one_molecule_each(sound: list[Molecule], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.evaluation.examination.Strain", Faulty)
    faults = ["abort", "", "hang", "", "exit", "", "raise"]
    molecules = [
        replace(molecule, properties={"fault": fault, "value": 2.5})
        for molecule, fault in zip(sound, faults, strict=True)
    ]
    seen: list[int] = []
    verdicts = examine_all(molecules, load_valency_table("qm9"), progress=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    seen.clear()
    with WorkerPool(1, time_limit=2) as pool:
        verdicts = with_strain(verdicts, molecules, pool, seen.append)
    assert seen == [1, 2, 3, 4, 5, 6, 7], "outcomes are counted as they come"
    summary = summarise_verdicts(verdicts, table_name="qm9")
    assert summary.failures["strain"] == {"crashed: worker": 2, "timeout: worker": 1, "reward_error: faulty": 1}
    assert summary.distributions["strain"].defined == 3
    relaxed, strain = summary.shares["relaxed"], summary.means["strain"]
    assert relaxed is not None
    assert strain is not None
    assert relaxed.value == pytest.approx(3 / 7)
    assert strain.value == 2.5
