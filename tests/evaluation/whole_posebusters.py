"""All of PoseBusters' tests at once, in a module that worker processes can import."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.chem.molecule import Molecule
from molvm.evaluation.fragments import permissive
from molvm.rewards import Direction, MoleculeReward, Outcome


@dataclass(frozen=True)
class Whole(MoleculeReward):
    """The configuration `mol` as it comes."""

    name: str = "whole"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None

    def evaluate(self, molecule: Molecule) -> Outcome:
        from posebusters import PoseBusters

        row = PoseBusters(config="mol").bust(permissive(molecule), None, None).iloc[0]
        return self.succeed(molecule, 0.0, {test.replace("-", "_"): float(result == 1) for test, result in row.items()})
