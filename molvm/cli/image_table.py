"""Metrics of images as a table for people: the images, and what they are measured against."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from molvm.evaluation import Estimate
    from molvm.evaluation.images.summary import Distance, ImageGroup, ImageSummary

NOTHING = "-"


def image_table(summary: ImageSummary) -> Table:
    """All metrics; parentheses hold 95 % intervals."""
    from rich.table import Table

    groups = [summary.group, *([] if summary.base is None else [summary.base])]
    table = Table(box=None, pad_edge=False, caption=_caption(summary), caption_justify="left")
    table.add_column("", no_wrap=True)
    for name in filter(None, (summary.source, summary.reference)):
        table.add_column(Path(name).name, justify="right", overflow="fold")
    lines: dict[str, Callable[[ImageGroup], str]] = {
        "images": lambda group: str(group.images),
        "distinct": lambda group: f"{group.distinct:.0%}",
    }
    if summary.reward:
        lines[summary.reward] = lambda group: _interval(group.reward)
        lines["  without one"] = lambda group: str(group.failures)
    lines["KL from the base, nats"] = lambda group: _interval(group.kl)
    lines["diversity, mean 1 − cos ¹"] = lambda group: _interval(group.diversity)
    lines |= {f"Vendi score, q = {order} ¹": partial(_vendi, order) for order in summary.group.vendi}
    for label, cell in lines.items():
        table.add_row(label, *map(cell, groups))
    if summary.distance is not None:
        table.add_row(distance_label(summary.distance), f"{summary.distance.value:.4g}", "0")
        table.add_row("  of infinitely many", _interval(summary.distance.unbiased), "")
    return table


def distance_label(distance: Distance) -> str:
    """FID where it is the published one, else the distance that it is."""
    return "FID ²" if distance.is_fid else "Fréchet distance, not FID ²"


def _caption(summary: ImageSummary) -> str:
    said = f"¹ of {summary.group.features}; the Vendi score grows with the number of images"
    if summary.distance is None:
        return said
    distance = summary.distance
    thin = "; TOO FEW IMAGES for so many features, its bias is most of it" if distance.is_thin else ""
    return f"{said}  ² of {distance.features}, from the other column, too large by about c/n{thin}"


def _vendi(order: str, group: ImageGroup) -> str:
    return f"{group.vendi[order]:.3g}"


def _interval(estimate: Estimate | None) -> str:
    return NOTHING if estimate is None else estimate.told("{:.3g}".format)
