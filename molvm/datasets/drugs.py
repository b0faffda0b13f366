"""`drugs`: a stand-in for GEOM-Drugs that can be built offline, from the SMILES of MOSES.

It is not GEOM. Its molecules have 39 atoms in the mean instead of 47 and at most 27 heavy ones, hardly a charge, no
phosphorus and no iodine, and one conformer each, near a minimum of GFN-FF instead of GFN2-xTB.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from molvm.cores import available_cores
from molvm.datasets.assembly import assemble
from molvm.datasets.chunks import ChunkFolder, Tally
from molvm.datasets.drug_like import RULE
from molvm.datasets.elements import GEOM_ELEMENTS
from molvm.datasets.from_smiles import SmilesJob, make_molecules, method
from molvm.datasets.moses import package_files, read_smiles, source, split_of
from molvm.datasets.record import BOND_ORDERS
from molvm.datasets.registry import dataset_path
from molvm.datasets.store import MoleculeDataset
from molvm.datasets.workers import mapped_in_order
from molvm.durable import require_writable
from molvm.errors import ConfigError, DatasetError

Progress: TypeAlias = Callable[[int, int], None]

COUNT: Final = 66_000
CHUNK: Final = 100
# A chunk takes a worker five seconds or so; one more waits for it.
CHUNKS_AHEAD: Final = 2
MAXIMUM_SEED: Final = 2**32 - 1

LOOSE_AGAINST_CONVERGED: Final = {
    "molecules": 499,
    "bond_lengths_rms_angstrom": 0.0028,
    "bond_lengths_largest_angstrom": 0.054,
    "angles_rms_degrees": 0.80,
    "angles_largest_degrees": 21.2,
    "energy_median_kcal_mol": 2.19,
    "energy_largest_kcal_mol": 27.7,
    "measured_by": "benchmarks/drugs.py, 2026-11-28: 500 rows, each relaxed loosely and to convergence",
}
"""How far the loose relaxation stops from the minimum; measured once, kept as provenance."""


def build_drugs(
    out: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    count: int = COUNT,
    seed: int = 0,
) -> MoleculeDataset:
    """Builds drug-like molecules with explicit hydrogens, kekulised bonds and formal charges, and publishes them.

    The rows of MOSES are shuffled; from the first on, each is embedded, relaxed and checked until `count` are kept.
    What comes out depends, but for rounding, on `count` and `seed` alone. Chunks of 100 rows are kept in `OUT.chunks`
    meanwhile; the same call goes on from there after it was interrupted. A row's split is that of its file
    (`moses.PARTS`).

    Args:
        out: The directory to publish; `dataset_path("drugs")` by default.
        workers: Processes; one for every core this process may use by default; 1 stays in this process.
        progress: Called with (molecules kept, molecules wanted) now and then.
        count: How many molecules to keep.
        seed: Of the order of the rows and of their embeddings.

    Raises:
        MissingDependencyError: molsets is not installed.
        OutputExistsError: There is something at `out` already, or it cannot be written.
        DatasetError: The package's files are not what they should be, an unfinished build has other settings, or there
            are not so many molecules.
        ConfigError: A number is out of range.
    """
    for name, number in (("workers", workers), ("count", count)):
        if number is not None and number < 1:
            raise ConfigError(f"{name} is {number}.", allowed="a positive number")
    if not 0 <= seed <= MAXIMUM_SEED:
        raise ConfigError(f"The seed is {seed}.", allowed=f"0 to {MAXIMUM_SEED}")
    path = dataset_path("drugs") if out is None else out
    require_writable(path, parents=True)
    files = package_files()
    recipe = {"source": source(files), "method": method(seed), "rows_a_chunk": CHUNK, "versions": _versions()}
    folder = ChunkFolder(path.with_name(f"{path.name}.chunks"), recipe)
    with folder.opened():
        numbers = _fill(folder, read_smiles(files), seed, count, workers or available_cores(), progress)
        assemble(folder, numbers, split_of=split_of, manifest=_manifest(recipe), limit=count).save(path)
        folder.remove()
    return MoleculeDataset.load(path)


def _fill(
    folder: ChunkFolder, smiles: Sequence[str], seed: int, count: int, workers: int, progress: Progress | None
) -> range:
    """Make the chunks that are still missing; the numbers of those that are needed.

    Raises:
        DatasetError: There are not so many molecules.
    """
    tallies = folder.finished()
    jobs = _jobs(smiles, seed, count, tallies)
    work = mapped_in_order(make_molecules, jobs, workers, ahead=CHUNKS_AHEAD, what="building molecules")
    with closing(work):
        for number, verdicts in work:
            tallies[number] = folder.publish(number, verdicts)
            if progress is not None:
                progress(min(count, sum(tally.kept for tally in tallies.values())), count)
            if _enough(tallies, count) is not None:
                break
    numbers = _enough(tallies, count)
    if numbers is None:
        raise DatasetError(f"There are only {sum(tally.kept for tally in tallies.values())} molecules to keep.")
    return numbers


def _jobs(smiles: Sequence[str], seed: int, count: int, tallies: dict[int, Tally]) -> Iterator[SmilesJob]:
    """The chunks that are still to be made, in order, until enough molecules are kept."""
    # numpy's legacy generator, whose streams never change.
    order = np.random.RandomState(seed).permutation(len(smiles))
    for number in range(-(-len(smiles) // CHUNK)):
        if _enough(tallies, count) is not None:
            return
        if number in tallies:
            continue
        rows = order[number * CHUNK : (number + 1) * CHUNK].tolist()
        yield SmilesJob(number, tuple(rows), tuple(smiles[row] for row in rows), seed)


def _enough(tallies: dict[int, Tally], count: int) -> range | None:
    """The first chunks, without a gap, that have so many molecules; None when they are not there yet."""
    kept = number = 0
    while number in tallies and kept < count:
        kept += tallies[number].kept
        number += 1
    return range(number) if kept >= count else None


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("rdkit", "gfnff", "numpy")}


def _manifest(recipe: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "drugs",
        "element_symbols": list(GEOM_ELEMENTS),
        "atomic_numbers": list(GEOM_ELEMENTS.values()),
        "bond_orders": dict(BOND_ORDERS),
        "drop_rule": RULE,
        "split_rule": (
            "by the file of MOSES a row is from: train.csv trains, test.csv (drawn alike) validates, "
            "test_scaffolds.csv (scaffolds that the others lack) tests"
        ),
        "not_geom": (
            "A stand-in for GEOM-Drugs made of MOSES's lead-like molecules: smaller, nearly all neutral, without "
            "phosphorus and iodine, one conformer each, loosely relaxed with GFN-FF instead of GFN2-xTB."
        ),
        "loose_against_converged": LOOSE_AGAINST_CONVERGED,
        **recipe,
    }
