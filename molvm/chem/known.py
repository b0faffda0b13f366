"""The molecules of a file as bond graphs alone, fast: SMILES are read, not embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from molvm.chem.canonical import flat_smiles
from molvm.chem.formats.smiles import SmilesRow, smiles_lines, smiles_table
from molvm.chem.io import iterate_records
from molvm.errors import InputFileError

_TEXT_READERS: dict[str, Callable[[Iterable[str]], Iterator[SmilesRow]]] = {
    ".smi": smiles_lines,
    ".smiles": smiles_lines,
    ".csv": smiles_table,
}


def known_smiles(path: Path | str) -> set[str]:
    """Canonical SMILES of all molecules in a file, without hydrogens, isotopes and stereochemistry.

    What cannot be read is left out.

    Args:
        path: A file as `molvm.chem.io.iterate_records` reads it.

    Raises:
        InputFileError: The file does not exist or is of another kind, or none of it can be read.
    """
    path = Path(path).expanduser()
    reader = _TEXT_READERS.get(path.suffix.lower())
    found = set(_from_records(path) if reader is None else _from_text(path, reader))
    if not found:
        raise InputFileError(f"There is no molecule in {path} that can be read.", remedy="another file")
    return found


def _from_records(path: Path) -> Iterator[str]:
    for record in iterate_records(path):
        smiles = None if record.molecule is None else record.molecule.smiles()
        if smiles:
            yield smiles


def _from_text(path: Path, reader: Callable[[Iterable[str]], Iterator[SmilesRow]]) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for text, _, _ in reader(file):
                smiles = flat_smiles(text)
                if smiles:
                    yield smiles
    except OSError as error:
        raise InputFileError(
            f"The file {path} cannot be read: {error.strerror or error}.", remedy="check the path and its permissions"
        ) from error
