"""Metrics as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molvm.evaluation import Estimate, Summary

WIDTH = 34


def metrics_table(summary: Summary) -> str:
    """One metric a line: its name, its value and its 95 % interval."""
    lines = [f"{'molecules':<{WIDTH}}{summary.molecules}", f"{'valency table':<{WIDTH}}{summary.valency_table}"]
    lines += [_share(name, estimate) for name, estimate in summary.shares.items()]
    lines += [_mean(name, estimate) for name, estimate in summary.means.items()]
    lines += [
        f"{'distance of ' + name:<{WIDTH}}{'-' if value is None else f'{value:.3f}'}"
        for name, value in summary.distances.items()
    ]
    return "\n".join(lines)


def _share(name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return f"{name:<{WIDTH}}-"
    return f"{name:<{WIDTH}}{100 * estimate.value:.1f} %  [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _mean(name: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return f"{name:<{WIDTH}}-"
    return f"{name:<{WIDTH}}{estimate.value:.3f}  [{estimate.low:.3f}, {estimate.high:.3f}]"
