"""Many molecules examined: what is cheap here, what may crash or hang in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from molvm.chem.molecule import Molecule
from molvm.evaluation.posebusters import PoseBustersTests
from molvm.evaluation.strain import Strain
from molvm.evaluation.valency_tables import ValencyTable
from molvm.evaluation.verdict import Verdict, examine
from molvm.rewards.base import Outcome
from molvm.rewards.pools import Pool

TIME_LIMIT: Final = 20.0
"""Seconds; ten times what PoseBusters takes for a drug. It would embed some strained polycycles for ever."""

Progress = Callable[[int], None]
"""Called with the number of molecules that are done."""


def examine_all(
    molecules: Iterable[Molecule], table: ValencyTable, *, energies: bool = True, progress: Progress | None = None
) -> list[Verdict]:
    """`examine` for each of the molecules, in order, in this process; 2 to 4 ms a molecule."""
    verdicts: list[Verdict] = []
    for molecule in molecules:
        verdicts.append(examine(molecule, table, energies=energies))
        if progress is not None:
            progress(len(verdicts))
    return verdicts


def with_strain(
    verdicts: Sequence[Verdict], molecules: Sequence[Molecule], pool: Pool, progress: Progress | None = None
) -> list[Verdict]:
    """The verdicts with what relaxing their molecules gives."""
    outcomes = pool.score(Strain(), molecules, _counter(progress))
    return [replace(verdict, strain=outcome) for verdict, outcome in zip(verdicts, outcomes, strict=True)]


def with_posebusters(
    verdicts: Sequence[Verdict],
    molecules: Sequence[Molecule],
    pool: Pool,
    tests: PoseBustersTests,
    progress: Progress | None = None,
) -> list[Verdict]:
    """The verdicts with what a part of PoseBusters' tests says of their molecules."""
    outcomes = pool.score(tests, molecules, _counter(progress))
    return [
        replace(verdict, posebusters=(*verdict.posebusters, outcome))
        for verdict, outcome in zip(verdicts, outcomes, strict=True)
    ]


def _counter(progress: Progress | None) -> Callable[[Outcome], None] | None:
    """Turns outcomes, which come in any order, into how many there are."""
    if progress is None:
        return None
    done = count(1)
    return lambda _: progress(next(done))
