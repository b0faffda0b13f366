"""Descriptors of the bond graph by Open Babel, which runs in a process beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from molvm.arguments import typed
from molvm.errors import InteropError, UnknownNameError
from molvm.programs.companion import CompanionError
from molvm.rewards.base import Direction, Outcome
from molvm.rewards.graph import GraphReward
from molvm.rewards.settings import checked_direction

if TYPE_CHECKING:
    from rdkit import Chem

    from molvm.chem.molecule import Molecule

UNITS: Final[Mapping[str, str]] = {"MP": "°C", "MR": "cm³/mol", "MW": "g/mol", "TPSA": "Å²"}
"""Of those descriptors that have one."""

SIGNED: Final = ("logP", "MP")
"""The descriptors that may be negative."""


@dataclass(frozen=True)
class OpenBabelDescriptor(GraphReward):
    """A descriptor by Open Babel, of strictly valid molecules in one piece.

    Args:
        descriptor: One of `molvm.chem.openbabel_descriptors.known_descriptors`.
        version: Of Open Babel.
        name: Of the reward.
        unit: Of its values.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
    """

    descriptor: str
    version: str
    name: str
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None

    worth_keeping = True

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The value, the check that the molecule did not pass, or what became of Open Babel."""
        try:
            return super().evaluate(molecule)
        except CompanionError as error:
            return self.fail(molecule, error.ending, "openbabel", str(error))
        except InteropError as error:
            return self.fail(molecule, "failed", "openbabel", str(error))

    def measure(self, graph: Chem.Mol) -> float:
        """The descriptor.

        Raises:
            InteropError: Open Babel has no value, or gave no answer.
        """
        from rdkit import Chem

        from molvm.chem.openbabel_descriptors import describe

        # Kekulised, for aromatic rings are not the same to both.
        kekulised = Chem.Mol(graph)
        Chem.Kekulize(kekulised, clearAromaticFlags=True)
        return describe(Chem.MolToSmiles(kekulised), self.descriptor)


@typed()
def openbabel(descriptor: str, *, direction: Direction = "maximise") -> OpenBabelDescriptor:
    """A descriptor by Open Babel, such as logP, MR, TPSA, MP or rotors; an unknown one is answered with all there are.

    It sees the molecule without its hydrogens, as in a SMILES: atoms, bonds and sbonds are those of heavy atoms. logP
    and MR (cm³/mol) are by Wildman and Crippen (1999), TPSA (Å²) by Ertl et al. (2000). Atom types are Open Babel's
    own: logP is within 0.1 of RDKit's for half of the drugs and small molecules of the tests, and 1 or more off for a
    tenth. Needs the extra obabel. A descriptor that cannot be negative counts a failure as 0 where more is better.

    Args:
        descriptor: Its name in Open Babel, in its spelling.
        direction: Whether more or less is better; for a range, wrap it in `window`.

    Raises:
        UnknownNameError: Open Babel has no such descriptor, or its values are no numbers.
        MissingDependencyError: Open Babel is not installed.
        InteropError: It cannot be asked.
        RewardError: There is no such direction.
    """
    from molvm.chem.openbabel_descriptors import known_descriptors

    direction, known = checked_direction(direction), known_descriptors()
    if descriptor not in known.names:
        raise UnknownNameError("descriptor of Open Babel", str(descriptor), known.names)
    floor = 0.0 if direction == "maximise" and descriptor not in SIGNED else None
    name, unit = f"openbabel({descriptor})", UNITS.get(descriptor, "")
    return OpenBabelDescriptor(descriptor, known.version, name, unit, direction, floor)
