from __future__ import annotations

import pytest
import torch

from molvm.chem.molecule import Molecule
from molvm.errors import CheckpointError
from molvm.rewards.base import Direction, Failure, Outcome
from molvm.rewards.diversity import PerScaffold
from molvm.training.scaffold_memory import ScaffoldMemory
from tests.rewards.molecules import from_smiles

TOLUENE, PHENOL, PYRIDINE, ETHANOL = (from_smiles(smiles) for smiles in ("Cc1ccccc1", "Oc1ccccc1", "c1ccncc1", "CCO"))
FAILED = Failure("failed", "test", "on purpose")


def paid(memory: ScaffoldMemory, molecules: list[Molecule], value: float = 1.0) -> list[bool]:
    outcomes = [Outcome(molecule.id, value) for molecule in molecules]
    rewards = torch.full((len(molecules),), memory.sign * value)
    adjusted, metrics = memory(molecules, outcomes, rewards)
    assert metrics["unpaid"] == pytest.approx(float((adjusted != rewards).float().mean()))
    return (adjusted == rewards).tolist()


def test_pays_for_a_scaffold_so_many_times() -> None:
    memory = ScaffoldMemory(PerScaffold(2, None, generic=False), "maximise", 0.0)
    assert paid(memory, [TOLUENE, PYRIDINE, PHENOL, TOLUENE]) == [True, True, True, False]
    assert paid(memory, [PHENOL, PYRIDINE, PYRIDINE]) == [False, True, False]


def test_generic_scaffolds_are_alike_across_elements() -> None:
    memory = ScaffoldMemory(PerScaffold(1, None, generic=True), "maximise", 0.0)
    assert paid(memory, [TOLUENE, PYRIDINE, ETHANOL]) == [True, False, True]


def test_molecules_without_rings_are_their_own_scaffold() -> None:
    memory = ScaffoldMemory(PerScaffold(1, None, generic=False), "maximise", 0.0)
    assert paid(memory, [ETHANOL, from_smiles("CCN"), ETHANOL]) == [True, True, False]


@pytest.mark.parametrize(("direction", "poor", "good"), [("maximise", 0.2, 0.8), ("minimise", 0.8, 0.2)])
def test_only_what_reaches_the_minimum_counts(direction: Direction, poor: float, good: float) -> None:
    memory = ScaffoldMemory(PerScaffold(1, 0.5, generic=False), direction, -1.0 if direction == "maximise" else 2.0)
    assert paid(memory, [TOLUENE, TOLUENE], poor) == [True, True]
    assert paid(memory, [TOLUENE, TOLUENE], good) == [True, False]
    assert paid(memory, [TOLUENE], poor) == [True]


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_unpaid_is_worth_a_failure(direction: Direction) -> None:
    memory = ScaffoldMemory(PerScaffold(1, None, generic=False), direction, 0.25)
    outcomes = [Outcome("", 0.5), Outcome("", 0.5), Outcome("", None, failure=FAILED)]
    floor = 0.25 if direction == "maximise" else -0.25
    rewards = torch.tensor([memory.sign * 0.5, memory.sign * 0.5, floor])
    adjusted, _ = memory([ETHANOL] * 3, outcomes, rewards)
    assert adjusted[2] == floor
    # For a reward to minimise the floor lies above the value here, and nothing may gain by being unpaid.
    assert adjusted[1] == min(float(rewards[1]), floor)


def test_goes_on_from_its_state() -> None:
    first, second = (ScaffoldMemory(PerScaffold(1, None, generic=False), "maximise", 0.0) for _ in range(2))
    assert paid(first, [TOLUENE]) == [True]
    second.load_state_dict(first.state_dict())
    assert paid(second, [PHENOL, ETHANOL]) == [False, True]


def test_refuses_a_state_without_counts() -> None:
    with pytest.raises(CheckpointError, match="scaffolds"):
        ScaffoldMemory(PerScaffold(1, None, generic=False), "maximise", 0.0).load_state_dict({})
