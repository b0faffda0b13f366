"""How alike two molecules are in space: the overlap of their volumes in the best alignment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from molvm.chem.molecule import Molecule
from molvm.chem.validity import SOUND
from molvm.errors import InputFileError, RewardError
from molvm.rewards.base import Direction, MoleculeReward, Outcome
from molvm.rewards.settings import checked_switch, checked_text

ITERATIONS = {"max_preiters": 10, "max_postiters": 30}
"""From every start, and from the best ones; RDKit's own numbers differ from version to version."""

SHAPE_ALONE, SHAPE_AND_FEATURES = 1.0, 0.5
"""What the alignment looks at, as RDKit counts it."""


@dataclass(frozen=True)
class ShapeSimilarity(MoleculeReward):
    """Shape Tanimoto with a reference, from a molecule's own positions; strictly valid molecules in one piece.

    Args:
        reference: The reference with its positions.
        features: Whether the overlap of pharmacophoric features counts for half.
    """

    reference: Molecule
    features: bool = False
    name: str = "shape_similarity"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0
    desirability: bool = True
    cost: float = 0.02

    @property
    def note(self) -> str:
        """The settings, for people."""
        return f"to {self.reference.id}, by {'shape and features' if self.features else 'shape'}"

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The coefficient, 0 to 1, with the details `shape` and, if asked for, `features`."""
        rejection = SOUND(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        shape, features = overlap(self.reference, molecule, features=self.features)
        if not self.features:
            return self.succeed(molecule, shape)
        return self.succeed(molecule, (shape + features) / 2, {"shape": shape, "features": features})


def overlap(reference: Molecule, molecule: Molecule, *, features: bool) -> tuple[float, float]:
    """Tanimoto coefficients of the shapes and of the features, 0 to 1, when the molecule lies best on the reference.

    RDKit's port of PubChem's alignment: Gaussian volumes of the heavy atoms, from several starts.

    Args:
        reference: A sound molecule.
        molecule: Another.
        features: Whether features are aligned too; if not, theirs is 0.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdShapeAlign

    from molvm.chem.rdkit_bridge import sanitised

    fixed, moved = sanitised(reference), sanitised(molecule)
    if isinstance(fixed, str) or isinstance(moved, str):
        raise RewardError("A molecule that is to be aligned is not sound.")
    with rdBase.BlockLogs():
        shape, feature = rdShapeAlign.AlignMol(
            fixed,
            Chem.Mol(moved),
            useColors=features,
            opt_param=SHAPE_AND_FEATURES if features else SHAPE_ALONE,
            **ITERATIONS,
        )
    return min(max(shape, 0.0), 1.0), min(max(feature, 0.0), 1.0)


def shape_similarity(reference: str, *, features: bool = False) -> ShapeSimilarity:
    """Likeness in space to a reference, 0 to 1: shape Tanimoto of the best alignment of the positions.

    Args:
        reference: A molecule file, of which the first molecule is taken as it stands (.sdf), or a SMILES, of which
            one conformer is made; quoted.
        features: Whether the overlap of pharmacophoric features counts for half.

    Raises:
        RewardError: The reference is neither, or no sound molecule.
    """
    molecule = reference_molecule(checked_text("reference", reference))
    return ShapeSimilarity(molecule, checked_switch("features", features))


def reference_molecule(text: str) -> Molecule:
    """The molecule of a file or a SMILES, with positions.

    Raises:
        RewardError: There is none, or it is not sound.
    """
    record = _first_record(Path(text)) if _names_a_file(text) else _from_smiles(text)
    rejection = None if record is None else SOUND(record)
    if record is None or rejection is not None:
        reason = rejection.reason if rejection is not None else "it cannot be read"
        raise RewardError(
            f"The reference {text!r} is no sound molecule: {reason}.", allowed="a molecule file, or a SMILES"
        )
    return record


def _names_a_file(text: str) -> bool:
    from molvm.chem.io import readable_suffixes

    return Path(text).suffix.lower() in readable_suffixes()


def _first_record(path: Path) -> Molecule | None:
    from molvm.chem.io import iterate_records

    try:
        first = next(iterate_records(path.expanduser()), None)
    except InputFileError as error:
        raise RewardError(f"The reference cannot be read: {error.what}", remedy="check the path") from error
    return None if first is None else first.molecule


@lru_cache(maxsize=8)
def _from_smiles(text: str) -> Molecule | None:
    from molvm.chem.formats.smiles import parse_smiles

    return parse_smiles(text, text, {}).molecule
