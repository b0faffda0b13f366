"""GEOM-Drugs (Axelrod and Gómez-Bombarelli, Sci. Data 2022, 9, 185) as users download it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from molvm.cores import available_cores
from molvm.datasets.assembly import SplitOf, assemble
from molvm.datasets.chunks import ChunkFolder, Tally
from molvm.datasets.drug_like import RULE
from molvm.datasets.elements import GEOM_ELEMENTS
from molvm.datasets.geom_conformers import BytesJob, FilesJob, from_bytes, from_files
from molvm.datasets.geom_layouts import PicklePerMolecule, SplitPickles, find_layout
from molvm.datasets.geom_reader import read_portions
from molvm.datasets.record import BOND_ORDERS, Verdict
from molvm.datasets.registry import dataset_path
from molvm.datasets.split import SPLIT_CODES, shuffled_split
from molvm.datasets.store import MoleculeDataset
from molvm.datasets.workers import mapped_in_order
from molvm.durable import require_writable
from molvm.errors import ConfigError

Progress: TypeAlias = Callable[[int, int], None]
Job = TypeVar("Job")

CONFORMERS: Final = 5
CHUNK: Final = 200
CHUNKS_AHEAD: Final = 2
CHUNKS_PER_FILE: Final = 1_000_000
"""Chunks of the second pickle are numbered from here on, of the third from twice that."""

SPLIT_SEED: Final = 42
TEN_PARTS: Final = 10


def build_geom(
    source: Path,
    out: Path | None = None,
    *,
    trust_pickle: bool = False,
    conformers: int | None = CONFORMERS,
    workers: int | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> MoleculeDataset:
    """Reads GEOM-Drugs, with explicit hydrogens, kekulised bonds and formal charges, and publishes it as a directory.

    Pickles are opened in processes of their own, by a reader that makes nothing of them but the bytes of RDKit's
    molecules. Chunks of 200 molecules are kept in `OUT.chunks` meanwhile; the same call goes on from there after it was
    interrupted. MiDi's pickles have their splits; molecules of GEOM's own layout are shuffled (seed 42) and the first
    eight tenths train, the last tenth tests, all conformers of a molecule together.

    Args:
        source: The folder with the pickles (`geom_layouts.find_layout`).
        out: The directory to publish; `dataset_path("geom")` by default.
        trust_pickle: That whoever made the pickles is trusted.
        conformers: How many of a molecule to take: those of lowest energy where the files have it, else the first; None
            for all. In the end everything is held in memory, a conformer of 47 atoms in 2 kB: all of the 5.7 million
            training conformers take 10 GB, and as much again while they are put together and written.
        workers: Processes beside those that read; one for every core this process may use by default.
        limit: Read only so many molecules (of each pickle), for a quick look.
        progress: Called with (bytes or molecules read, in all) now and then.

    Raises:
        ConfigError: The pickles are not said to be trusted, or a number is not positive.
        InputFileError: The folder does not hold GEOM-Drugs, or a pickle is damaged or something else.
        OutputExistsError: There is something at `out` already, or it cannot be written.
        DatasetError: An unfinished build has other settings, a worker died, or nothing could be kept.
    """
    for name, number in (("workers", workers), ("conformers", conformers), ("limit", limit)):
        if number is not None and number < 1:
            raise ConfigError(f"{name} is {number}.", allowed="a positive number, or None")
    layout = find_layout(source)
    if not trust_pickle:
        raise ConfigError(
            f"{source} holds pickles, and a pickle can hold a program. molvm opens them in a process of its own and "
            "makes nothing of them but RDKit's molecules; what RDKit reads may still harm RDKit.",
            remedy="--trust-pickle, if you trust whoever made these files",
        )
    path = dataset_path("geom") if out is None else out
    require_writable(path, parents=True)
    recipe = {
        "source": {
            **layout.description(),
            "dataset": "GEOM-Drugs: Axelrod and Gómez-Bombarelli, Scientific Data 9, 185 (2022), CC0",
            "coordinates": "CREST conformers at the level of GFN2-xTB, Angstrom, centred on the mean of the atoms",
            "source_index": "number of the molecule, from 0, in the pickles put one behind the other or in the summary",
        },
        "conformers_a_molecule": conformers,
        "limit": limit,
        "molecules_a_chunk": CHUNK,
        "versions": {name: importlib.metadata.version(name) for name in ("rdkit", "numpy")},
    }
    folder = ChunkFolder(path.with_name(f"{path.name}.chunks"), recipe)
    with folder.opened():
        tallies = folder.finished()
        count = workers or available_cores()
        if isinstance(layout, SplitPickles):
            split_of = _from_split_pickles(layout, folder, tallies, count, conformers, limit, progress)
            rule = "as published"
        else:
            split_of = _from_pickles_of_molecules(layout, folder, tallies, count, conformers, limit, progress)
            rule = f"molecules shuffled with seed {SPLIT_SEED}: eight tenths train, one validates, one tests"
        manifest = _manifest(recipe, rule)
        assemble(folder, sorted(tallies), split_of=split_of, manifest=manifest).save(path)
        folder.remove()
    return MoleculeDataset.load(path)


def _from_split_pickles(
    layout: SplitPickles,
    folder: ChunkFolder,
    tallies: dict[int, Tally],
    workers: int,
    conformers: int | None,
    limit: int | None,
    progress: Progress | None,
) -> SplitOf:
    sizes = [file.stat().st_size for file in layout.files.values()]
    ends: list[int] = []

    def jobs() -> Iterator[BytesJob]:
        start = 0
        for place, file in enumerate(layout.files.values()):
            first, position = place * CHUNKS_PER_FILE, 0
            known = frozenset(number - first for number in tallies)
            for portion in read_portions(file, CHUNK, known=known, conformers=conformers, limit=limit):
                if portion.conformers is not None:
                    yield BytesJob(first + portion.number, start, portion.conformers)
                start += portion.count
                # The reader is ahead of the portions, so several may be at one position.
                if progress is not None and portion.position > position:
                    progress(sum(sizes[:place]) + portion.position, sum(sizes))
                position = portion.position
            ends.append(start)

    for _ in _published(from_bytes, jobs(), workers, folder, tallies):
        pass
    codes = np.array([SPLIT_CODES[split] for split in layout.files], dtype=np.uint8)

    def split_of(molecules: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        found: npt.NDArray[np.uint8] = codes[np.searchsorted(np.array(ends), molecules, side="right")]
        return found

    return split_of


def _from_pickles_of_molecules(
    layout: PicklePerMolecule,
    folder: ChunkFolder,
    tallies: dict[int, Tally],
    workers: int,
    conformers: int | None,
    limit: int | None,
    progress: Progress | None,
) -> SplitOf:
    files = layout.files[:limit]
    jobs = (
        FilesJob(start // CHUNK, start, files[start : start + CHUNK], conformers)
        for start in range(0, len(files), CHUNK)
        if start // CHUNK not in tallies
    )
    for _ in _published(from_files, jobs, workers, folder, tallies):
        if progress is not None:
            progress(min(len(files), len(tallies) * CHUNK), len(files))
    tenth = len(layout.files) // TEN_PARTS
    codes = shuffled_split(len(layout.files), len(layout.files) - 2 * tenth, tenth, SPLIT_SEED)
    return lambda molecules: codes[molecules]


def _published(
    work: Callable[[Job], tuple[int, list[Verdict]]],
    jobs: Iterable[Job],
    workers: int,
    folder: ChunkFolder,
    tallies: dict[int, Tally],
) -> Iterator[None]:
    """Work on the jobs and publish a chunk for each, noted in `tallies`; yields after every one."""
    done = mapped_in_order(work, jobs, workers, ahead=CHUNKS_AHEAD, what="reading GEOM", apart=True)
    with closing(done):
        for number, verdicts in done:
            tallies[number] = folder.publish(number, verdicts)
            yield


def _manifest(recipe: dict[str, Any], split_rule: str) -> dict[str, Any]:
    return {
        "name": "geom",
        "element_symbols": list(GEOM_ELEMENTS),
        "atomic_numbers": list(GEOM_ELEMENTS.values()),
        "bond_orders": dict(BOND_ORDERS),
        "drop_rule": RULE,
        "split_rule": split_rule,
        **recipe,
    }
