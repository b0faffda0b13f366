"""How alike two bond graphs are: the Tanimoto coefficient of fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from molvm.arguments import typed
from molvm.errors import RewardError
from molvm.rewards.base import Direction
from molvm.rewards.graph import GraphReward
from molvm.rewards.settings import checked_direction, checked_text

if TYPE_CHECKING:
    from rdkit import Chem

FINGERPRINTS = ("morgan", "rdkit", "maccs", "atom_pair", "torsion")

MORGAN_RADIUS = 2
"""Bonds around an atom: the ECFP4 of Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742."""

BITS = 2048


@dataclass(frozen=True)
class Similarity(GraphReward):
    """Tanimoto coefficient with a reference, of strictly valid molecules in one piece.

    Args:
        reference: Canonical SMILES, without stereochemistry.
        fingerprint: One of `FINGERPRINTS`.
        name: Of the reward.
        unit: None.
        direction: Whether to be like the reference or unlike it.
        floor: What a failure is worth.
        desirability: Whether more is better.
    """

    reference: str
    fingerprint: str = "morgan"
    name: str = "similarity"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True

    @property
    def note(self) -> str:
        """The settings, for people."""
        return f"to {self.reference}, by the fingerprint {self.fingerprint}"

    def measure(self, graph: Chem.Mol) -> float:
        """The Tanimoto coefficient, 0 to 1."""
        from rdkit.DataStructs import TanimotoSimilarity

        reference = _reference_print(self.reference, self.fingerprint)
        return float(TanimotoSimilarity(_print(graph, self.fingerprint), reference))


@typed()
def similarity(reference: str, fingerprint: str = "morgan", *, direction: Direction = "maximise") -> Similarity:
    """Likeness to a reference, 0 to 1: the Tanimoto coefficient of their fingerprints.

    Stereochemistry is not looked at: molecules that are generated have none until it is perceived.

    Args:
        reference: Its SMILES, quoted.
        fingerprint: morgan (ECFP4), rdkit (paths), maccs (keys), atom_pair or torsion.
        direction: Whether to be like the reference or unlike it.

    Raises:
        RewardError: The SMILES cannot be read, or there is no such fingerprint.
    """
    if fingerprint not in FINGERPRINTS:
        raise RewardError(f"There is no fingerprint {fingerprint!r}.", allowed=", ".join(FINGERPRINTS))
    smiles = reference_smiles(checked_text("reference", reference))
    liked = checked_direction(direction) == "maximise"
    return Similarity(smiles, fingerprint, direction=direction, floor=0.0 if liked else 1.0, desirability=liked)


def reference_smiles(text: str) -> str:
    """The canonical SMILES of a SMILES, without stereochemistry and isotopes.

    Raises:
        RewardError: RDKit cannot read it.
    """
    from molvm.chem.canonical import flat_smiles

    smiles = flat_smiles(text)
    if not smiles:
        raise RewardError(f"RDKit cannot read the SMILES {text!r}.", remedy="the SMILES in quotes")
    return smiles


@lru_cache(maxsize=64)
def _reference_print(smiles: str, fingerprint: str) -> Any:
    from rdkit import Chem

    return _print(Chem.MolFromSmiles(smiles), fingerprint)


def _print(graph: Chem.Mol, fingerprint: str) -> Any:
    return _generator(fingerprint)(graph)


@lru_cache(maxsize=len(FINGERPRINTS))
def _generator(fingerprint: str) -> Any:
    from rdkit.Chem import rdFingerprintGenerator
    from rdkit.Chem.rdMolDescriptors import GetMACCSKeysFingerprint

    if fingerprint == "maccs":
        return GetMACCSKeysFingerprint
    makers = {
        "morgan": lambda: rdFingerprintGenerator.GetMorganGenerator(radius=MORGAN_RADIUS, fpSize=BITS),
        "rdkit": lambda: rdFingerprintGenerator.GetRDKitFPGenerator(fpSize=BITS),
        "atom_pair": lambda: rdFingerprintGenerator.GetAtomPairGenerator(fpSize=BITS),
        "torsion": lambda: rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=BITS),
    }
    return makers[fingerprint]().GetFingerprint
