"""`molvm evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    source: Annotated[str, typer.Argument(help="A molecule file, a run's directory, or a base model.")],
    count: Annotated[int, typer.Option("-n", "--count", help="How many to sample, if there is no file.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the sampling.")] = 0,
    table: Annotated[str, typer.Option(help="Table of valencies: qm9, geom or midi.")] = "qm9",
    reference: Annotated[str | None, typer.Option(help="Dataset to measure distances from.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the metrics as JSON too.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the JSON file.")] = False,
) -> None:
    """Measure molecules: stability, validity, uniqueness, with 95 % intervals."""
    import json

    from molvm.cli.console import counted, counting_bar
    from molvm.cli.metrics_table import metrics_table
    from molvm.cli.molecules import molecules_of
    from molvm.durable import replace_text, require_writable
    from molvm.evaluation import load_reference, load_valency_table, summarise

    if out is not None:
        require_writable(out, overwrite=overwrite)
    valencies = load_valency_table(table)
    known = load_reference(reference) if reference is not None else None
    molecules, unreadable = molecules_of(source, count, seed)
    with counting_bar("measuring") as progress:
        summary = summarise(
            molecules, table=valencies, reference=known, progress=lambda done: progress(done, len(molecules))
        )
    if unreadable:
        typer.echo(f"Left out, because RDKit cannot read them: {counted(unreadable, 'record')}.", err=True)
    if out is not None:
        replace_text(out, json.dumps(summary.to_json(), indent=2) + "\n")
    typer.echo(metrics_table(summary))
