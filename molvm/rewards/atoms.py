"""How many atoms of an element."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.chem.molecule import Molecule
from molvm.chem.validity import Rejection
from molvm.errors import RewardError
from molvm.rewards.base import Direction, MoleculeReward, Outcome
from molvm.rewards.graph import GRAPH_SECONDS, examined
from molvm.rewards.settings import checked_direction, checked_text


@dataclass(frozen=True)
class AtomsOf(MoleculeReward):
    """The number of atoms of one element, of strictly valid molecules in one piece.

    Args:
        atomic_number: The element.
        name: Of the reward.
        unit: None, it is a count.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
    """

    atomic_number: int
    name: str = "atoms_of"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    cost: float = GRAPH_SECONDS

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The number, or the check that the molecule did not pass."""
        found = examined(molecule)
        if isinstance(found, Rejection):
            return self.fail(molecule, found.kind, found.check, found.reason)
        return self.succeed(molecule, float((molecule.elements == self.atomic_number).sum()))


def atoms_of(element: str, *, direction: Direction = "maximise") -> AtomsOf:
    """Number of atoms of an element, hydrogen too.

    Args:
        element: Its symbol, as in `atoms_of(N)`.
        direction: Whether more or less is better.

    Raises:
        RewardError: There is no such element.
    """
    direction = checked_direction(direction)
    number = _atomic_number(checked_text("element", element))
    return AtomsOf(number, f"atoms_of({element})", "", direction, 0.0 if direction == "maximise" else None)


def _atomic_number(symbol: str) -> int:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        try:
            number = int(Chem.GetPeriodicTable().GetAtomicNumber(symbol))
        except RuntimeError:
            number = 0
    if number <= 0:
        raise RewardError(f"There is no element {symbol!r}.", allowed="a symbol such as N or Cl")
    return number
