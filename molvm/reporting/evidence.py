"""What a run has recorded, taken together: the base, the run at its end, and how it came there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from molvm.errors import InputFileError
from molvm.evaluation.metrics import summarise
from molvm.evaluation.summary import Summary
from molvm.evaluation.valency_tables import TABLE_NAMES
from molvm.programs.pasted import pasted
from molvm.runs.config import RunConfig
from molvm.runs.directory import RunDirectory
from molvm.runs.groups import Group, base_and_run, rounds_of_groups
from molvm.runs.manifest import Manifest
from molvm.studio.shelf import ShelvedRun, State

MOST_EXAMINED: Final = 1000
"""Molecules of each group whose validity and properties are examined: 3 ms each."""

DEFAULT_TABLE: Final = "qm9"


@dataclass(frozen=True)
class Evidence:
    """Everything that a report is made of.

    Args:
        name: Of the run.
        path: Of the run.
        manifest: Where it comes from.
        config: Its settings.
        state: What has become of it.
        metrics: One row a round.
        base: What the base alone has made within the run.
        run: What the run has made in the last quarter of its steered rounds.
        best: Its best samples, the best first.
    """

    name: str
    path: Path
    manifest: Manifest
    config: RunConfig
    state: State
    metrics: Sequence[Mapping[str, Any]]
    base: Group
    run: Group
    best: Sequence[Any]

    @property
    def groups(self) -> tuple[Group, ...]:
        """Those of base and run that have made something."""
        return tuple(group for group in (self.base, self.run) if group.records)

    @property
    def spread(self) -> float | None:
        """Standard deviation of the base's rewards; None for fewer than two."""
        values = self.base.values
        if len(values) < 2:
            return None
        mean = math.fsum(values) / len(values)
        return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))

    def late(self, metric: str) -> float | None:
        """The mean of a metric over the last quarter of the steered rounds; None where there is none."""
        rounds = {record.iteration for record in self.run.records}
        found = [row[metric] for row in self.metrics if row["iteration"] in rounds and metric in row]
        return math.fsum(found) / len(found) if found else None

    def summaries(self) -> dict[str, Summary]:
        """Validity and properties of each group's molecules, `MOST_EXAMINED` at most; none for images."""
        if self.manifest.makes != "molecules":
            return {}
        table = self.manifest.model if self.manifest.model in TABLE_NAMES else DEFAULT_TABLE
        return {
            group.name: summarise([record.sample for record in thinned(group.records)], table=table)
            for group in self.groups
        }


def collect(path: Path, count: int) -> Evidence:
    """Read what a report of a run needs.

    Args:
        path: The run's directory.
        count: How many of the best samples.

    Raises:
        InputFileError: There is no run, one of its files is damaged, or no round is finished.
    """
    directory = RunDirectory(path)
    directory.require_run()
    shelved = ShelvedRun(path.resolve().name, directory)
    manifest, store = shelved.manifest, shelved.store
    metrics = store.metrics()
    if not metrics:
        raise InputFileError(
            f"The run {path} has no finished round.", remedy=f"`{pasted('molvm train --resume', path)}`"
        )
    base, run = base_and_run("run", metrics, store.records(among=rounds_of_groups(metrics)))
    return Evidence(shelved.name, path, manifest, shelved.config, shelved.state, metrics, base, run, store.best(count))


def thinned(records: Sequence[Any], most: int = MOST_EXAMINED) -> list[Any]:
    """So many of the records at most, evenly spread over all."""
    if len(records) <= most:
        return list(records)
    return [records[index * len(records) // most] for index in range(most)]
