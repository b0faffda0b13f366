"""What the bond graphs of many molecules say: which are sound, and which have a part. Each is asked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from molvm.chem.molecule import Molecule
from molvm.chem.validity import is_valid_and_connected
from molvm.errors import ConfigError
from molvm.evaluation.descriptors import Descriptors, describe

MAX_SMARTS: Final = 300
"""Characters of a pattern."""

MOST_PATTERNS: Final = 32
"""Patterns whose answers are remembered."""

REPORT_EVERY: Final = 50
"""Molecules between two calls of a progress function."""


@dataclass(frozen=True, eq=False)
class Structures:
    """Bond graphs in a row. Ten thousand are parsed in a second, once; then a pattern takes a tenth of one.

    Args:
        molecules: None where there is none.
        smiles: One a molecule; None for what RDKit cannot sanitise.
    """

    molecules: Sequence[Molecule | None]
    smiles: Sequence[str | None]
    _matches: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)
    _descriptors: dict[int, Descriptors | None] = field(default_factory=dict, repr=False)

    @cached_property
    def sound(self) -> NDArray[np.bool_]:
        """(n,) whether each is strictly valid and in one piece."""
        return np.array([one is not None and is_valid_and_connected(one) for one in self.molecules], dtype=np.bool_)

    def matching(self, smarts: str) -> frozenset[str]:
        """The SMILES that have a part.

        Args:
            smarts: The part as SMARTS.

        Raises:
            ConfigError: It is no SMARTS.
        """
        if smarts not in self._matches:
            pattern = _pattern(smarts)
            with rdBase.BlockLogs():
                found = frozenset(text for text, graph in self._graphs.items() if graph.HasSubstructMatch(pattern))
            while len(self._matches) >= MOST_PATTERNS:
                self._matches.pop(next(iter(self._matches)), None)
            self._matches[smarts] = found
        return self._matches[smarts]

    def descriptors(self, progress: Callable[[int, int], None] | None = None) -> list[Descriptors | None]:
        """QED, logP and synthetic accessibility of each, one or two milliseconds a molecule; None where there are none.

        Args:
            progress: Called with (done, in all) now and then, before all are done. If it raises, what has been
                computed is kept, and the next call goes on from there.
        """
        total = len(self.molecules)
        for index, molecule in enumerate(self.molecules):
            if index in self._descriptors:
                continue
            if progress is not None and len(self._descriptors) % REPORT_EVERY == 0:
                progress(len(self._descriptors), total)
            self._descriptors[index] = None if molecule is None else describe(molecule)
        return [self._descriptors[index] for index in range(total)]

    @cached_property
    def _graphs(self) -> dict[str, Chem.Mol]:
        with rdBase.BlockLogs():
            parsed = {text: Chem.MolFromSmiles(text) for text in dict.fromkeys(self.smiles) if text is not None}
        return {text: graph for text, graph in parsed.items() if graph is not None}


def _pattern(smarts: str) -> Chem.Mol:
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts.strip()) if len(smarts) <= MAX_SMARTS else None
    if pattern is None:
        raise ConfigError(
            f"The pattern {smarts[:60]!r} is no SMARTS.",
            allowed=f"up to {MAX_SMARTS} characters, such as [OX2H] for hydroxyl",
        )
    return pattern
