"""SMILES files and tables with a column of SMILES; positions come from ETKDG."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from rdkit import Chem, rdBase

from molvm.chem.formats.complete import completed
from molvm.chem.formats.record import MAX_SMILES_CHARACTERS, Record, note_of, title_or_number
from molvm.chem.formats.spreadsheet import unguarded
from molvm.errors import InputFileError, MoleculeError

SMILES_COLUMNS = ("smiles", "canonical_smiles", "smi", "structure")
DELIMITERS = (",", ";", "\t")
COMMENT = "#"
"""No SMILES begins with it."""

ID_COLUMNS = ("id", "name", "title", "molecule")


SmilesRow = tuple[str, str, dict[str, str]]
"""A SMILES as it is written, what it is called, and its further columns."""


def read_smiles(lines: Iterable[str]) -> Iterator[Record]:
    """Records of a file with a SMILES a line and, behind white space, its title; headers and comments are skipped.

    Args:
        lines: The file's lines.
    """
    return (parse_smiles(*row) for row in smiles_lines(lines))


def read_csv(lines: Iterable[str]) -> Iterator[Record]:
    """Records of a table with a column of SMILES; the other columns become properties.

    Args:
        lines: The file's lines; the first one names the columns, between commas, semicolons or tabs.

    Raises:
        InputFileError: There is no column of SMILES, or the table cannot be read.
    """
    return (parse_smiles(*row) for row in smiles_table(lines))


def smiles_lines(lines: Iterable[str]) -> Iterator[SmilesRow]:
    """What `read_smiles` reads, before it is parsed."""
    number = 0
    for position, line in enumerate(lines):
        smiles, _, title = line.strip().partition(" ") if "\t" not in line else line.strip().partition("\t")
        if not smiles or smiles.startswith(COMMENT) or (position == 0 and smiles.lower() in SMILES_COLUMNS):
            continue
        number += 1
        yield smiles, title_or_number(title, number), {}


def smiles_table(lines: Iterable[str]) -> Iterator[SmilesRow]:
    """What `read_csv` reads, before it is parsed."""
    source = iter(lines)
    header = next(source, "")
    reader = csv.DictReader(chain([header], source), delimiter=max(DELIMITERS, key=header.count))
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or []}
    smiles_column = _smiles_column(columns)
    id_column = next((columns[name] for name in ID_COLUMNS if name in columns), None)
    if smiles_column is None:
        raise InputFileError(
            f"The table has no column of SMILES among {', '.join(columns) or 'its columns'}.",
            allowed=f"{', '.join(SMILES_COLUMNS)}, or one other that ends in smiles",
        )
    number = 0
    try:
        for row in reader:
            number += 1
            name = title_or_number(unguarded(row.get(id_column) or "") if id_column is not None else "", number)
            properties = {
                key: unguarded(value)
                for key, value in row.items()
                if isinstance(key, str) and isinstance(value, str) and key not in (smiles_column, id_column)
            }
            yield (row[smiles_column] or "").strip(), name, properties
    except csv.Error as error:
        raise InputFileError(f"The table cannot be read behind row {number}: {error}.") from error


def _smiles_column(columns: Mapping[str, str]) -> str | None:
    """The column of SMILES among names in lower case, as the table has it."""
    known = next((columns[name] for name in SMILES_COLUMNS if name in columns), None)
    others = [column for name, column in columns.items() if name.endswith("smiles")]
    return known if known is not None or len(others) != 1 else others[0]


def parse_smiles(smiles: str, name: str, properties: dict[str, str]) -> Record:
    """The record of one SMILES, embedded in three dimensions."""
    if not smiles:
        return Record(name, reason="there is no SMILES", properties=properties)
    if len(smiles) > MAX_SMILES_CHARACTERS:
        return Record(
            name, reason=f"the SMILES has more than {MAX_SMILES_CHARACTERS} characters", properties=properties
        )
    if "\ufffd" in smiles:
        # RDKit stops at what it does not know, and would read what stands before it.
        return Record(name, reason="the SMILES has bytes that are not UTF-8", properties=properties)
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromSmiles(smiles)
        except (ValueError, RuntimeError) as error:
            return Record(name, reason=str(error), properties=properties)
    if mol is None:
        return Record(name, reason="RDKit cannot read the SMILES", properties=properties)
    try:
        molecule = completed(mol, name=name, properties=properties)
        return Record(name, molecule, properties=properties, note=note_of(mol), embedded=True)
    except MoleculeError as error:
        return Record(name, reason=str(error), properties=properties)
