"""`molvm pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pretrain(
    out: Annotated[Path, typer.Option(help="The directory of checkpoints and of the finished model.")],
    dataset: Annotated[str, typer.Option(help="A dataset that `molvm data` has built.")] = "qm9",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint in --out.")] = False,
    start: Annotated[str | None, typer.Option("--from", help="A model to start warm from.")] = None,
    steps: Annotated[int, typer.Option(help="Optimiser steps of the whole schedule.")] = 20_000,
    hours: Annotated[float | None, typer.Option(help="Stop with a checkpoint after so many hours.")] = None,
    batch_size: Annotated[int, typer.Option(help="Molecules of one size in a step.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Peak rate of AdamW.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of weights, order, noise and times.")] = 0,
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 250,
    shards: Annotated[int, typer.Option(help="Threads that share a batch; set OMP_NUM_THREADS=1 with them.")] = 1,
) -> None:
    """Train a base model; its averaged weights are published as OUT/model."""
    from molvm.cli.console import counting_bar
    from molvm.datasets.registry import dataset_path
    from molvm.runs.pretraining import Limits, run_pretraining
    from molvm.training.pretrain import PretrainOptions, PretrainProgress

    dataset_path(dataset)
    options = PretrainOptions(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        checkpoint_every=checkpoint_every,
        shards=shards,
    )
    limits = Limits(hours)
    with counting_bar("pretraining") as progress:

        def report(state: PretrainProgress) -> None:
            progress(state.step, state.steps)

        model, code = run_pretraining(dataset, out, options, resume=resume, start=start, limits=limits, report=report)
    if model is None:
        typer.echo(f"Stopped. Go on with: molvm pretrain --out {out} --dataset {dataset} --resume", err=True)
    else:
        typer.echo(f"The model is {model}: molvm sample {model} --out base.sdf", err=True)
    if code:
        raise typer.Exit(code)
