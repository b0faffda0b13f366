"""Molecule files of any format: molvm's own readers, and Open Babel for all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from molvm.chem import io
from molvm.chem.formats.record import Record
from molvm.errors import InputFileError, MissingDependencyError, UnknownNameError
from molvm.interop import openbabel

PLAIN_TEXT = {".txt", ".text"}
"""Which Open Babel takes for lists of titles, without a molecule."""

SECONDS = 600.0
"""How long Open Babel may read; it takes a second for some hundred thousand atoms."""


def read_molecules(path: Path | str, progress: Callable[[int], None] | None = None) -> list[Record]:
    """All records of a molecule file, in order; the format goes by the file's ending.

    Args:
        path: A file that `molvm.chem.io` reads, or else Open Babel.
        progress: Called with how many records are read; embedding SMILES takes some milliseconds each.

    Raises:
        InputFileError: The file cannot be read or is a folder, or neither knows its ending, or Open Babel may and is
            not installed.
        InteropError: Open Babel crashed or took too long.
    """
    suffixes = io.readable_suffixes()
    if Path(path).is_dir():
        raise InputFileError(
            f"{path} is a folder.", allowed="a molecule file", remedy="a file in it, such as the best.sdf of a run"
        )
    if io.kind_of(Path(path)) in PLAIN_TEXT:
        raise InputFileError(
            f"The ending of {path} does not say what kind of molecules are in it.",
            allowed=f"{', '.join(suffixes)}; with Open Babel also .mol2, .pdb, .cml and many more",
            remedy="a name with the ending of its format, .smi for lines that begin with a SMILES",
        )
    if io.kind_of(Path(path)) in suffixes:
        records: list[Record] = []
        for record in io.iterate_records(path):
            records.append(record)
            if progress is not None:
                progress(len(records))
        return records
    try:
        return openbabel.read_molecules(path, timeout=SECONDS)
    except (MissingDependencyError, UnknownNameError) as error:
        raise InputFileError(
            f"The kind of {path} is unknown.",
            allowed=f"{', '.join(suffixes)}; with Open Babel also .mol2, .pdb, .cml and many more",
            remedy=error.remedy if isinstance(error, MissingDependencyError) else "the ending of its format",
        ) from error
