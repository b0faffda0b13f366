"""Rewards of the bond graph: one examination of a molecule serves all that look at it in turn."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING

from molvm.chem.molecule import Molecule
from molvm.chem.validity import SOUND, Rejection
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.rewards.versions import EDITION, versions_of

if TYPE_CHECKING:
    from rdkit import Chem

GRAPH_SECONDS = 0.001
"""What a look at a bond graph costs, roughly."""


@lru_cache(maxsize=1)
def examined(molecule: Molecule) -> Chem.Mol | Rejection:
    """The sanitised RDKit molecule without its hydrogens, or why a molecule is not sound.

    The last answer is kept, because the terms of a sum ask for the same one. Do not change it.
    """
    from rdkit import Chem, rdBase

    from molvm.chem.rdkit_bridge import sanitised

    rejection = SOUND(molecule)
    if rejection is not None:
        return rejection
    mol = sanitised(molecule)
    if isinstance(mol, str):
        return Rejection("invalid", "valences", mol)
    with rdBase.BlockLogs():
        return Chem.RemoveHs(mol)


class GraphReward(MoleculeReward):
    """A reward of strictly valid molecules in one piece that reads the bond graph alone.

    The positions must be those of a molecule (`molvm.chem.validity.SOUND`), but do not enter the value. Subclasses are
    dataclasses whose fields decide it.
    """

    cost = GRAPH_SECONDS
    worth_keeping = False

    @property
    def cached_as(self) -> str | None:
        """All fields, and the versions of what computes: it is part of rewards that are worth keeping."""
        return "; ".join((f"{EDITION}", f"{type(self).__module__}.{self!r}", *versions_of("molvm", "rdkit")))

    @abstractmethod
    def measure(self, graph: Chem.Mol) -> float:
        """The value. The graph is sanitised, has no hydrogens as atoms, and must not be changed."""

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The value, or the check that the molecule did not pass."""
        from rdkit import rdBase

        graph = self.graph(molecule)
        if isinstance(graph, Outcome):
            return graph
        with rdBase.BlockLogs():
            return self.succeed(molecule, float(self.measure(graph)))

    def graph(self, molecule: Molecule) -> Chem.Mol | Outcome:
        """What `measure` is given, or the failure."""
        graph = examined(molecule)
        if isinstance(graph, Rejection):
            return self.fail(molecule, graph.kind, graph.check, graph.reason)
        return graph
