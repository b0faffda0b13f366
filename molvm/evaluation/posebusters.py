"""PoseBusters (Buttenschoen, Morris, Deane, Chem. Sci. 2024, 15, 3130): is the geometry physically plausible?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Literal

from molvm.chem.molecule import Molecule
from molvm.chem.validity import Check, Gate, check_elements, check_size
from molvm.errors import MissingDependencyError
from molvm.evaluation.fragments import permissive
from molvm.rewards.base import Direction, MoleculeReward, Outcome

CONFIG: Final = "mol"
"""The tests of a molecule alone, the ratio of energies among them, as in FlowMol3's paper."""


GATE: Final = Gate((Check("size", "rejected", check_size), Check("elements", "invalid", check_elements)))
"""What PoseBusters cannot be asked about, or not in reasonable time."""


Part = Literal["geometry", "energy"]

ENERGY_MODULE: Final = "energy_ratio"
"""It embeds the molecule fifty times, which takes seconds and, for some strained polycycles, does not end."""


@dataclass(frozen=True)
class PoseBustersTests(MoleculeReward):
    """1 for a molecule that passes a part of PoseBusters' tests, else 0.

    A reward, so that a pool can evaluate it. In two parts, so that a molecule whose energies take too long still
    answers the other tests. As in FlowMol, the molecule is built with implicit hydrogens allowed: an atom that lacks a
    bond passes.

    Args:
        part: The ratio of energies, or all the rest.

    Raises:
        MissingDependencyError: PoseBusters is not installed.
    """

    part: Part
    name: str = "posebusters"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0

    def __post_init__(self) -> None:
        if find_spec("posebusters") is None:
            raise MissingDependencyError("posebusters", "eval", "PoseBusters' tests")

    def evaluate(self, molecule: Molecule) -> Outcome:
        """Whether the tests are passed; the details hold 1 or 0 for each, 0 also for a test that had no answer."""
        rejection = GATE(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        row = _tests(self.part).bust(permissive(molecule), None, None).iloc[0]
        passed = {str(test).replace("-", "_"): float(result == 1) for test, result in row.items()}
        return self.succeed(molecule, float(all(passed.values())), passed)


def all_tests() -> tuple[PoseBustersTests, ...]:
    """Both parts.

    Raises:
        MissingDependencyError: PoseBusters is not installed.
    """
    return PoseBustersTests("geometry"), PoseBustersTests("energy")


@cache
def _tests(part: Part) -> Any:
    from posebusters import PoseBusters

    config = PoseBusters(config=CONFIG).config
    modules = [each for each in config["modules"] if (each["function"] == ENERGY_MODULE) == (part == "energy")]
    return PoseBusters(config={**config, "modules": modules})
