"""`molvm report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer


def report(
    run: Annotated[Path, typer.Argument(help="A run's directory.")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file to write.", show_default="report.html in the run")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many of the best samples to show.")] = 12,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Write one HTML file about a run: what was asked, what came out, and how to make it again.

    It opens offline and prints. Runs that are still under way can be reported too.
    """
    from molvm.reporting.report import report as reported

    path = reported(run, out, count=count, overwrite=overwrite)
    answer({"report": path}, f"The report is {path}", as_json=as_json, err=True)
