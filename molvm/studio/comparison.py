"""Runs beside their base: distributions, how much reward for how many nats, and pairs from the same noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from molvm.evaluation.distributions import Bins
from molvm.evaluation.intervals import Estimate, mean_interval, wilson
from molvm.runs.molecule_records import MoleculeRecord

BASE: Final = "base"

LAST: Final = 0.25
"""Share of a run's steered rounds, counted from the end, that stands for what it has become."""


@dataclass(frozen=True)
class Group:
    """Molecules that one thing has made.

    Args:
        name: Of the run, or `BASE` with the model.
        records: Its molecules.
    """

    name: str
    records: tuple[MoleculeRecord, ...]

    @property
    def values(self) -> list[float]:
        """The rewards of those that have one."""
        return [record.value for record in self.records if record.value is not None]

    @property
    def mean(self) -> Estimate | None:
        """The mean reward with Student's interval; None without a value."""
        return mean_interval(self.values) if self.values else None

    @property
    def failed(self) -> Estimate | None:
        """The share of failures with Wilson's interval; None without molecules."""
        if not self.records:
            return None
        return wilson(sum(record.failure is not None for record in self.records), len(self.records))

    @property
    def distinct(self) -> float | None:
        """Distinct SMILES over molecules that have one; None without any."""
        smiles = [record.smiles for record in self.records if record.smiles is not None]
        return len(set(smiles)) / len(smiles) if smiles else None


def unsteered(metrics: Iterable[Mapping[str, Any]]) -> list[int]:
    """The iterations whose molecules the base alone has made: their KL is zero."""
    return [int(row["iteration"]) for row in metrics if row.get("kl") == 0]


def base_and_run(
    name: str, metrics: Sequence[Mapping[str, Any]], records: Iterable[MoleculeRecord], last: float = LAST
) -> tuple[Group, Group]:
    """What the base has made within a run, and what the run has made at its end.

    Args:
        name: Of the run.
        metrics: One an iteration.
        records: Of all iterations.
        last: Share of the steered iterations, from the end.
    """
    free = set(unsteered(metrics))
    steered = sorted(int(row["iteration"]) for row in metrics if int(row["iteration"]) not in free)
    chosen = set(steered[-max(1, math.ceil(last * len(steered))) :]) if steered else set()
    kept = list(records)
    return (
        Group(BASE, tuple(record for record in kept if record.iteration in free)),
        Group(name, tuple(record for record in kept if record.iteration in chosen)),
    )


def reward_against_kl(name: str, metrics: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row an iteration: run, iteration, kl in nats, reward."""
    return [
        {"run": name, "iteration": int(row["iteration"]), "kl": float(row["kl"]), "reward": float(row["reward"])}
        for row in metrics
        if _finite(row.get("kl")) and _finite(row.get("reward"))
    ]


def pareto(points: Sequence[Mapping[str, Any]], *, maximise: bool = True) -> list[Mapping[str, Any]]:
    """The points of which no other has as much reward for as few nats, by rising KL.

    Args:
        points: With kl and reward.
        maximise: Which way the reward is better.
    """
    sign = 1.0 if maximise else -1.0
    front: list[Mapping[str, Any]] = []
    for point in sorted(points, key=lambda each: (each["kl"], -sign * each["reward"])):
        if not front or sign * point["reward"] > sign * front[-1]["reward"]:
            front.append(point)
    return front


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def value_rows(groups: Sequence[Group], bins: int) -> list[dict[str, Any]]:
    """Histograms of the rewards over one range: rows of group, lower edge, share; a last row closes the last bin."""
    everything = [value for group in groups for value in group.values]
    if not everything:
        return []
    low, high = min(everything), max(everything)
    scale = Bins(low, high if high > low else low + 1.0, bins)
    rows: list[dict[str, Any]] = []
    for group in groups:
        if not group.values:
            continue
        shares = scale.count(group.values) / len(group.values)
        rows += [
            {"group": group.name, "value": float(edge), "share": float(share)}
            for edge, share in zip(scale.edges, [*shares, shares[-1]], strict=True)
        ]
    return rows


def group_rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """A line a group: molecules, mean reward and failures with their 95 % intervals, distinct SMILES."""
    return [
        {
            "group": group.name,
            "molecules": len(group.records),
            "mean reward": _interval(group.mean),
            "failures": _interval(group.failed, percent=True),
            "distinct": None if group.distinct is None else f"{group.distinct:.0%}",
        }
        for group in groups
    ]


def _interval(estimate: Estimate | None, *, percent: bool = False) -> str:
    if estimate is None:
        return "–"
    value, low, high = (
        f"{number:.0%}" if percent else f"{number:.3g}" for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"
