"""The SMILES of MOSES (Polykarpovskiy et al., Front. Pharmacol. 2020, 11, 565644) in the PyPI package molsets."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from molvm.datasets.split import SPLIT_CODES, SplitName
from molvm.digests import sha256_of
from molvm.errors import DatasetError, MissingDependencyError

PACKAGE: Final = "molsets"
VERSION: Final = "0.3.1"
INSTALL: Final = f"pip install --no-deps {PACKAGE}=={VERSION}"
"""Without its requirements, of which molvm needs none: they pin a package that does not build any more."""

PARTS: Final[Mapping[SplitName, tuple[str, int]]] = {
    "train": ("train.csv.gz", 1_584_663),
    "validation": ("test.csv.gz", 176_074),
    "test": ("test_scaffolds.csv.gz", 176_225),
}
"""Which of MOSES's files is which split of ours, and how many SMILES it has. No scaffold of `test_scaffolds` occurs in
the other two; `test` is drawn as `train` was."""

HEADER: Final = "SMILES"


def package_files() -> dict[SplitName, Path]:
    """The files of SMILES, found without importing the package: its import needs what it pins.

    Raises:
        MissingDependencyError: molsets is not installed.
        DatasetError: It is, but its files are not there.
    """
    try:
        importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependencyError(PACKAGE, None, "Building drugs", remedy=INSTALL) from error
    spec = importlib.util.find_spec("moses")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(PACKAGE, None, "Building drugs", remedy=INSTALL)
    folder = Path(next(iter(spec.submodule_search_locations))) / "dataset" / "data"
    files = {split: folder / name for split, (name, _) in PARTS.items()}
    for file in files.values():
        if not file.is_file():
            raise DatasetError(f"{PACKAGE} lacks its file {file}.", remedy=f"{INSTALL} --force-reinstall")
    return files


def read_smiles(files: Mapping[SplitName, Path]) -> list[str]:
    """All SMILES, file after file in the order of `PARTS`.

    Raises:
        DatasetError: A file is damaged or has another number of SMILES.
    """
    smiles: list[str] = []
    for split, (_, expected) in PARTS.items():
        try:
            with gzip.open(files[split], "rt", encoding="ascii") as stream:
                header, *lines = stream.read().splitlines()
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise DatasetError(
                f"{files[split]} cannot be read: {error}.", remedy=f"{INSTALL} --force-reinstall"
            ) from error
        if header != HEADER or len(lines) != expected:
            raise DatasetError(
                f"{files[split]} has {len(lines)} rows behind the header {header[:40]!r}.",
                allowed=f"{expected} rows behind {HEADER!r}, as in {PACKAGE} {VERSION}",
                remedy=f"{INSTALL} --force-reinstall",
            )
        smiles += lines
    return smiles


def split_of(rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """The split of each row (k,): that of its file. uint8 (k,), codes of `SPLIT_CODES`."""
    ends = np.cumsum([expected for _, expected in PARTS.values()])
    codes = np.array([SPLIT_CODES[split] for split in PARTS], dtype=np.uint8)
    return codes[np.searchsorted(ends, rows, side="right")]


def source(files: Mapping[SplitName, Path]) -> dict[str, Any]:
    """Where the SMILES are from, for a manifest."""
    return {
        "package": PACKAGE,
        "version": importlib.metadata.version(PACKAGE),
        "license": "MIT (package, Insilico Medicine); the molecules are a filtered part of ZINC Clean Leads",
        "source_index": "row of train.csv, test.csv and test_scaffolds.csv put one behind the other, from 0",
        "sha256": {file.name: sha256_of(file) for file in files.values()},
    }
