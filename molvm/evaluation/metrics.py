"""The metrics of a set of generated molecules, every one with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from molvm.chem.molecule import Molecule
from molvm.errors import EvaluationError
from molvm.evaluation.distributions import Bins, Distribution, distribution_of, shares_of, total_variation
from molvm.evaluation.energy import ENERGY_EDGES, energy_divergence
from molvm.evaluation.intervals import Estimate, mean_interval, wilson, wilson_clustered
from molvm.evaluation.posebusters import PoseBustersTests
from molvm.evaluation.quantities import COMPARED, ENERGY, QUANTITIES, Quantity
from molvm.evaluation.reference import Reference
from molvm.evaluation.strain import TOPOLOGY_KEPT, Strain
from molvm.evaluation.subsets import SUBSETS, SubsetEstimate, combine, split
from molvm.evaluation.summary import Summary
from molvm.evaluation.valency_tables import ValencyTable, load_valency_table
from molvm.evaluation.verdict import Verdict, examine
from molvm.rewards.base import Outcome
from molvm.rewards.pool import WorkerPool

__all__ = ["Summary", "examine_all", "summarise", "summarise_verdicts", "with_posebusters", "with_strain"]

TIME_LIMIT: Final = 20.0
"""Seconds; ten times what PoseBusters takes for a drug. It would embed some strained polycycles for ever."""

Progress = Callable[[int], None]
"""Called with the number of molecules that are done."""


def summarise(
    molecules: Iterable[Molecule],
    *,
    table: str | ValencyTable = "qm9",
    reference: Reference | None = None,
    known: Collection[str] | None = None,
    energies: bool = True,
    strain: bool = False,
    posebusters: bool = False,
    workers: int | None = None,
    time_limit: float = TIME_LIMIT,
    progress: Callable[[int], None] | None = None,
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
        workers: How many processes; one a core by default.
        time_limit: Seconds that a worker may take for one molecule.
        progress: Called with the number of molecules examined after each, before any is relaxed or tested.

    Raises:
        EvaluationError: There are no molecules.
        UnknownNameError: There is no table of that name.
        MissingDependencyError: PoseBusters is wanted and not installed.
    """
    valencies = load_valency_table(table) if isinstance(table, str) else table
    tests = PoseBustersTests() if posebusters else None
    kept = list(molecules)
    verdicts = examine_all(kept, valencies, energies=energies, progress=progress)
    with WorkerPool(workers, time_limit=time_limit) as pool:
        if strain:
            verdicts = with_strain(verdicts, kept, pool)
        if tests is not None:
            verdicts = with_posebusters(verdicts, kept, pool, tests)
    return summarise_verdicts(verdicts, table_name=valencies.name, reference=reference, known=known)


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
    verdicts: Sequence[Verdict], molecules: Sequence[Molecule], pool: WorkerPool, progress: Progress | None = None
) -> list[Verdict]:
    """The verdicts with what relaxing their molecules gives."""
    outcomes = pool.score(Strain(), molecules, _counter(progress))
    return [replace(verdict, strain=outcome) for verdict, outcome in zip(verdicts, outcomes, strict=True)]


def with_posebusters(
    verdicts: Sequence[Verdict],
    molecules: Sequence[Molecule],
    pool: WorkerPool,
    tests: PoseBustersTests,
    progress: Progress | None = None,
) -> list[Verdict]:
    """The verdicts with what PoseBusters says of their molecules."""
    outcomes = pool.score(tests, molecules, _counter(progress))
    return [replace(verdict, posebusters=outcome) for verdict, outcome in zip(verdicts, outcomes, strict=True)]


def _counter(progress: Progress | None) -> Callable[[Outcome], None] | None:
    """Turns outcomes, which come in any order, into how many there are."""
    if progress is None:
        return None
    done = count(1)
    return lambda _: progress(next(done))


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
    tested = [verdict.posebusters for verdict in verdicts if verdict.posebusters is not None]
    return {
        "shares": {
            **_stability_shares(verdicts),
            **_validity_shares(verdicts),
            **_variety_shares(verdicts, known),
            **_relaxation_shares(verdicts),
            **({"pb_valid": _share([outcome.value == 1 for outcome in tested])} if tested else {}),
        },
        "posebusters": _shares_by_test(tested),
        "means": {one.name: _mean(one, verdicts) for one in _asked(verdicts)},
        "distances": {} if reference is None else _distances(verdicts, reference),
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


def _stability_shares(verdicts: Sequence[Verdict]) -> dict[str, Estimate | None]:
    atoms = [verdict.n_atoms for verdict in verdicts]
    counted = {
        "stable": [verdict.stable_atoms for verdict in verdicts],
        "stable_permissive": [verdict.permissive_stable_atoms for verdict in verdicts],
    }
    shares: dict[str, Estimate | None] = {}
    for name, stable in counted.items():
        whole = [n > 0 and good == n for good, n in zip(stable, atoms, strict=True)]
        shares[f"atoms_{name}"] = wilson_clustered(stable, atoms) if sum(atoms) else None
        shares[f"molecules_{name}"] = _share(whole)
    return shares


def _validity_shares(verdicts: Sequence[Verdict]) -> dict[str, Estimate | None]:
    return {
        "valid_permissive": _share([verdict.largest_valid for verdict in verdicts]),
        "strictly_valid": _share([verdict.strictly_valid for verdict in verdicts]),
        "strictly_valid_and_connected": _share([verdict.strictly_valid_and_connected for verdict in verdicts]),
        "connected": _share([verdict.fragments == 1 for verdict in verdicts]),
        "fragmented": _share([verdict.fragments > 1 for verdict in verdicts if verdict.fragments]),
    }


def _variety_shares(verdicts: Sequence[Verdict], known: Collection[str] | None) -> dict[str, Estimate | None]:
    smiles = [verdict.smiles for verdict in verdicts if verdict.smiles is not None]
    distinct = set(smiles)
    shares = {"unique": wilson(len(distinct), len(smiles)) if smiles else None}
    if known is not None:
        shares["novel"] = _share([one not in known for one in distinct])
    return shares


def _relaxation_shares(verdicts: Sequence[Verdict]) -> dict[str, Estimate | None]:
    if not any(verdict.strain is not None for verdict in verdicts):
        return {}
    outcomes = _relaxations(verdicts)
    return {
        "relaxed": _share([outcome.ok for outcome in outcomes]),
        "topology_kept": _share([outcome.details.get(TOPOLOGY_KEPT) == 1 for outcome in outcomes]),
    }


def _relaxations(verdicts: Sequence[Verdict]) -> list[Outcome]:
    """Of the molecules that are worth relaxing."""
    return [each.strain for each in verdicts if each.strain is not None and each.strictly_valid_and_connected]


def _shares_by_test(outcomes: Sequence[Outcome]) -> dict[str, Estimate | None]:
    """A molecule of which a test has no answer has not passed it."""
    tests = dict.fromkeys(test for outcome in outcomes for test in outcome.details)
    return {test: _share([outcome.details.get(test) == 1 for outcome in outcomes]) for test in tests}


def _asked(verdicts: Sequence[Verdict]) -> list[Quantity]:
    """The quantities that were asked for."""
    relaxed = any(verdict.strain is not None for verdict in verdicts)
    return [one for one in QUANTITIES if relaxed or not one.relaxed]


def _mean(quantity: Quantity, verdicts: Sequence[Verdict]) -> Estimate | None:
    values = quantity.values(verdicts)
    return mean_interval(values, low=quantity.low, high=quantity.high) if values else None


def _distributions(verdicts: Sequence[Verdict]) -> dict[str, Distribution]:
    found = {}
    for one in _asked(verdicts):
        values = one.values(verdicts)
        if values:
            found[one.name] = distribution_of(values, one.bins or _unit_bins(values))
    return found


def _unit_bins(values: Sequence[float]) -> Bins:
    """A bin for every whole number there is."""
    low, high = min(values), max(values)
    return Bins(low - 0.5, high + 0.5, round(high - low) + 1)


def _distances(verdicts: Sequence[Verdict], reference: Reference) -> dict[str, float | None]:
    elements = [number for verdict in verdicts for number in verdict.elements]
    energies = [verdict.energy for verdict in verdicts if verdict.energy is not None]
    within = any(ENERGY_EDGES[0] <= energy <= ENERGY_EDGES[-1] for energy in energies)
    compared = [one for one in _asked(verdicts) if one.name in COMPARED and one.name in reference.properties]
    return {
        "elements": total_variation(shares_of(elements), reference.elements) if elements else None,
        "sizes": total_variation(shares_of(verdict.n_atoms for verdict in verdicts), reference.sizes),
        ENERGY: energy_divergence(energies, reference.energies) if within else None,
        **{
            one.name: _distance(one.values(verdicts), COMPARED[one.name], reference.properties[one.name])
            for one in compared
        },
    }


def _distance(values: Sequence[float], bins: Bins, reference: npt.NDArray[np.float64]) -> float | None:
    return bins.distance(bins.count(values), reference) if values else None


def _failures(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    tested = [verdict.posebusters for verdict in verdicts if verdict.posebusters is not None]
    counted = {Strain.name: _counted(_relaxations(verdicts)), PoseBustersTests.name: _counted(tested)}
    return {name: counts for name, counts in counted.items() if counts}


def _counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    return dict(Counter(f"{failure.kind}: {failure.stage}" for failure in failures).most_common())


def _share(flags: Sequence[bool]) -> Estimate | None:
    return wilson(sum(flags), len(flags)) if flags else None
