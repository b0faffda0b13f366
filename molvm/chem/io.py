"""Molecule files: read SD, SMILES, CSV and XYZ files, write SD and CSV files."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from molvm.chem.formats.record import MAX_RECORD_CHARACTERS, Record
from molvm.chem.formats.spreadsheet import guarded
from molvm.chem.molecule import Molecule
from molvm.durable import published
from molvm.errors import InputFileError

__all__ = ["Record", "iterate_records", "read_molecules", "readable_suffixes", "write_csv", "write_sdf"]

PACKED = ".gz"


def _readers(*, as_written: bool) -> dict[str, Callable[[Iterable[str]], Iterator[Record]]]:
    from molvm.chem.formats.sdf import read_sdf
    from molvm.chem.formats.smiles import read_csv, read_smiles
    from molvm.chem.formats.xyz import read_xyz

    sdf = partial(read_sdf, as_written=as_written)
    return {
        ".sdf": sdf,
        ".sd": sdf,
        ".mol": sdf,
        ".smi": read_smiles,
        ".smiles": read_smiles,
        ".csv": read_csv,
        ".xyz": read_xyz,
    }


def readable_suffixes() -> list[str]:
    """The endings of the files that `read_molecules` reads, with their dots, sorted."""
    return sorted(_readers(as_written=False))


def iterate_records(path: Path | str, *, as_written: bool = False) -> Iterator[Record]:
    """The records of a molecule file, in order, read as they are asked for.

    A record that cannot be read is a record with a reason. Hydrogens that a record implies are added; SMILES and flat
    records are embedded by ETKDG.

    Args:
        path: A file ending in .sdf, .sd, .mol, .smi, .smiles, .csv or .xyz, or in one of these and .gz.
        as_written: Whether three-dimensional SD records are taken as they stand, to judge whoever wrote them: a
            hydrogen that is missing stays missing.

    Raises:
        InputFileError: The file does not exist, cannot be opened, or has another ending or no column of SMILES.
    """
    path = Path(path)
    readers, kind = _readers(as_written=as_written), kind_of(path)
    if kind not in readers:
        raise InputFileError(
            f"The kind of {path} is unknown.", allowed=f"{', '.join(readable_suffixes())}, or one of these and {PACKED}"
        )
    try:
        with _opened(path) as file:
            yield from readers[kind](_lines(file))
    except InputFileError as error:
        raise InputFileError(f"{path}: {error.what}", allowed=error.allowed, remedy=error.remedy) from error
    except (EOFError, zlib.error) as error:
        raise InputFileError(f"The file {path} ends too early, or is damaged: {error}.") from error
    except OSError as error:
        raise InputFileError(
            f"The file {path} cannot be read: {error.strerror or error}.", remedy="check the path and its permissions"
        ) from error


def kind_of(path: Path) -> str:
    """The ending that says what is in a file, in lower case, whether it is packed or not."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == PACKED else path.suffix.lower()


def _opened(path: Path) -> TextIO:
    if path.suffix.lower() == PACKED:
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace")
    return path.open(encoding="utf-8-sig", errors="replace")


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file, the longest cut, so that a file without line ends does not fill the memory."""
    while line := file.readline(MAX_RECORD_CHARACTERS + 1):
        yield line


def read_molecules(path: Path | str, *, as_written: bool = False) -> list[Record]:
    """All records of a molecule file, in order; see `iterate_records`."""
    return list(iterate_records(path, as_written=as_written))


def write_sdf(path: Path | str, molecules: Iterable[Molecule], *, overwrite: bool = False) -> int:
    """Write molecules and their properties to an SD file, which appears under its name only when it is whole.

    Args:
        path: The file to write.
        molecules: Molecules whose atomic numbers are elements.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The number of molecules written.

    Raises:
        OutputExistsError: The file exists, or cannot be written.
        MoleculeError: An atomic number is no element.
    """
    from molvm.chem.formats.sdf import sdf_text

    count = 0
    with published(Path(path), overwrite=overwrite) as part, part.open("w", encoding="utf-8", newline="") as file:
        for molecule in molecules:
            file.write(sdf_text(molecule))
            count += 1
    return count


def write_csv(
    path: Path | str, columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, overwrite: bool = False
) -> None:
    """Write a table, which appears under its name only when it is whole.

    Texts that a spreadsheet would take for formulas get an apostrophe, which `read_molecules` takes away again.

    Args:
        path: The file to write.
        columns: Names of the columns, in order.
        rows: A mapping from column to value each; None and what is missing become empty.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputExistsError: The file exists, or cannot be written.
    """
    with published(Path(path), overwrite=overwrite) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([guarded(row.get(column)) for column in columns] for row in rows)
