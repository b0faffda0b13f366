"""Runs side by side as a table for people: a column a run, a line a quantity, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from molvm.evaluation import Estimate
    from molvm.evaluation.images.summary import Distance
    from molvm.runs.comparison import Comparison, Row

NOTHING: Final = "-"

CALLS: Final = 1000
"""Reward calls that gains are quoted for."""


def comparison_table(found: Comparison) -> Table:
    """All that is compared; parentheses hold 95 % intervals."""
    unit = f" / {found.unit}" if found.unit else ""
    table = Table(box=None, pad_edge=False, caption=_caption(found), caption_justify="left")
    table.add_column(f"{found.reward}{unit} on {found.model}")
    for row in found.rows:
        table.add_column(row.run, justify="right", overflow="fold")
    lines: dict[str, Callable[[Row], str]] = {
        "objective": lambda row: row.objective,
        "strength": lambda row: f"{row.strength:g}",
        "rounds, reward calls": lambda row: f"{row.rounds}, {row.calls}",
        "seconds": lambda row: f"{row.seconds:.4g}",
        f"reward at {NOTHING if found.kl is None else format(found.kl, '.3g')} nats": lambda row: _interval(
            row.reward_at_kl
        ),
        "  at a KL of": lambda row: NOTHING if row.kl_there is None else f"{row.kl_there:.3g}",
        "reward in the end ¹": lambda row: _interval(row.reward),
        "  of those that have one": lambda row: _interval(row.reward_scored),
        "KL from the base, nats": lambda row: _interval(row.kl),
        f"gain by {CALLS} reward calls": lambda row: _interval(row.gain_per_call, CALLS),
        "gain by hour": lambda row: _interval(row.gain_per_second, 3600),
        "diversity": lambda row: _interval(row.diversity),
        "distinct": lambda row: NOTHING if row.distinct is None else f"{row.distinct:.0%}",
        "valid and connected": lambda row: _share(row.valid),
        "failures": lambda row: _share(row.failures),
        "distance to p*, nats ²": lambda row: _interval(row.gap),
    }
    if all(row.valid is None for row in found.rows):  # of images
        del lines["valid and connected"]
    if any(row.distance is not None for row in found.rows):
        lines["Fréchet distance from the base ³"] = lambda row: _of(row.distance, lambda its: f"{its.value:.3g}")
        lines["  of infinitely many"] = lambda row: _of(row.distance, lambda its: _interval(its.unbiased))
        lines["  images of run, base"] = lambda row: _of(
            row.distance, lambda its: f"{its.samples}, {its.reference_samples}"
        )
    for label, cell in lines.items():
        table.add_row(label, *map(cell, found.rows))
    return table


def _caption(found: Comparison) -> str:
    samples = ", ".join(str(row.samples) for row in found.rows)
    distances = [row.distance for row in found.rows if row.distance is not None]
    return (
        f"{found.direction}; ends are of {samples} samples.  ¹ failures count as {found.floor:.4g}  "
        "² of paths, for each run's own strength, blind to what it never visits" + _of_distances(distances)
    )


def _of_distances(distances: Sequence[Distance]) -> str:
    if not distances:
        return ""
    features = " and ".join(sorted({each.features for each in distances}))
    fid = "the FID" if all(each.is_fid for each in distances) else "not the FID"
    thin = (
        "; TOO FEW IMAGES for so many features, its bias is most of it"
        if any(each.is_thin for each in distances)
        else ""
    )
    return f"  ³ of {features}, {fid}; too large by about c/n{thin}"


def _of(distance: Distance | None, say: Callable[[Distance], str]) -> str:
    return NOTHING if distance is None else say(distance)


def _interval(estimate: Estimate | None, factor: float = 1.0) -> str:
    return NOTHING if estimate is None else estimate.told(lambda number: f"{factor * number:.3g}")


def _share(estimate: Estimate | None) -> str:
    return NOTHING if estimate is None else estimate.told("{:.0%}".format)
