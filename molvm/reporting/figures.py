"""The figures of a report, as SVG: curves over the rounds, distributions of base and run."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from molvm.errors import MissingDependencyError
from molvm.evaluation.distributions import Bins, Distribution, distribution_of
from molvm.evaluation.intervals import Estimate, mean_interval
from molvm.evaluation.plots import TITLES
from molvm.evaluation.quantities import UNITS
from molvm.evaluation.summary import Summary
from molvm.reporting.evidence import Evidence
from molvm.runs.groups import Group, pareto, reward_against_kl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BASE_COLOUR, RUN_COLOUR, INK, PALE = "#8a99a5", "#1f6f78", "#44505c", "#e3e8ec"

STYLE: Final[Any] = {
    "svg.hashsalt": "molvm",
    "svg.fonttype": "path",
    "text.parse_math": False,  # names and units are texts, whatever stands in them
    "font.size": 9,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eef2f4",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.transparent": True,
}
"""Of matplotlib. Neither a date nor random names: the same run gives the same figures."""

CURVES: Final = (
    ("reward", "mean reward"),
    ("kl", "KL from the base / nats"),
    ("ess", "effective sample size"),
    ("failures", "share of failures"),
)

SHARES: Final = ("ess", "failures")
"""Curves that lie between 0 and 1."""

MOST_BINS: Final = 24
"""Of a property."""

SMOOTHING_FROM: Final = 30
"""Rounds from which a running mean is drawn through the noise."""


@dataclass(frozen=True)
class Figure:
    """A drawing and what it shows, for those who cannot see it.

    Args:
        svg: The drawing.
        text: What it shows.
    """

    svg: str
    text: str


def require_figures() -> None:
    """Raises MissingDependencyError if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("matplotlib", "figures", "A report")


@contextmanager
def _drawn(width: float, height: float) -> Iterator[tuple[Any, Callable[[], str]]]:
    """A figure of so many inches, and what makes an SVG of it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    with rc_context(STYLE):
        canvas = Canvas(figsize=(width, height))

        def svg() -> str:
            buffer = io.StringIO()
            canvas.savefig(buffer, format="svg", metadata={"Date": None})
            return buffer.getvalue()

        yield canvas, svg


def curves(evidence: Evidence) -> Figure:
    """Reward, KL, effective sample size and failures over the rounds; the rounds of the base alone are shaded."""
    unit = evidence.manifest.unit
    present = [(name, label) for name, label in CURVES if any(row.get(name) is not None for row in evidence.metrics)]
    with _drawn(9.6, 2.3 * -(-len(present) // 2)) as (canvas, svg):
        panels = canvas.subplots(-(-len(present) // 2), 2, squeeze=False, sharex=True).ravel()
        for panel, (name, label) in zip(panels, present, strict=False):
            _curve(panel, evidence, name)
            panel.set_ylabel(f"{label} / {unit}" if name == "reward" and unit else label)
        for panel in panels[len(present) :]:
            panel.remove()
        for panel in panels[max(0, len(present) - 2) : len(present)]:
            panel.set_xlabel("round")
        return Figure(svg(), "Curves over the rounds: " + ", ".join(label for _, label in present) + ".")


def _curve(panel: Axes, evidence: Evidence, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    rows = [(int(row["iteration"]), row[name]) for row in evidence.metrics if row.get(name) is not None]
    rounds, values = np.array(rows, dtype=float).T
    noisy = len(values) >= SMOOTHING_FROM
    # A line of a single round has no length: few rounds are dotted.
    marker = "" if noisy else "."
    panel.plot(rounds, values, color=RUN_COLOUR, linewidth=1.5, marker=marker, alpha=0.3 if noisy else 1.0)
    if noisy:
        width = max(5, len(values) // 15)
        smooth = np.convolve(values, np.ones(width) / width, mode="valid")
        panel.plot(rounds[width - 1 :], smooth, color=RUN_COLOUR, linewidth=1.8)
    free = [record.iteration for record in evidence.base.records]
    if free:
        panel.axvspan(min(free) - 0.5, max(free) + 0.5, color=PALE, alpha=0.6, linewidth=0)
    if name in SHARES:
        panel.set_ylim(0, 1.02)
    panel.margins(x=0.01)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def reward_distribution(groups: Sequence[Group], unit: str) -> Figure | None:
    """The rewards of base and run, each mean with its 95 % interval; None without a reward."""
    values = {group.name: group.values for group in groups if group.values}
    if not values:
        return None
    everything = [value for each in values.values() for value in each]
    low, high = min(everything), max(everything)
    number = min(40, max(8, min(map(len, values.values())) // 4))
    bins = Bins(low, high if high > low else low + 1.0, number)
    with _drawn(9.6, 2.7) as (canvas, svg):
        panel = canvas.subplots()
        for name, each in values.items():
            _histogram(panel, name, distribution_of(each, bins), mean_interval(each))
        panel.set(xlabel=f"reward / {unit}" if unit else "reward", ylabel="share of the samples")
        panel.legend()
        return Figure(svg(), "Histograms of the rewards of " + " and ".join(values) + ".")


def property_distributions(summaries: Mapping[str, Summary]) -> Figure | None:
    """Properties of base and run, each mean with its 95 % interval; None where no molecule has any."""
    drawn = [name for name in TITLES if any(name in summary.distributions for summary in summaries.values())]
    if not drawn:
        return None
    rows = -(-len(drawn) // 3)
    with _drawn(9.6, 2.2 * rows) as (canvas, svg):
        panels = canvas.subplots(rows, 3, squeeze=False).ravel()
        for panel, name in zip(panels, drawn, strict=False):
            found = {group: each.distributions[name] for group, each in summaries.items() if name in each.distributions}
            for group, each in coarsened(found).items():
                _histogram(panel, group, each, summaries[group].means[name])
            panel.set_xlabel(f"{TITLES[name]} / {UNITS[name]}" if UNITS[name] else TITLES[name])
            panel.set_xlim(*_ends(list(found.values())))
            panel.set_yticklabels([])
        for panel in panels[len(drawn) :]:
            panel.remove()
        panels[0].legend()
        return Figure(svg(), "Histograms of " + ", ".join(TITLES[name] for name in drawn) + " of base and run.")


def _histogram(panel: Axes, name: str, found: Distribution, mean: Estimate | None) -> None:
    colour = BASE_COLOUR if name == "base" else RUN_COLOUR
    shares = found.counts / found.counts.sum()
    panel.stairs(shares, found.bins.edges, color=colour, fill=True, alpha=0.28)
    panel.stairs(shares, found.bins.edges, color=colour, linewidth=1.2, label=name)
    if mean is not None and mean.has_interval:
        panel.axvspan(mean.low, mean.high, color=colour, alpha=0.25, linewidth=0)
        panel.axvline(mean.value, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))


def coarsened(found: Mapping[str, Distribution], most: int = MOST_BINS) -> dict[str, Distribution]:
    """The same with neighbouring bins joined, equally many in all, until at most so many span all that there is."""
    used = [np.flatnonzero(each.counts) for each in found.values()]
    joined = max(-(-int(at[-1] - at[0] + 1) // most) for at in used)
    return {name: _joined(each, joined) for name, each in found.items()}


def _joined(found: Distribution, joined: int) -> Distribution:
    number = -(-found.bins.number // joined)
    counts = np.pad(found.counts, (0, number * joined - found.bins.number)).reshape(number, joined).sum(axis=1)
    width = (found.bins.stop - found.bins.start) / found.bins.number * joined
    return replace(found, bins=Bins(found.bins.start, found.bins.start + number * width, number), counts=counts)


def _ends(found: Sequence[Distribution]) -> tuple[float, float]:
    """Between which edges anything is."""
    used = [(each.bins.edges, np.flatnonzero(each.counts)) for each in found]
    return min(edges[at[0]] for edges, at in used), max(edges[at[-1] + 1] for edges, at in used)


def reward_for_nats(evidence: Evidence) -> Figure | None:
    """Reward against KL, a point a round, later ones darker; the best joined. None for fewer than two rounds."""
    from matplotlib.ticker import MaxNLocator

    points = reward_against_kl(evidence.name, evidence.metrics)
    if len(points) < 2:
        return None
    front = pareto(points, maximise=evidence.manifest.direction == "maximise")
    unit = evidence.manifest.unit
    with _drawn(9.6, 2.7) as (canvas, svg):
        panel = canvas.subplots()
        panel.step([p["kl"] for p in front], [p["reward"] for p in front], where="post", color=BASE_COLOUR, lw=1)
        dots = panel.scatter(
            [p["kl"] for p in points],
            [p["reward"] for p in points],
            c=[p["iteration"] for p in points],
            cmap=_sea(),
            s=22,
            zorder=3,
        )
        ticks = {"ticks": MaxNLocator(5, integer=True), "pad": 0.01, "aspect": 30}
        canvas.colorbar(dots, ax=panel, label="round", **ticks).outline.set_visible(False)
        panel.set(xlabel="KL from the base / nats", ylabel=f"mean reward / {unit}" if unit else "mean reward")
        return Figure(svg(), "Mean reward against KL from the base, a point a round.")


def _sea() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("molvm", ["#cfe3e4", RUN_COLOUR, "#0d3b42"])
