"""`molvm trajectory`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import sources


def trajectory(
    source: Annotated[
        str, typer.Argument(help="A run's directory, or a base model's name or directory.", autocompletion=sources)
    ],
    out: Annotated[Path, typer.Option(help="The SD file to write: a record a time.")],
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    steps: Annotated[
        int | None, typer.Option(help="Steps from noise to data.", show_default="the run's, or 100")
    ] = None,
    guidance: Annotated[float, typer.Option(help="What a run's control is multiplied by; 0 for its base model.")] = 1.0,
    atoms: Annotated[str | None, typer.Option(help="The number of atoms.", show_default="as the base draws it")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Draw one molecule and keep its path from noise, with V along it.

    It is the molecule that `molvm sample -n 1` draws with the same seed and steps.
    """
    from molvm.cli.console import counted, counting_bar
    from molvm.cli.endings import require_ending
    from molvm.cli.interrupts import told_if_interrupted
    from molvm.durable import require_writable

    require_writable(out, overwrite=overwrite)
    require_ending(out, ".sdf", ".sd")

    from molvm.runs.path import draw_path
    from molvm.runs.source import open_source

    told = told_if_interrupted(lambda: f"{out} is not written: the same command draws the same path from its start.")
    with told, counting_bar("drawing", "steps") as progress:
        drawn = draw_path(
            open_source(source), seed=seed, steps=steps, guidance=guidance, atoms=atoms, progress=progress
        )
    written = drawn.to_sdf(out, overwrite=overwrite)
    answer({"frames": written, "out": out}, f"{counted(written, 'frame')} in {out}", as_json=as_json, err=True)
