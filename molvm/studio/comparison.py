"""Runs beside their base as the studio shows them: histograms, and a line a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from molvm.evaluation.distributions import Bins
from molvm.evaluation.intervals import Estimate
from molvm.runs.groups import Group


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
    """A line a group: molecules, mean reward of the scored and failures with 95 % intervals, distinct SMILES."""
    return [
        {
            "group": group.name,
            "molecules": len(group.records),
            "mean of the scored": _interval(group.mean),
            "failures": _interval(group.failed, percent=True),
            "distinct": None if group.distinct is None else f"{group.distinct:.0%}",
        }
        for group in groups
    ]


def _interval(estimate: Estimate | None, *, percent: bool = False) -> str:
    return "–" if estimate is None else estimate.told(("{:.0%}" if percent else "{:.3g}").format)
