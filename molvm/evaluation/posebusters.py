"""PoseBusters (Buttenschoen, Morris, Deane, Chem. Sci. 2024, 15, 3130): is the geometry physically plausible?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

from molvm.chem.molecule import Molecule
from molvm.chem.validity import Check, Gate, check_elements, check_size
from molvm.errors import MissingDependencyError
from molvm.evaluation.fragments import permissive
from molvm.rewards.base import Direction, MoleculeReward, Outcome

CONFIG: Final = "mol"
"""The tests of a molecule alone, the energy ratio among them, as in FlowMol3's paper."""


GATE: Final = Gate((Check("size", "rejected", check_size), Check("elements", "invalid", check_elements)))
"""What PoseBusters cannot be asked about, or not in reasonable time."""


@dataclass(frozen=True)
class PoseBustersTests(MoleculeReward):
    """1 for a molecule that passes every test of PoseBusters, else 0.

    A reward, so that a pool can evaluate it: some tests embed the molecule fifty times, which takes seconds and may
    never end. As in FlowMol, the molecule is built with implicit hydrogens allowed: an atom that lacks a bond passes.

    Raises:
        MissingDependencyError: PoseBusters is not installed.
    """

    name: str = "posebusters"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0

    def __post_init__(self) -> None:
        if find_spec("posebusters") is None:
            raise MissingDependencyError("posebusters", "eval", "PoseBusters' tests")

    def evaluate(self, molecule: Molecule) -> Outcome:
        """Whether all tests are passed; the details hold 1 or 0 for each, 0 also for a test that had no answer."""
        rejection = GATE(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        row = _tests().bust(permissive(molecule), None, None).iloc[0]
        passed = {_plain(str(test)): float(result == 1) for test, result in row.items()}
        return self.succeed(molecule, float(all(passed.values())), passed)


@cache
def _tests() -> Any:
    from posebusters import PoseBusters

    return PoseBusters(config=CONFIG)


def _plain(test: str) -> str:
    """A name like those of the other metrics."""
    return test.replace("-", "_")
