"""The metrics of a set of generated molecules, every one with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

from molvm.arguments import typed
from molvm.chem.molecule import TO_MOLECULE, Molecule
from molvm.errors import EvaluationError
from molvm.evaluation.distances import distances
from molvm.evaluation.distributions import Bins, Distribution, distribution_of
from molvm.evaluation.examination import TIME_LIMIT, Progress, examine_all, with_posebusters, with_strain
from molvm.evaluation.intervals import Estimate, mean_interval
from molvm.evaluation.posebusters import PoseBustersTests, all_tests
from molvm.evaluation.quantities import Quantity, asked
from molvm.evaluation.reference import Reference
from molvm.evaluation.shares import (
    posebusters_shares,
    relaxation_shares,
    relaxations,
    shares_by_test,
    stability_shares,
    validity_shares,
    variety_shares,
)
from molvm.evaluation.strain import Strain
from molvm.evaluation.subsets import SUBSETS, SubsetEstimate, combine, split
from molvm.evaluation.summary import Summary
from molvm.evaluation.valency_tables import ValencyTable, load_valency_table
from molvm.evaluation.verdict import Verdict
from molvm.rewards.base import Outcome
from molvm.rewards.pools import open_pool
from molvm.rewards.workers import Workers

__all__ = ["Summary", "summarise", "summarise_verdicts"]


@typed(but="molecules")
def summarise(
    molecules: Iterable[Molecule],
    *,
    table: str | ValencyTable = "qm9",
    reference: Reference | None = None,
    known: Collection[str] | None = None,
    energies: bool = True,
    strain: bool = False,
    posebusters: bool = False,
    workers: Workers | None = None,
    time_limit: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> Summary:
    """Examines molecules and summarises them.

    Args:
        molecules: Any number, at least one; broken ones count in every denominator.
        table: The valency table, or the name of a packaged one.
        reference: Distributions to measure distances from; `load_reference("qm9")`.
        known: Canonical SMILES of the training set, for `novel`; `known_smiles(dataset)`.
        energies: Whether to compute MMFF94 energies.
        strain: Whether to relax the strictly valid and connected ones, in worker processes; 0.01 to 0.3 s each.
        posebusters: Whether to run PoseBusters' tests, in worker processes; 0.1 to 3 s each.
        workers: How many processes, or the address of a Dask scheduler; a process a core by default.
        time_limit: Seconds that a worker may take for one molecule.
        progress: Called with the number of molecules examined after each, before any is relaxed or tested.

    Raises:
        EvaluationError: There are no molecules, or something else instead, such as a file's name.
        UnknownNameError: There is no table of that name.
        MissingDependencyError: PoseBusters is wanted and not installed.
    """
    valencies = load_valency_table(table) if isinstance(table, str) else table
    tests = all_tests() if posebusters else ()
    kept = _only_molecules(molecules)
    with open_pool(workers, time_limit=time_limit) as pool:
        verdicts = examine_all(kept, valencies, energies=energies, progress=progress)
        if strain:
            verdicts = with_strain(verdicts, kept, pool)
        for part in tests:
            verdicts = with_posebusters(verdicts, kept, pool, part)
    return summarise_verdicts(verdicts, table_name=valencies.name, reference=reference, known=known)


def _only_molecules(given: Iterable[Molecule]) -> list[Molecule]:
    kept = [given] if isinstance(given, str | bytes) or not isinstance(given, Iterable) else list(given)
    for each in kept:
        if not isinstance(each, Molecule):
            raise EvaluationError(
                f"{str(each)[:80]!r} is no molecule.",
                allowed="molvm Molecules, such as those of run.sample(100)",
                remedy=f"{TO_MOLECULE}; `molvm evaluate` for a file, a run or a model",
            )
    return kept


def summarise_verdicts(
    verdicts: Sequence[Verdict],
    *,
    table_name: str,
    reference: Reference | None = None,
    known: Collection[str] | None = None,
) -> Summary:
    """As `summarise`, for molecules that were examined before.

    Raises:
        EvaluationError: There are no verdicts.
    """
    if not verdicts:
        raise EvaluationError("There are no molecules to summarise.")
    remembered = None if known is None else frozenset(known)
    estimates = _estimates(verdicts, reference, remembered)
    return Summary(
        molecules=len(verdicts),
        valency_table=table_name,
        reference=None if reference is None else reference.name,
        **estimates,
        distributions=_distributions(verdicts),
        failures=_failures(verdicts),
        subsets=_subsets(verdicts, reference, remembered),
    )


class _Estimates(TypedDict):
    """What is estimated of all molecules, and of each subset of them."""

    shares: dict[str, Estimate | None]
    posebusters: dict[str, Estimate | None]
    means: dict[str, Estimate | None]
    distances: dict[str, float | None]


def _estimates(verdicts: Sequence[Verdict], reference: Reference | None, known: Collection[str] | None) -> _Estimates:
    return {
        "shares": {
            **stability_shares(verdicts),
            **validity_shares(verdicts),
            **variety_shares(verdicts, known),
            **relaxation_shares(verdicts),
            **posebusters_shares(verdicts),
        },
        "posebusters": shares_by_test(verdicts),
        "means": {one.name: _mean(one, verdicts) for one in asked(verdicts)},
        "distances": {} if reference is None else distances(verdicts, reference),
    }


def _subsets(
    verdicts: Sequence[Verdict], reference: Reference | None, known: Collection[str] | None
) -> dict[str, dict[str, SubsetEstimate | None]]:
    if len(verdicts) < SUBSETS:
        return {}
    parts = [_estimates(part, reference, known) for part in split(verdicts)]
    return {
        "shares": combine([part["shares"] for part in parts]),
        "posebusters": combine([part["posebusters"] for part in parts]),
        "means": combine([part["means"] for part in parts]),
        "distances": combine([part["distances"] for part in parts]),
    }


def _mean(quantity: Quantity, verdicts: Sequence[Verdict]) -> Estimate | None:
    values = quantity.values(verdicts)
    return mean_interval(values, low=quantity.low, high=quantity.high) if values else None


def _distributions(verdicts: Sequence[Verdict]) -> dict[str, Distribution]:
    found = {}
    for one in asked(verdicts):
        values = one.values(verdicts)
        if values:
            found[one.name] = distribution_of(values, one.bins or _unit_bins(values))
    return found


def _unit_bins(values: Sequence[float]) -> Bins:
    """A bin for every whole number there is."""
    low, high = min(values), max(values)
    return Bins(low - 0.5, high + 0.5, round(high - low) + 1)


def _failures(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    counted = {
        Strain.name: _counted(relaxations(verdicts)),
        PoseBustersTests.name: _counted([part for verdict in verdicts for part in verdict.posebusters]),
    }
    return {name: counts for name, counts in counted.items() if counts}


def _counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    return dict(Counter(f"{failure.kind}: {failure.stage}" for failure in failures).most_common())
