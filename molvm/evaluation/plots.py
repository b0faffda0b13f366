"""The distributions of a sample as a figure, those of the reference beside them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from molvm.durable import published
from molvm.errors import ConfigError, MissingDependencyError
from molvm.evaluation.distributions import Bins
from molvm.evaluation.quantities import COMPARED, ENERGY, ENERGY_BINS, UNITS
from molvm.evaluation.reference import Reference
from molvm.evaluation.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES: Final = {
    "atoms": "atoms",
    "qed": "QED",
    "log_p": "logP",
    "sa_score": "SA score",
    ENERGY: "MMFF94 energy",
    "strain": "strain",
    "rmsd_heavy": "RMSD on relaxation, heavy atoms",
}
"""What is drawn, in this order, of what the summary has."""

SUFFIXES: Final = (".pdf", ".png", ".svg")
COLUMNS: Final = 3
MARGIN: Final = 0.005
"""Share of the molecules at either end that a panel may leave out."""

DATE: Final = {"svg": "Date", "pdf": "CreationDate"}
"""What the formats call the time of drawing."""

Curve = tuple[Bins, npt.NDArray[np.float64]]
"""Bins and the shares in them."""


def require_drawable(path: Path) -> None:
    """Make sure, before long work, that a figure can be drawn.

    Raises:
        ConfigError: The ending is of no known format.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"The ending of {path} is no format of a figure.", allowed=", ".join(SUFFIXES))
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("matplotlib", "figures", "A figure")


def draw(summary: Summary, path: Path, reference: Reference | None = None) -> None:
    """Draws a histogram of every distribution into one file, replacing it.

    Args:
        summary: Of the sample.
        path: Ends in .svg, .png or .pdf.
        reference: Drawn as a line where it has the distribution.

    Raises:
        ConfigError: The ending is of no known format.
        MissingDependencyError: matplotlib is not installed.
        OutputExistsError: The file cannot be written.
    """
    require_drawable(path)
    from matplotlib.figure import Figure

    drawn = {name: title for name, title in TITLES.items() if name in summary.distributions}
    rows = -(-len(drawn) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel, (name, title) in zip(panels, drawn.items(), strict=False):
        sample = summary.distributions[name]
        curves = {f"{summary.molecules} molecules": (sample.bins, sample.counts / sample.counts.sum())}
        if reference is not None and (expected := reference_curve(reference, name)) is not None:
            curves[f"{reference.name}, training set"] = expected
        _draw_panel(panel, curves)
        panel.set(xlabel=f"{title} / {UNITS[name]}" if UNITS[name] else title, ylabel="share")
    for panel in panels[len(drawn) :]:
        panel.remove()
    panels[0].legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure, replacing the file; the same figure gives the same file.

    Raises:
        OutputExistsError: The file cannot be written.
    """
    from matplotlib import rc_context

    form = path.suffix.lower().removeprefix(".")
    # Neither a date nor random names.
    with rc_context({"svg.hashsalt": "molvm"}), published(path, overwrite=True) as part:
        figure.savefig(part, format=form, metadata={DATE[form]: None} if form in DATE else None)


def reference_curve(reference: Reference, name: str) -> Curve | None:
    """The reference's distribution of a quantity as its bins and their shares; None if it has none."""
    if name == "atoms":
        first, last = min(reference.sizes), max(reference.sizes)
        shares = np.array([reference.sizes.get(size, 0.0) for size in range(first, last + 1)])
        return Bins(first - 0.5, last + 0.5, len(shares)), shares
    if name == ENERGY:
        return ENERGY_BINS, reference.energies / reference.energies.sum()
    return (COMPARED[name], reference.properties[name]) if name in reference.properties else None


def _draw_panel(panel: Axes, curves: Mapping[str, Curve]) -> None:
    for place, (label, (bins, shares)) in enumerate(curves.items()):
        style: dict[str, Any] = {"fill": True, "alpha": 0.5} if place == 0 else {"color": "black", "linewidth": 1}
        panel.stairs(shares, bins.edges, label=label, **style)
    ends = [_ends(bins, shares) for bins, shares in curves.values()]
    panel.set_xlim(min(low for low, _ in ends), max(high for _, high in ends))
    panel.set_ylim(bottom=0)


def _ends(bins: Bins, shares: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Edges between which all but `MARGIN` at either end lies."""
    below = np.cumsum(shares)
    first = int(np.searchsorted(below, MARGIN, side="right"))
    last = int(np.searchsorted(below, 1 - MARGIN))
    return float(bins.edges[first]), float(bins.edges[min(last, bins.number - 1) + 1])
