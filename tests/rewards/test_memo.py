from __future__ import annotations

import gc
import weakref
from contextlib import suppress
from dataclasses import replace

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import EngineError
from molvm.rewards.memo import _RESULTS, remembered


class Counted:
    """Returns how often it was called, or fails each time."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls, self.fails = 0, fails

    def __call__(self) -> int:
        self.calls += 1
        if self.fails:
            raise EngineError("on demand")
        return self.calls


def helium() -> Molecule:
    return Molecule([2], [[0.0, 0.0, 0.0]], [0], [], [])  # type: ignore[arg-type]


def test_a_step_is_computed_once_a_molecule_object() -> None:
    molecule, compute = helium(), Counted()
    assert [remembered(molecule, ("step", 1), compute) for _ in range(3)] == [1, 1, 1]
    assert remembered(molecule, ("step", 2), compute) == 2
    assert remembered(replace(molecule), ("step", 1), compute) == 3


def test_an_engine_error_is_remembered_too() -> None:
    molecule, compute = helium(), Counted(fails=True)
    for _ in range(3):
        with pytest.raises(EngineError, match="on demand"):
            remembered(molecule, "step", compute)
    assert compute.calls == 1


def test_other_exceptions_are_not() -> None:
    molecule = helium()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            remembered(molecule, "step", lambda: 1 // 0)
    assert remembered(molecule, "step", Counted()) == 1


def test_what_cannot_be_hashed_is_not_kept() -> None:
    molecule, compute = helium(), Counted()
    assert [remembered(molecule, ("step", []), compute) for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("fails", [False, True])
def test_results_go_with_the_molecule(fails: bool) -> None:
    molecule = helium()
    compute = Counted(fails=fails)
    gone = weakref.ref(molecule)
    with suppress(EngineError):
        remembered(molecule, "step", compute)
    assert molecule in _RESULTS
    del molecule
    gc.collect()
    assert gone() is None
