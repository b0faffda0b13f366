"""`molvm report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.conditioning import Device, Offload, Placed, placed

if TYPE_CHECKING:
    from molvm.images import Image


def report(
    run: Annotated[Path, typer.Argument(help="A run's directory.")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file to write.", show_default="report.html in the run")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many of the best samples to show.")] = 12,
    pairs: Annotated[
        int, typer.Option(help="Of a run of images: draw so many of its base too, above, from the same noise.")
    ] = 0,
    device: Device = None,
    offload: Offload = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Write one HTML file about a run: what was asked, what came out, and how to make it again.

    It opens offline and prints. Runs that are still under way can be reported too.
    """
    from molvm.cli.endings import require_ending
    from molvm.reporting.report import report as reported

    if out is not None:
        require_ending(out, ".html", ".htm")
    where = placed(device, offload=offload, draws=pairs > 0, option="--pairs")
    drawn = _pairs(run, pairs, where) if pairs else None
    path = reported(run, out, count=count, pairs=drawn, overwrite=overwrite)
    answer({"report": path}, f"The report is {path}", as_json=as_json, err=True)


def _pairs(path: Path, count: int, where: Placed) -> Image:
    """Images of the base above those of the run."""
    from molvm.cli.console import counting_bar
    from molvm.runs.image_pairs import image_pairs
    from molvm.runs.run import Run

    run = Run.open(path)
    run.compute_on(**where)
    with counting_bar("drawing") as progress:
        return image_pairs(run, count, progress=progress).grid()
