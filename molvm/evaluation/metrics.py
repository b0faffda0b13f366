"""The metrics of a set of generated molecules, every one with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from molvm.chem.molecule import Molecule
from molvm.errors import EvaluationError
from molvm.evaluation.distributions import shares_of, total_variation
from molvm.evaluation.energy import ENERGY_EDGES, energy_divergence
from molvm.evaluation.intervals import Estimate, mean_interval, wilson, wilson_clustered
from molvm.evaluation.reference import Reference
from molvm.evaluation.valency_tables import ValencyTable, load_valency_table
from molvm.evaluation.verdict import Verdict, examine


@dataclass(frozen=True)
class Summary:
    """The metrics of a set of molecules; None wherever there is nothing to take a share or mean of.

    Attributes:
        molecules: How many molecules were examined, broken ones included.
        valency_table: Name of the table behind `atoms_stable` and `molecules_stable`.
        shares: Shares with Wilson's 95 % interval.

            * `atoms_stable`, `molecules_stable`: valencies as in the table (FlowMol v3).
            * `atoms_stable_permissive`, `molecules_stable_permissive`: MiDi's table (FlowMol v0.1 and v2.0).
            * `valid_permissive`: the largest fragment sanitises, implicit hydrogens allowed (FlowMol's validity).
            * `connected`: exactly one fragment, of all molecules (1 - the share of fragmented ones).
            * `strictly_valid`: sanitises with no implicit hydrogen and no radical.
            * `strictly_valid_and_connected`: one fragment besides.
            * `unique`: distinct SMILES over the strictly valid and connected. It falls with the number of molecules;
              its interval is nominal, as duplicates are not independent.
            * `novel`: of those distinct SMILES, the ones that are not in the training set.
        means: Means with Student's 95 % interval: `atoms` a molecule, `fragments` a molecule and
            `largest_fragment_share` (both over molecules that could be split), `energy` (MMFF94, kcal/mol).
        distances: From the reference: `elements` and `sizes` (total variation), `energy` (FlowMol's Jensen-Shannon
            distance). All fall towards 0, but not to it, as the number of molecules grows.
    """

    molecules: int
    valency_table: str
    shares: Mapping[str, Estimate | None]
    means: Mapping[str, Estimate | None]
    distances: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """The summary in what JSON knows; ends of intervals that are not finite become null."""
        return {
            "molecules": self.molecules,
            "valency_table": self.valency_table,
            "shares": {name: _json_estimate(estimate) for name, estimate in self.shares.items()},
            "means": {name: _json_estimate(estimate) for name, estimate in self.means.items()},
            "distances": dict(self.distances),
        }


def summarise(
    molecules: Iterable[Molecule],
    *,
    table: str | ValencyTable = "qm9",
    reference: Reference | None = None,
    known: Collection[str] | None = None,
    energies: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Examines molecules and summarises them.

    Args:
        molecules: Any number, at least one; broken ones count in every denominator.
        table: The valency table, or the name of a packaged one.
        reference: Distributions to measure distances from; `load_reference("qm9")`.
        known: Canonical SMILES of the training set, for `novel`; `known_smiles(dataset)`.
        energies: Whether to compute MMFF94 energies.
        progress: Called with the number of molecules done after each.

    Raises:
        EvaluationError: There are no molecules.
        UnknownNameError: There is no table of that name.
    """
    valencies = load_valency_table(table) if isinstance(table, str) else table
    verdicts: list[Verdict] = []
    for molecule in molecules:
        verdicts.append(examine(molecule, valencies, energies=energies))
        if progress is not None:
            progress(len(verdicts))
    return summarise_verdicts(verdicts, table_name=valencies.name, reference=reference, known=known)


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
    return Summary(
        molecules=len(verdicts),
        valency_table=table_name,
        shares={**_stability_shares(verdicts), **_validity_shares(verdicts), **_variety_shares(verdicts, known)},
        means=_means(verdicts),
        distances={} if reference is None else _distances(verdicts, reference),
    )


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
        "connected": _share([verdict.fragments == 1 for verdict in verdicts]),
        "strictly_valid": _share([verdict.strictly_valid for verdict in verdicts]),
        "strictly_valid_and_connected": _share([verdict.strictly_valid_and_connected for verdict in verdicts]),
    }


def _variety_shares(verdicts: Sequence[Verdict], known: Collection[str] | None) -> dict[str, Estimate | None]:
    smiles = [verdict.smiles for verdict in verdicts if verdict.smiles is not None]
    distinct = set(smiles)
    shares = {"unique": wilson(len(distinct), len(smiles)) if smiles else None}
    if known is not None:
        remembered = known if isinstance(known, set | frozenset) else frozenset(known)
        shares["novel"] = _share([one not in remembered for one in distinct])
    return shares


def _means(verdicts: Sequence[Verdict]) -> dict[str, Estimate | None]:
    split = [verdict for verdict in verdicts if verdict.fragments]
    values: dict[str, list[float]] = {
        "atoms": [float(verdict.n_atoms) for verdict in verdicts],
        "fragments": [float(verdict.fragments) for verdict in split],
        "largest_fragment_share": [verdict.largest_share for verdict in split],
        "energy": [verdict.energy for verdict in verdicts if verdict.energy is not None],
    }
    return {name: mean_interval(sample) if sample else None for name, sample in values.items()}


def _distances(verdicts: Sequence[Verdict], reference: Reference) -> dict[str, float | None]:
    elements = [number for verdict in verdicts for number in verdict.elements]
    energies = [verdict.energy for verdict in verdicts if verdict.energy is not None]
    within = any(ENERGY_EDGES[0] <= energy <= ENERGY_EDGES[-1] for energy in energies)
    return {
        "elements": total_variation(shares_of(elements), reference.elements) if elements else None,
        "sizes": total_variation(shares_of(verdict.n_atoms for verdict in verdicts), reference.sizes),
        "energy": energy_divergence(energies, reference.energies) if within else None,
    }


def _share(flags: Sequence[bool]) -> Estimate | None:
    return wilson(sum(flags), len(flags)) if flags else None


def _json_estimate(estimate: Estimate | None) -> dict[str, float | int | None] | None:
    if estimate is None:
        return None
    return {name: value if math.isfinite(value) else None for name, value in asdict(estimate).items()}
