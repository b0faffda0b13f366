"""QM9 from the PyPI package qm9pack: read, bonds perceived, split as FlowMol splits it."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from molvm.cores import available_cores
from molvm.datasets.perception import Geometry, perceive_many
from molvm.datasets.record import BOND_ORDERS, Dropped, MoleculeRecord
from molvm.datasets.registry import dataset_path
from molvm.datasets.split import SPLIT_CODES, shuffled_split
from molvm.datasets.store import MoleculeDataset
from molvm.datasets.workers import mapped_in_order
from molvm.durable import require_writable
from molvm.errors import ConfigError, DatasetError, MissingDependencyError

Progress: TypeAlias = Callable[[int, int], None]

ELEMENTS: Final = {"C": 6, "H": 1, "N": 7, "O": 8, "F": 9}
PARTS: Final = ("qm9_part1.csv", "qm9_part2.csv", "qm9_part3.csv")
PACKAGE_ROWS: Final = 130_831
# FlowMol's split: all 133 885 rows of GDB-9 are shuffled by seed 42 before the uncharacterised ones are dropped.
SOURCE_ROWS: Final = 133_885
TRAIN_ROWS: Final = 100_000
TEST_ROWS: Final = 13_388
SPLIT_SEED: Final = 42
CHUNK: Final = 500
# Chunks in flight per worker: enough to keep it busy, few enough to keep the memory small.
CHUNKS_AHEAD: Final = 4


def build_qm9(
    out: Path | None = None, workers: int | None = None, progress: Progress | None = None, limit: int | None = None
) -> MoleculeDataset:
    """Builds QM9 with explicit hydrogens, kekulised bonds and formal charges, and publishes it as a directory.

    Coordinates are those of qm9pack (B3LYP, its 130 831 characterised molecules). Every raw row gets its split first
    (`shuffled_split` over the 133 885 rows of GDB-9, seed 42: 100 000 train, 20 497 validation, 13 388 test); rows
    without a usable bond graph are dropped after that.

    Args:
        out: The directory to publish; `dataset_path("qm9")` by default.
        workers: Processes; one for every core this process may use by default; 1 stays in this process.
        progress: Called with (molecules done, molecules in all) now and then.
        limit: Read only so many rows of the package, for a quick look.

    Raises:
        MissingDependencyError: qm9pack is not installed.
        OutputExistsError: There is something at `out` already, or it cannot be written.
        DatasetError: The package's files are not what they should be.
        ConfigError: `workers` or `limit` is not positive.
    """
    for name, number in (("workers", workers), ("limit", limit)):
        if number is not None and number < 1:
            raise ConfigError(f"{name} is {number}.", allowed="a positive number, or None")
    path = dataset_path("qm9") if out is None else out
    require_writable(path, parents=True)
    files = package_files()
    total = PACKAGE_ROWS if limit is None else min(limit, PACKAGE_ROWS)
    records: list[MoleculeRecord] = []
    dropped: Counter[str] = Counter()
    done = 0
    chunks = _chunks(islice(read_geometries(files), limit))
    work = partial(perceive_many, type_of=_type_of())
    for outcomes in mapped_in_order(
        work, chunks, workers or available_cores(), ahead=CHUNKS_AHEAD, what="perceiving bonds"
    ):
        for outcome in outcomes:
            if isinstance(outcome, Dropped):
                dropped[outcome.reason] += 1
            else:
                records.append(outcome)
        done += len(outcomes)
        if progress is not None:
            progress(done, total)
    if limit is None and done != PACKAGE_ROWS:
        raise DatasetError(f"qm9pack has {done} molecules.", allowed=str(PACKAGE_ROWS), remedy="install it again")
    if not records:
        raise DatasetError(f"None of the {done} molecules read from qm9pack could be kept.")
    _assemble(records, dropped, done).save(path)
    return MoleculeDataset.load(path)


def package_files() -> tuple[Path, ...]:
    """The CSV files of qm9pack, found without importing it: its import needs pkg_resources, which is gone.

    Raises:
        MissingDependencyError: qm9pack is not installed.
        DatasetError: It is, but its files are not there.
    """
    spec = importlib.util.find_spec("qm9pack")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError("qm9pack", "data", "Building QM9")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    files = tuple(folder / name for name in PARTS)
    for file in files:
        if not file.is_file():
            raise DatasetError(f"qm9pack lacks its file {file}.", remedy="install qm9pack again")
    return files


def read_geometries(files: Iterable[Path]) -> Iterator[Geometry]:
    """Reads elements and coordinates from the package's CSV files, row by row.

    Raises:
        DatasetError: A file cannot be read as it should.
    """
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=1):
                try:
                    yield _geometry(row)
                except (KeyError, ValueError, TypeError) as error:
                    raise DatasetError(
                        f"Row {number} of {file} is not as expected: {error}.", remedy="install qm9pack again"
                    ) from error


def _geometry(row: dict[str, str]) -> Geometry:
    symbols = tuple(row["Elements"].strip("[]").replace("'", "").split(","))
    # Written like "[[0.,1.5,-2.],[...]]": a bare "0." is no JSON number.
    numbers = [float(number) for number in row["XYZ_Ang"].replace("[", "").replace("]", "").split(",")]
    if len(symbols) != int(row["N_atoms"]) or len(numbers) != 3 * len(symbols):
        raise ValueError(f"{row['N_atoms']} atoms, {len(symbols)} elements, {len(numbers)} coordinates")
    return Geometry(int(row["Index"]), symbols, tuple(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)))


def _chunks(geometries: Iterator[Geometry]) -> Iterator[list[Geometry]]:
    while chunk := list(islice(geometries, CHUNK)):
        yield chunk


def _type_of() -> dict[str, int]:
    return {symbol: index for index, symbol in enumerate(ELEMENTS)}


def _assemble(records: list[MoleculeRecord], dropped: Counter[str], rows: int) -> MoleculeDataset:
    source_index = np.array([record.source_index for record in records], dtype=np.int32)
    # GDB numbers its molecules from 1; the split is by row.
    split = shuffled_split(SOURCE_ROWS, TRAIN_ROWS, TEST_ROWS, SPLIT_SEED)[source_index - 1]
    return MoleculeDataset(
        positions=np.concatenate([record.positions for record in records]),
        types=np.concatenate([record.types for record in records]),
        charges=np.concatenate([record.charges for record in records]),
        bonds=np.concatenate([record.bonds for record in records]),
        n_atoms=np.array([len(record.types) for record in records], dtype=np.int16),
        split=split,
        source_index=source_index,
        manifest=_manifest(split, dropped, rows),
    )


def _manifest(split: npt.NDArray[np.uint8], dropped: Counter[str], rows: int) -> dict[str, Any]:
    return {
        "name": "qm9",
        "element_symbols": list(ELEMENTS),
        "atomic_numbers": list(ELEMENTS.values()),
        "bond_orders": dict(BOND_ORDERS),
        "counts": {
            "rows_read": rows,
            "kept": len(split),
            **{name: int((split == code).sum()) for name, code in SPLIT_CODES.items()},
        },
        "dropped": dict(sorted(dropped.items())),
        "drop_rule": (
            "kept: rdDetermineBonds (total charge 0) succeeds, one fragment, |formal charge| <= 1 at every atom"
        ),
        "split_rule": (
            f"rows 1..{SOURCE_ROWS} of GDB-9 shuffled as pandas.DataFrame.sample(frac=1, random_state={SPLIT_SEED}); "
            f"first {TRAIN_ROWS} train, last {TEST_ROWS} test, the rest validation; decided before anything is dropped"
        ),
        "source": {
            "package": "qm9pack",
            "version": importlib.metadata.version("qm9pack"),
            "license": "MIT (package); QM9 itself: Ramakrishnan et al., Scientific Data 1, 140022 (2014), CC0",
            "source_index": "GDB-9 number (dsgdb9nsd_<number>)",
            "coordinates": "B3LYP/6-31G(2df,p) minima, Angstrom, centred on the mean of the atoms",
        },
        "versions": {name: importlib.metadata.version(name) for name in ("rdkit", "numpy", "safetensors")},
    }
