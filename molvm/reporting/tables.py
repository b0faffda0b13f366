"""The tables of a report: rows of plain texts, base beside run, with 95 % intervals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from molvm.chem.scaffold import scaffold_smiles
from molvm.evaluation.intervals import Estimate
from molvm.evaluation.labels import MEANS, SHARES
from molvm.evaluation.summary import Summary
from molvm.reporting.evidence import Evidence, thinned
from molvm.runs.groups import Group
from molvm.runs.molecule_records import MoleculeRecord
from molvm.studio.markup import rounded

NOTHING: Final = "–"

MOST_REASONS: Final = 25
"""Rows of failures."""

NUMBER: Final = re.compile(r"(?<![A-Za-z\d])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![A-Za-z\d])")
"""What differs between reasons that are the same: no part of a word such as GFN2."""

Row = tuple[str, ...]

KL_ROWS: Final = (
    ("kl", "KL from the base, ½ ∫ |u|² dt", "nats"),
    ("kl_gap", "estimated KL to the target, log Z − its lower bound ¹", "nats"),
    ("ess", "effective sample size, share of the samples ¹", "%"),
    ("log_z", "log Z, from path weights ¹", "nats"),
)
"""Metric, what it is, its unit."""


def interval(estimate: Estimate | None, show: Callable[[float], str]) -> str:
    """The value and its interval, which a single value does not have."""
    return NOTHING if estimate is None else estimate.told(show)


def percent(share: float | None) -> str:
    """A share for people."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def headline_rows(groups: Sequence[Group], unit: str) -> list[Row]:
    """Samples, rewards and failures: what, then one cell a group."""
    label = f"mean reward / {unit}" if unit else "mean reward"
    best = [_extreme(group) for group in groups]
    return [
        ("samples", *(str(len(group.records)) for group in groups)),
        (label, *(interval(group.mean, rounded) for group in groups)),
        ("range of rewards", *best),
        ("failures", *(interval(group.failed, percent) for group in groups)),
    ]


def _extreme(group: Group) -> str:
    return f"{rounded(min(group.values))} to {rounded(max(group.values))}" if group.values else NOTHING


def validity_groups(summaries: Mapping[str, Summary]) -> list[tuple[str, list[Row]]]:
    """Headings, each with its rows: label, then one cell a group."""
    first = next(iter(summaries.values()))
    found = []
    for heading, labels in SHARES.items():
        names = [name for name in labels if name in first.shares]
        rows = [
            (
                labels[name].format(table=first.valency_table),
                *(interval(summary.shares[name], percent) for summary in summaries.values()),
            )
            for name in names
        ]
        found.append((heading, rows))
    means = [
        (MEANS[name], *(interval(summary.means[name], rounded) for summary in summaries.values()))
        for name in first.means
    ]
    return [(heading, rows) for heading, rows in [*found, ("Means", means)] if rows]


def divergence_rows(evidence: Evidence) -> list[Row]:
    """How far the run has moved, over its last rounds: what, number, unit."""
    rows: list[Row] = []
    for metric, label, unit in KL_ROWS:
        value = evidence.late(metric)
        if value is not None:
            rows.append((label, percent(value) if unit == "%" else f"{rounded(value)} {unit}"))
    return rows


def diversity_rows(groups: Sequence[Group]) -> list[Row]:
    """How many different molecules there are, of equally many of each group: what, then one cell a group."""
    named = [
        [each for each in group.records if isinstance(each, MoleculeRecord) and each.smiles is not None]
        for group in groups
    ]
    most = min(len(records) for records in named)
    kept = [thinned(records, most) for records in named]
    if not most:
        return []
    smiles = [[record.smiles for record in records] for records in kept]
    scaffolds = [[scaffold_smiles(record.sample) for record in records] for records in kept]
    return [
        ("molecules with a SMILES, equally many of each", *(str(most) for _ in groups)),
        ("distinct SMILES", *(percent(len(set(each)) / most) for each in smiles)),
        ("distinct Bemis–Murcko scaffolds", *(percent(len(set(each)) / most) for each in scaffolds)),
        ("mean Tanimoto distance of pairs, Morgan 2", *(rounded(tanimoto_distance(each)) for each in smiles)),
    ]


def tanimoto_distance(smiles: Sequence[str], most: int = 300) -> float | None:
    """One minus the mean Tanimoto similarity of all pairs of Morgan fingerprints of radius 2, 2048 bits.

    Args:
        smiles: Of molecules, sanitised before.
        most: Molecules that are compared, evenly spread over all.

    Returns:
        None for fewer than two.
    """
    from rdkit import Chem, DataStructs, rdBase
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    generator = GetMorganGenerator(radius=2, fpSize=2048)
    with rdBase.BlockLogs():
        mols = [mol for mol in map(Chem.MolFromSmiles, thinned(smiles, most)) if mol is not None]
    prints = [generator.GetFingerprint(mol) for mol in mols]
    pairs = [
        similarity
        for index in range(1, len(prints))
        for similarity in DataStructs.BulkTanimotoSimilarity(prints[index], prints[:index])
    ]
    return 1 - sum(pairs) / len(pairs) if pairs else None


def failure_rows(groups: Sequence[Group]) -> list[Row]:
    """Failures by kind, stage and reason, the commonest in the run first: kind, stage, reason, a share a group."""
    counted = [Counter(_failures(group.records)) for group in groups]
    order = sorted(set().union(*counted), key=lambda each: [-counts[each] for counts in reversed(counted)])
    return [
        (*each, *(percent(counts[each] / len(group.records)) for counts, group in zip(counted, groups, strict=True)))
        for each in order[:MOST_REASONS]
    ]


def _failures(records: Sequence[Any]) -> Iterator[Row]:
    for record in records:
        if record.failure is not None:
            yield record.failure, record.stage or "", _general(record.reason or "")


def _general(reason: str) -> str:
    """A reason without its numbers, so that equal ones are counted together."""
    return re.sub(NUMBER, "…", " ".join(reason.split()))[:200]
