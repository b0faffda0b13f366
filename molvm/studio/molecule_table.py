"""Molecules as a table that can be filtered, sorted and written out."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pandas as pd

from molvm.chem.formats.sdf import sdf_text
from molvm.chem.formats.spreadsheet import guarded
from molvm.chem.io import iterate_records
from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError
from molvm.runs.molecule_records import MoleculeRecord
from molvm.runs.scoring import UNREADABLE
from molvm.studio.structures import Structures

MOST_MOLECULES: Final = 10_000
"""More of a run or a file are not shown at once; to parse a record takes half a millisecond, or one for a drug."""

TEXT_COLUMNS: Final = ("id", "smiles", "formula", "failure", "stage", "reason")

RESERVED: Final = (*TEXT_COLUMNS, "atoms", "iteration")
"""Columns that no field of a file fills, whatever it is called."""

COMPUTED: Final = "_computed"
"""What stands behind the name of a computed column whose own name a file has given to something else."""

DESCRIPTORS: Final = ("qed", "log_p", "sa_score")


@dataclass(frozen=True, eq=False)
class MoleculeTable:
    """Molecules, and one row of what is known of each.

    Args:
        structures: The molecules, as generated or as written; None where a record holds none.
        rows: One a molecule, in the same order; the index counts from 0.
        reward: The column to sort by first, or empty.
        unit: Of that column; empty for a pure number.
        truncated: Whether there are more that were left out.
        fields: What a file says of each, as it stands there; empty for a run.
        embedded: The rows whose positions a file has not, and ETKDG has made.
    """

    structures: Structures
    rows: pd.DataFrame
    reward: str = ""
    unit: str = ""
    truncated: bool = False
    fields: Sequence[Mapping[str, str]] = ()
    embedded: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.molecules)

    @property
    def molecules(self) -> Sequence[Molecule | None]:
        """As generated or as written."""
        return self.structures.molecules

    @cached_property
    def ids(self) -> list[str]:
        """What the molecules are called, in order; no two alike."""
        return [str(name) for name in self.rows["id"]]

    @property
    def numbers(self) -> list[str]:
        """The numeric columns of which at least one molecule has a value."""
        columns = [column for column in self.rows.columns if column not in TEXT_COLUMNS]
        return [column for column in columns if self.rows[column].notna().any()]

    def fields_of(self, index: int) -> Mapping[str, str]:
        """What a file says of one molecule, as it stands there; nothing for a run."""
        return self.fields[index] if self.fields else {}

    def written(self, chosen: Sequence[int]) -> pd.DataFrame:
        """The chosen rows as files get them, the id first.

        Fields of a file are as they stand there, numbers too; a column of the table that is called as one of them is
        called otherwise, unless one of them says the same already, as in a file that was written here.
        """
        own = list(dict.fromkeys(name for fields in self.fields for name in fields))
        read = [name for name in self.rows.columns if name in own and name not in RESERVED]
        places = {name: self._place(name, self.rows[name]) for name in RESERVED if name in own and name in self.rows}
        said = [name for name, place in places.items() if place is None]
        named = {name: place for name, place in places.items() if place is not None}
        rows = self.rows.loc[list(chosen)].drop(columns=[*read, *said]).rename(columns=named)
        fields = {name: [self.fields[index].get(name) for index in chosen] for name in own}
        return rows.assign(**fields)

    def _place(self, name: str, computed: Sequence[Any]) -> str | None:
        """What a computed column is called that must not stand in the place of another; None if a field says it all.

        Args:
            name: What it would be called.
            computed: Its values, one a molecule.
        """
        own = {field for fields in self.fields for field in fields}
        while name in own or name in self.rows.columns:
            if name in own and all(map(_says, (fields.get(name) for fields in self.fields), computed)):
                return None
            name += COMPUTED
        return name

    def described(self, progress: Callable[[int, int], None] | None = None) -> MoleculeTable:
        """With QED, logP and synthetic accessibility, which are computed once; see `Structures.descriptors`.

        A column that is there already, such as the run's own reward, stays; the descriptor's is then called otherwise,
        or left out if the field of a file says the same.
        """
        found = self.structures.descriptors(progress)
        columns = {name: [math.nan if one is None else getattr(one, name) for one in found] for name in DESCRIPTORS}
        placed = {self._place(name, values): values for name, values in columns.items()}
        return replace(self, rows=self.rows.assign(**{name: values for name, values in placed.items() if name}))


def _table(molecules: Sequence[Molecule | None], rows: list[dict[str, Any]], **known: Any) -> MoleculeTable:
    frame = pd.DataFrame(rows, columns=None if rows else list(TEXT_COLUMNS))
    return MoleculeTable(Structures(molecules, [row["smiles"] for row in rows]), frame, **known)


def table_of_records(records: Iterable[MoleculeRecord], reward: str, unit: str = "") -> MoleculeTable:
    """The molecules that a run has recorded, with the values of the reward, in its unit, and of its terms."""
    kept = list(records)
    rows = [_record_row(record, reward) for record in kept]
    return _table([record.molecule for record in kept], rows, reward=reward, unit=unit)


def table_of_file(path: Path) -> MoleculeTable:
    """The first `MOST_MOLECULES` molecules of a file as they are written there, with their fields.

    Raises:
        InputFileError: The file cannot be read.
    """
    molecules: list[Molecule | None] = []
    rows: list[dict[str, Any]] = []
    fields: list[Mapping[str, str]] = []
    named: Counter[str] = Counter()
    embedded: set[int] = set()
    records = iterate_records(path, as_written=True)
    for record in islice(records, MOST_MOLECULES):
        if record.embedded:
            embedded.add(len(molecules))
        molecules.append(record.molecule)
        fields.append(record.properties)
        rows.append(
            {
                "id": _unlike(record.id, named),
                **_shape(record.molecule),
                "failure": None if record.molecule is not None else "invalid",
                "stage": None if record.molecule is not None else UNREADABLE,
                "reason": record.reason or record.note or None,
                **_numbers(record.properties),
            }
        )
    truncated = next(records, None) is not None
    return _table(molecules, rows, truncated=truncated, fields=fields, embedded=frozenset(embedded))


def _record_row(record: MoleculeRecord, reward: str) -> dict[str, Any]:
    return {
        "id": record.molecule.id,
        **_shape(record.molecule, record.smiles),
        "failure": record.failure,
        "stage": record.stage,
        "reason": record.reason,
        reward: math.nan if record.value is None else record.value,
        "iteration": record.iteration,
        **_numbers(record.details),
    }


def _says(told: str | None, computed: Any) -> bool:
    """Whether the field of a record says what was computed for it, or there is nothing to say."""
    if pd.isna(computed):
        return True
    if isinstance(computed, str) or told is None:
        return bool(told == computed)
    try:
        return math.isclose(float(told), computed, rel_tol=1e-9)
    except ValueError:
        return False


def _unlike(name: str, named: Counter[str]) -> str:
    """The name, with a number behind it where others of the file are called the same, as conformers often are."""
    found = name
    while named[found]:
        named[name] += 1
        found = f"{name} ({named[name]})"
    named[found] += 1
    return found


def _shape(molecule: Molecule | None, smiles: str | None = None) -> dict[str, Any]:
    if molecule is None:
        return {"smiles": None, "formula": None, "atoms": 0}
    return {"smiles": smiles or molecule.smiles(), "formula": molecule.formula, "atoms": molecule.n_atoms}


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those of the values that are finite numbers, or texts of them; names of other columns are not taken."""
    found: dict[str, float] = {}
    for name, value in values.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number) and name not in RESERVED:
            found[name] = number
    return found


@dataclass(frozen=True)
class Filter:
    """Which molecules to show.

    Args:
        ranges: Numeric column to the least and the largest value; rows without a value are left out.
        smarts: A pattern that the molecule has; empty for any.
        sound: Only those that are strictly valid and in one piece.
        scored: Only those that have no failure.
        known: SMILES that are not new; molecules with one of them, or with none, are left out. None for all.
        distinct: Of those with the same SMILES only the first.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    smarts: str = ""
    sound: bool = False
    scored: bool = False
    known: frozenset[str] | None = None
    distinct: bool = False

    def __call__(self, table: MoleculeTable, order: Sequence[int] | None = None) -> list[int]:
        """The rows that pass, in the order given or else that of the table; the cheapest questions come first.

        Raises:
            ConfigError: The pattern is no SMARTS.
        """
        rows = table.rows if order is None else table.rows.loc[list(order)]
        for column, (low, high) in self.ranges.items():
            rows = rows[rows[column].between(low, high)]
        if self.scored:
            rows = rows[rows["failure"].isna()]
        if self.known is not None:
            rows = rows[rows["smiles"].notna() & ~rows["smiles"].isin(self.known)]
        if self.smarts.strip():
            rows = rows[rows["smiles"].isin(table.structures.matching(self.smarts))]
        if self.sound:
            rows = rows[table.structures.sound[rows.index]]
        if self.distinct:
            rows = rows[~rows["smiles"].duplicated() | rows["smiles"].isna()]
        return [int(index) for index in rows.index]


def ordered(table: MoleculeTable, column: str, *, descending: bool) -> list[int]:
    """All rows, sorted by a column; those without a value come last, and equal ones stay in order."""
    if column not in table.rows.columns:
        return list(range(len(table)))
    by = table.rows.sort_values(column, ascending=not descending, kind="stable", na_position="last")
    return [int(index) for index in by.index]


def as_sdf(table: MoleculeTable, chosen: Sequence[int]) -> bytes:
    """The chosen molecules as an SD file, their own fields and then those of their rows with them.

    Rows without a molecule are left out.
    """
    texts = []
    fields = table.written(chosen).iloc[:, 1:].to_dict("records")
    for index, row in zip(chosen, fields, strict=True):
        molecule = table.molecules[index]
        if molecule is None:
            continue
        try:
            told = {name: row[name] for name in [*table.fields_of(index), *row] if pd.notna(row[name])}
            texts.append(sdf_text(replace(molecule, properties=told)))
        except MoleculeError:  # an atom that is no element has no line in an SD file
            continue
    return "".join(texts).encode()


def as_csv(table: MoleculeTable, chosen: Sequence[int]) -> bytes:
    """The chosen rows as a table."""
    text: str = table.written(chosen).map(guarded).to_csv(index=False, lineterminator="\n")
    return text.encode()


def as_smiles(table: MoleculeTable, chosen: Sequence[int]) -> bytes:
    """The SMILES of the chosen molecules that have one, each with its id."""
    rows = table.rows.loc[list(chosen)]
    file = io.StringIO()
    for smiles, name in zip(rows["smiles"], rows["id"], strict=True):
        if isinstance(smiles, str):
            file.write(f"{smiles} {' '.join(str(name).split())}\n")
    return file.getvalue().encode()
