"""How GEOM-Drugs lies on a user's disk: as MiDi's split pickles, or as GEOM itself publishes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from molvm.datasets.split import SplitName
from molvm.digests import sha256_of
from molvm.errors import InputFileError

SPLIT_FILES: Final[dict[SplitName, str]] = {
    "train": "train_data.pickle",
    "validation": "val_data.pickle",
    "test": "test_data.pickle",
}
SUMMARY_FILE: Final = "summary_drugs.json"
FOLDER: Final = "rdkit_folder"


@dataclass(frozen=True)
class SplitPickles:
    """MiDi's layout: one pickle a split, each a list of (SMILES, [RDKit molecules, one a conformer]).

    Attributes:
        files: The pickle of each split that is there.
    """

    files: dict[SplitName, Path]

    def description(self) -> dict[str, Any]:
        """What tells these files from others; their checksums would take minutes."""
        return {
            "layout": "split pickles (MiDi)",
            "files": {file.name: file.stat().st_size for file in self.files.values()},
        }


@dataclass(frozen=True)
class PicklePerMolecule:
    """GEOM's own layout: a JSON summary by SMILES and a pickle a molecule.

    Attributes:
        summary: The JSON file.
        files: The pickle of each molecule, in the order of the summary; None where it names none.
    """

    summary: Path
    files: tuple[Path | None, ...]

    def description(self) -> dict[str, Any]:
        """What tells these files from others."""
        return {
            "layout": "a pickle a molecule (GEOM)",
            "molecules": len(self.files),
            "sha256": {self.summary.name: sha256_of(self.summary)},
        }


def find_layout(source: Path) -> SplitPickles | PicklePerMolecule:
    """What there is in a folder.

    Args:
        source: The folder of the pickles, or of the summary, or the one above `rdkit_folder`.

    Raises:
        InputFileError: It holds neither layout, or a damaged summary.
    """
    files = {split: source / name for split, name in SPLIT_FILES.items() if (source / name).is_file()}
    if "train" in files:
        return SplitPickles(files)
    for folder in (source, source / FOLDER):
        if (folder / SUMMARY_FILE).is_file():
            return PicklePerMolecule(folder / SUMMARY_FILE, _listed(folder))
    raise InputFileError(
        f"{source} does not hold GEOM-Drugs.",
        allowed=f"{', '.join(SPLIT_FILES.values())} (train at least), or {SUMMARY_FILE} with the pickles it names",
        remedy="the folder in which these files lie",
    )


def _listed(folder: Path) -> tuple[Path | None, ...]:
    file = folder / SUMMARY_FILE
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFileError(f"{file} cannot be read: {error}.") from error
    if not isinstance(summary, dict) or not all(isinstance(entry, dict) for entry in summary.values()):
        raise InputFileError(f"{file} is no summary of GEOM.", allowed="a JSON object with an object for each SMILES")
    return tuple(_file(folder, entry.get("pickle_path")) for entry in summary.values())


def _file(folder: Path, named: object) -> Path | None:
    if not isinstance(named, str) or not named:
        return None
    inside = PurePosixPath(named)
    if inside.is_absolute() or ".." in inside.parts:
        raise InputFileError(f"{folder / SUMMARY_FILE} names a file outside its folder: {named[:80]!r}.")
    return folder / inside
