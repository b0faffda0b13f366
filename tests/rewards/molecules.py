"""Molecules and rewards that tests of rewards are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.rewards.base import Direction, MoleculeReward, Outcome


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


@dataclass(frozen=True)
class Fixed(MoleculeReward):
    """The same value for every molecule, or a failure; remembers whom it was shown."""

    value: float | None = 0.5
    name: str = "fixed"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True
    cost: float = 1.0
    seen: list[str] = field(default_factory=list, compare=False)

    def evaluate(self, molecule: Molecule) -> Outcome:
        self.seen.append(molecule.id)
        if self.value is None:
            return self.fail(molecule, "failed", self.name, "on demand")
        return self.succeed(molecule, self.value, {"detail": 7.0})


class Whole:
    """A reward of whole batches: the number of atoms, by which single molecules fail if they have three."""

    name, unit, floor = "whole", "", None
    direction: Direction = "maximise"

    def __call__(self, molecules: Sequence[Molecule]) -> list[Outcome]:
        fixed = Fixed(None, "whole")
        return [
            fixed.outcome(molecule) if molecule.n_atoms == 3 else Outcome(molecule.id, float(molecule.n_atoms))
            for molecule in molecules
        ]
