"""Reward against KL: every round of every run, where each has ended, and the best of all for their price."""

from __future__ import annotations

from pathlib import Path

from molvm.evaluation.plots import require_drawable, save_figure
from molvm.runs.comparison import Comparison


def draw_comparison(found: Comparison, path: Path) -> None:
    """Draws the comparison into one file, replacing it.

    Args:
        found: The comparison.
        path: Ends in .svg, .png or .pdf.

    Raises:
        ConfigError: The ending is of no known format.
        MissingDependencyError: matplotlib is not installed.
        OutputExistsError: The file cannot be written.
    """
    require_drawable(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    panel = figure.subplots()
    for place, row in enumerate(found.rows):
        rounds = [point for point in found.points if point["run"] == row.run]
        colour = f"C{place % 10}"
        panel.scatter([each["kl"] for each in rounds], [each["reward"] for each in rounds], 8, colour, alpha=0.35)
        spread = [[row.reward.value - row.reward.low], [row.reward.high - row.reward.value]]
        if row.kl is None:
            panel.axhline(row.reward.value, color=colour, linestyle=":", label=f"{row.run}, without KL")
            continue
        panel.errorbar(row.kl.value, row.reward.value, yerr=spread, fmt="o", color=colour, capsize=3, label=row.run)
    panel.step(
        [each["kl"] for each in found.front],
        [each["reward"] for each in found.front],
        where="post",
        color="0.5",
        linestyle="--",
        linewidth=1,
        label="best of all rounds",
    )
    unit = f" / {found.unit}" if found.unit else ""
    panel.set(xlabel="KL from the base / nats", ylabel=f"mean {found.reward}{unit}")
    panel.legend(frameon=False, fontsize=8)
    save_figure(figure, path)
