"""`molvm compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from molvm.runs.comparison import Contender
    from molvm.runs.recorded import RecordedRun


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Directories of runs of one reward on one base.")],
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            help="Draw and score so many fresh samples of each, with their rewards' calls.",
            show_default="the last quarter of the recorded rounds",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the fresh samples.")] = 1_000_003,
    figure: Annotated[Path | None, typer.Option(help="Draw reward against KL: .svg, .png or .pdf.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the figure.")] = False,
) -> None:
    """Put runs side by side: reward at equal KL, by reward calls, by seconds, KL, diversity, validity, failures.

    Failures count at the worst floor of the runs. The distance to p* is the path weights' estimate of KL(P^u || P*).
    """
    import json

    from rich.console import Console

    from molvm.cli.comparison_table import comparison_table
    from molvm.cli.console import say
    from molvm.durable import require_writable
    from molvm.evaluation.plots import require_drawable
    from molvm.runs.comparison import compare as compared
    from molvm.runs.comparison import recorded_runs
    from molvm.runs.comparison_figure import draw_comparison

    if figure is not None:
        require_drawable(figure)
        require_writable(figure, overwrite=overwrite)
    contenders = _contenders(recorded_runs(runs), count, seed)
    if len({each.process for each in contenders}) > 1:
        said = "; ".join(f"{each.name}: {each.process}" for each in contenders)
        say(f"The runs simulate their base differently, and other steps make a slightly different law. {said}.")
    found = compared(contenders)
    if figure is not None:
        draw_comparison(found, figure)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        Console().print(comparison_table(found))


def _contenders(runs: list[RecordedRun], count: int | None, seed: int) -> list[Contender]:
    from molvm.cli.console import counting_bar
    from molvm.runs.comparison import contender

    if count is None:
        return [contender(run) for run in runs]
    from molvm.errors import ConfigError
    from molvm.runs.fresh import fresh_samples, require_samplable

    if count < 2:
        raise ConfigError(f"--count is {count}.", allowed="a whole number from 2")
    for run in runs:
        require_samplable(run.directory.path)
    found = []
    for run in runs:
        with counting_bar(f"sampling {run.name}") as progress:
            found.append(contender(run, fresh_samples(run.directory.path, count, seed, progress)))
    return found
