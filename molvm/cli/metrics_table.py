"""Metrics as a table for people: groups with headings, units, intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from molvm.evaluation.labels import DISTANCES, MEANS, NOTES, SHARES

if TYPE_CHECKING:
    from rich.table import Table

    from molvm.evaluation import Estimate, Summary

NOTHING: Final = "-"


def metrics_table(summary: Summary, *, subsets: bool = False) -> Table:
    """All metrics, in groups, for a terminal of 80 columns.

    Args:
        summary: The metrics.
        subsets: Whether to show the papers' mean and 1.96 standard errors over five subsets instead of our estimates
            and their intervals.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, caption=NOTES, caption_justify="left")
    table.add_column(f"{summary.molecules} molecules", no_wrap=True)
    for heading in ("value", "± 1.96 s.e." if subsets else "95 % interval", "median", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading, rows in _Rows(summary, subsets=subsets).groups():
        if rows:
            table.add_row(heading, style="bold")
            for label, *cells in rows:
                table.add_row(f"  {label}", *cells)
    return table


class _Rows:
    """The cells of the table, group by group: label, value, interval, median, number of molecules."""

    def __init__(self, summary: Summary, *, subsets: bool) -> None:
        self.summary = summary
        self.papers = summary.subsets if subsets else None

    def groups(self) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
        for heading, labels in SHARES.items():
            present = {name: label for name, label in labels.items() if name in self.summary.shares}
            yield heading, [self.share(label, "shares", name) for name, label in present.items()]
        yield "PoseBusters", self.posebusters()
        yield "Means", [self.mean(name) for name in self.summary.means]
        yield f"Distance from {self.summary.reference}", [self.distance(name) for name in self.summary.distances]
        yield "Failures", self.failures()

    def posebusters(self) -> list[tuple[str, ...]]:
        if "pb_valid" not in self.summary.shares:
            return []
        tests = [self.share(test.replace("_", " "), "posebusters", test) for test in self.summary.posebusters]
        return [*tests, self.share("PB-valid, all of these", "shares", "pb_valid")]

    def share(self, label: str, kind: str, name: str) -> tuple[str, ...]:
        estimates = self.summary.shares if kind == "shares" else self.summary.posebusters
        label = label.format(table=self.summary.valency_table)
        return label, *self.estimate(estimates[name], kind, name, _percent), "", _count(estimates[name])

    def mean(self, name: str) -> tuple[str, ...]:
        estimate, found = self.summary.means[name], self.summary.distributions.get(name)
        median = NOTHING if found is None else _number(found.quantiles[0.5])
        return MEANS[name], *self.estimate(estimate, "means", name), median, _count(estimate)

    def distance(self, name: str) -> tuple[str, ...]:
        if self.papers is not None:
            return DISTANCES[name], *self.estimate(None, "distances", name)
        value = self.summary.distances[name]
        return DISTANCES[name], NOTHING if value is None else _number(value)

    def estimate(
        self, estimate: Estimate | None, kind: str, name: str, show: Callable[[float], str] | None = None
    ) -> tuple[str, str]:
        """The value, and its interval or its ±."""
        show = show or _number
        if self.papers is not None:
            papers = self.papers.get(kind, {}).get(name)
            return (NOTHING, NOTHING) if papers is None else (show(papers.value), show(papers.half_width))
        if estimate is None:
            return NOTHING, NOTHING
        return show(estimate.value), estimate.ends(show)

    def failures(self) -> list[tuple[str, ...]]:
        return [
            (f"{name}, {reason}", str(count))
            for name, counts in self.summary.failures.items()
            for reason, count in counts.items()
        ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.4g}"


def _count(estimate: Estimate | None) -> str:
    return "0" if estimate is None else str(estimate.count)
