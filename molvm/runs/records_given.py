"""What is to be scored, as records: those of a file, or of what Python hands over. Imports no torch."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from molvm.chem.formats.record import Record, note_of, title_or_number
from molvm.chem.formats.smiles import SMILES_COLUMNS, parse_smiles, read_csv
from molvm.chem.molecule import TO_MOLECULE, Molecule
from molvm.errors import ConfigError, InputFileError, MoleculeError
from molvm.interop.files import read_molecules

if TYPE_CHECKING:
    import pandas as pd
    from rdkit import Chem

MISSING = "there is no molecule"
"""Why None makes none, which RDKit says for what it cannot read, and pandas' NaN."""


def records_of(
    source: Path | str | pd.DataFrame | Iterable[Molecule | Record | Chem.Mol | str | None],
    progress: Callable[[int], None] | None = None,
) -> list[Record]:
    """The records of a file, of molecules, SMILES or a table, or as they are.

    Args:
        source: A file, molecules, SMILES, records, or a table of pandas, which is read as its CSV file would be.
        progress: Called with how many records of a file are read.

    Raises:
        InputFileError: The file cannot be read, or has no records.
        MoleculeError: Something is no molecule.
        ConfigError: A table has no column of SMILES, or is no table of pandas.
    """
    if isinstance(source, Path | str):
        records = read_molecules(source, progress)
        if not records:
            raise InputFileError(f"There are no molecules in {source}.", remedy="another file")
        return records
    if _is_data_frame(source):
        return _of_data_frame(source)
    if isinstance(source, Mapping) or hasattr(source, "columns"):  # they would hand over their names
        raise ConfigError(
            f"What is to be scored is a {type(source).__name__}.",
            allowed="a list of molecules or SMILES, a pandas.DataFrame, or the path of a molecule file",
            remedy="its column of SMILES",
        )
    return [_record(one, number) for number, one in enumerate(source, start=1)]


def _is_data_frame(source: object) -> TypeGuard[pd.DataFrame]:
    """Without importing pandas, which takes longer than most scorings."""
    return any(each.__name__ == "DataFrame" and each.__module__.startswith("pandas") for each in type(source).__mro__)


def _of_data_frame(table: pd.DataFrame) -> list[Record]:
    try:
        return list(read_csv(io.StringIO(table.to_csv(index=False))))
    except InputFileError as error:
        raise ConfigError(
            f"The data frame has no column of SMILES among {', '.join(map(str, table.columns)) or 'its columns'}.",
            allowed=f"{', '.join(SMILES_COLUMNS)}, or one other that ends in smiles",
            remedy="table.rename(columns=...), or the column itself, of SMILES or of RDKit's molecules",
        ) from error


def _record(one: object, number: int) -> Record:
    from rdkit import Chem

    if isinstance(one, Record):
        return one
    if isinstance(one, Molecule):
        return Record(one.id, one)
    if isinstance(one, Chem.Mol):
        return _of_rdkit(one, number)
    if isinstance(one, str):
        return parse_smiles(one.strip(), str(number), {})
    if _is_missing(one):
        return Record(str(number), reason=MISSING)
    raise MoleculeError(
        f"{one!r:.60} is no molecule.",
        allowed="molecules of molvm or RDKit, SMILES, or the path of a molecule file",
        remedy=TO_MOLECULE,
    )


def _is_missing(one: Any) -> bool:
    return one is None or type(one).__name__ == "NAType" or (isinstance(one, float) and math.isnan(one))


def _of_rdkit(mol: Chem.Mol, number: int) -> Record:
    from rdkit import Chem

    from molvm.chem.formats.complete import completed

    name = title_or_number(mol.GetProp("_Name") if mol.HasProp("_Name") else "", number)
    properties = {key: str(value) for key, value in mol.GetPropsAsDict().items()}
    try:
        molecule = completed(Chem.Mol(mol), name=name, properties=properties)
        return Record(name, molecule, properties=properties, note=note_of(mol))
    except MoleculeError as error:
        return Record(name, reason=str(error), properties=properties)
