"""Nothing for what is known already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.rewards.base import Direction, MoleculeReward, Outcome, Reward
from molvm.rewards.composite import Recipe, compose, is_desirability, require_terms
from molvm.rewards.graph import GRAPH_SECONDS
from molvm.rewards.settings import checked_text

DIGEST_BYTES = 8
"""Among a million molecules two share such a digest with a chance of one in ten million."""


@dataclass(frozen=True)
class Unknown(MoleculeReward):
    """1 for molecules that are not in a list; those that are, are rejected.

    The list travels to the workers with every message, so it is kept as short digests.

    Args:
        digests: Of canonical SMILES, sorted, `DIGEST_BYTES` each; see `digests_of`.
    """

    digests: bytes
    name: str = "novelty"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True
    cost: float = GRAPH_SECONDS

    def evaluate(self, molecule: Molecule) -> Outcome:
        """1, or why not."""
        smiles = molecule.smiles()
        if smiles is None:
            return self.fail(molecule, "invalid", "valences", "it has no SMILES")
        known = np.frombuffer(self.digests, dtype=">u8")
        wanted = np.frombuffer(_digest(smiles), dtype=">u8")[0]
        position = int(np.searchsorted(known, wanted))
        if position < len(known) and known[position] == wanted:
            return self.fail(molecule, "rejected", "novelty", f"{smiles} is known")
        return self.succeed(molecule, 1.0)


@dataclass(frozen=True)
class Inner:
    """The value of the last term, which stands behind conditions.

    Args:
        known: How many molecules are known.
    """

    known: int

    def __call__(self, values: Sequence[float]) -> float:
        """The last value."""
        return values[-1]

    @property
    def note(self) -> str:
        """How many molecules are known."""
        return f"none of {self.known} known molecules"


def digests_of(smiles: Iterable[str]) -> bytes:
    """The sorted digests of canonical SMILES, each once."""
    return b"".join(sorted({_digest(each) for each in smiles}))


def novel(reward: Reward, known: str) -> Reward:
    """The reward for molecules that are not in a file; those that are, are rejected and never computed.

    Two molecules are the same if their canonical SMILES are, without stereochemistry. The file is read once, when
    the reward is made, and travels to the workers: a list of a million costs some 10 ms a molecule.

    Args:
        reward: What new molecules are worth.
        known: A molecule file, quoted: .smi, .csv, .sdf or another that molvm reads.

    Raises:
        InputFileError: The file cannot be read.
        RewardError: It is no path.
    """
    from molvm.chem.known import known_smiles

    terms = require_terms("novel", [reward])
    digests = digests_of(known_smiles(checked_text("known", known)))
    recipe = Recipe(
        name=f"novel({reward.name})",
        terms=(Unknown(digests), *terms),
        formula=Inner(len(digests) // DIGEST_BYTES),
        unit=reward.unit,
        direction=reward.direction,
        floor=reward.floor,
        desirability=is_desirability(reward),
    )
    return compose(recipe)


def _digest(smiles: str) -> bytes:
    return blake2b(smiles.encode(), digest_size=DIGEST_BYTES).digest()
