"""`molvm doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer


def doctor(
    memory: Annotated[
        str | None,
        typer.Option(
            help="Say what training on a model of images takes: dit, sd15, sd2, sd3, cifar, or a pipeline's folder."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Images in a round, for --memory.")] = 128,
    value_size: Annotated[str, typer.Option(help="Size of the value network, A to F, for --memory.")] = "B",
    as_json: Json = False,
) -> None:
    """Check the installation: versions, engines, models, extras. Paste the output into a bug report."""
    if memory is not None:
        _estimate(memory, batch, value_size, as_json=as_json)
        return
    from molvm.runs.diagnosis import diagnose

    found = []
    for finding in diagnose():
        found.append(finding)
        if not as_json:
            typer.echo(f"{'ok ' if finding.ok else 'BAD'}  {finding.topic:<20} {finding.text}")
    if as_json:
        answer([asdict(finding) for finding in found], "", as_json=True)
    if not all(finding.ok for finding in found):
        raise typer.Exit(1)


def _estimate(model: str, batch: int, value_size: str, *, as_json: bool) -> None:
    from molvm.runs.memory import estimate_memory
    from molvm.runs.method_memory import memory_by_method

    found = estimate_memory(model, batch, value_size=value_size)
    methods = memory_by_method(found)
    if as_json:
        answer({**asdict(found), "methods": methods}, "", as_json=True)
        return
    lines = (
        ("Value Matching, in all", found.value_matching),
        ("  weights of the base, 16 bits", found.base),
        ("  value network with AdamW", found.value),
        ("  a pass of the base", found.forward),
        ("  decoding, one by one", found.decoding),
        ("  learning from a portion", found.learning),
        *([("before it, reading the prompts", found.reading)] if found.reading else []),
        ("beside it, paths in RAM", found.paths),
        ("a graph through the base, V1", found.through_one),
        (f"  V1 + {batch - 1} (V2 - V1)", found.through_the_base),
    )
    typer.echo(f"{model}, {batch} images in a round, counted from the graphs; passes, decoding and learning take turns")
    for topic, size in lines:
        typer.echo(f"{topic:<32} {size / 1e9:9.2f} GB")
    kinds = ("residual", "lora", "full")
    typer.echo("\nother methods, in GB" + " " * 12 + "".join(f"{kind:>10}" for kind in kinds))
    for method, sizes in methods.items():
        if set(kinds) <= set(sizes):
            typer.echo(f"{method:<32}" + "".join(f"{sizes[kind] / 1e9:10.2f}" for kind in kinds))
