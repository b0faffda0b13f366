"""What a run leaves on the disk for people and tools: metrics, samples, the best of them."""

from __future__ import annotations

import heapq
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from molvm.durable import published, writing
from molvm.errors import InputFileError, OutputExistsError
from molvm.programs.pasted import pasted
from molvm.rewards.constraint import Constraint, keeps
from molvm.runs.directory import RunDirectory
from molvm.runs.image_records import ImageRecord
from molvm.runs.molecule_records import MoleculeRecord
from molvm.runs.records import Record
from molvm.subject import Subject
from molvm.training.loggers import JsonLinesLogger

if TYPE_CHECKING:
    from molvm.training.trainer import Iteration

BEST_COUNT: Final = 100
"""Samples in the file of the best."""

PRUNE_FACTOR: Final = 8
"""How many times the wanted number may pile up before the worst are let go."""

KINDS: Final[Mapping[Subject, type[Record]]] = {"molecules": MoleculeRecord, "images": ImageRecord}

_PART: Final = re.compile(r"iteration-(\d{6,})\.parquet")


class RunStore:
    """The records of a run. One process writes; any number may read.

    Records are written before the checkpoint of their iteration, so they may be ahead of it but never behind;
    `rewind` drops what a resumed run will make again.

    Args:
        directory: Where the run lies.
        reward: Name of the reward, for the fields of the best samples.
        constraints: Bounds that the best samples have to keep.
        makes: What the run makes.
    """

    def __init__(
        self,
        directory: RunDirectory,
        reward: str,
        constraints: Sequence[Constraint] = (),
        makes: Subject = "molecules",
    ) -> None:
        self.directory = directory
        self.kind = KINDS[makes]
        self.folder, self.best_file = directory.samples(makes), directory.best_of(makes)
        self.reward = reward
        self.constraints = constraints
        self.log = JsonLinesLogger(directory.metrics)
        self._best: dict[str, Record] = {}

    def append(self, iteration: Iteration) -> None:
        """Record an iteration: its samples, then its metrics, then the best so far.

        Raises:
            OutputExistsError: The disk is full, or the directory cannot be written any more.
        """
        records = [
            self.kind.of(
                replace(sample, id=f"{iteration.index}-{position}"),
                outcome,
                iteration=iteration.index,
                worth=float(iteration.rewards[position]),
                log_weight=float(iteration.log_weights[position]),
                within_bounds=keeps(self.constraints, outcome),
            )
            for position, (sample, outcome) in enumerate(zip(iteration.samples, iteration.outcomes, strict=True))
        ]
        try:
            self._write_part(iteration.index, records)
            with writing(self.directory.metrics):
                self.log.log(iteration.index, iteration.metrics)
            if self._keep_best(records):
                self._write_best()
        except OutputExistsError as error:
            remedy = f"some free space, then `{pasted('molvm train --resume', self.directory.path)}`"
            raise OutputExistsError(error.what, remedy=remedy) from error

    def rewind(self, iteration: int) -> None:
        """Drop the records of this iteration and later ones, and find the best among the others.

        Raises:
            OutputExistsError: The directory cannot be written.
        """
        for number, path in self._parts():
            if number >= iteration:
                with writing(path):
                    path.unlink()
        self.log.drop_from(iteration)
        self._best = {}
        self._keep_best(self.records())
        if self._best or self.best_file.exists():
            self._write_best()

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of all iterations, oldest first."""
        return self.log.read()

    def records(self, since: int = 0, among: Container[int] | None = None) -> Iterator[Any]:
        """The records of all samples, oldest first, read part by part.

        Args:
            since: The first iteration whose samples are read.
            among: Iterations whose samples are read; all by default.

        Raises:
            InputFileError: A part is damaged, or the run's path is not UTF-8.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.directory.require_utf8()
        for number, path in self._parts():
            if number < since or (among is not None and number not in among):
                continue
            try:
                rows = pq.read_table(path).to_pylist()
            except (OSError, pa.ArrowException) as error:
                raise InputFileError(f"The file {path} is damaged: {error}.", remedy="removing it") from error
            for row in rows:
                yield self.kind.from_row(row)

    def best(self, count: int) -> list[Any]:
        """The best samples of all iterations, equal ones once, the best first."""
        return _largest(self.records(), count)

    def _parts(self) -> list[tuple[int, Path]]:
        found = [(_PART.fullmatch(path.name), path) for path in self.folder.glob("iteration-*.parquet")]
        return sorted((int(match[1]), path) for match, path in found if match)

    def _write_part(self, iteration: int, records: Sequence[Record]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / f"iteration-{iteration:06d}.parquet"
        table = pa.Table.from_pylist([record.row() for record in records], schema=self.kind.schema())
        with published(path, overwrite=True) as part:
            pq.write_table(table, part, compression="zstd")

    def _keep_best(self, records: Iterable[Record]) -> bool:
        """Take the records into the best; whether those have changed."""
        before = {record.sample.id for record in self._best.values()}
        largest = _largest(chain(self._best.values(), records), BEST_COUNT)
        self._best = {record.key: record for record in largest if record.key is not None}
        return before != {record.sample.id for record in largest}

    def _write_best(self) -> None:
        ordered = _ranked(self._best.values(), BEST_COUNT)
        self.kind.write_best(self.best_file, ordered, self.reward)


def _largest(records: Iterable[Record], count: int) -> list[Record]:
    """The records of the largest worth, without failures and within bounds; of equal samples the older one."""
    best: dict[str, Record] = {}
    for record in records:
        if record.value is None or record.key is None or record.within_bounds is False:
            continue
        held = best.get(record.key)
        if held is None or record.worth > held.worth:
            best[record.key] = record
        if len(best) > PRUNE_FACTOR * count:
            best = {kept.key: kept for kept in _ranked(best.values(), count) if kept.key is not None}
    return _ranked(best.values(), count)


def _ranked(records: Iterable[Record], count: int) -> list[Record]:
    return heapq.nlargest(count, records, key=lambda record: record.worth)
