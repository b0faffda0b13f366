"""`molvm pretrain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer


def pretrain(
    out: Annotated[Path, typer.Option(help="The directory of checkpoints and of the finished model.")],
    dataset: Annotated[str, typer.Option(help="A dataset that `molvm data` has built: qm9, drugs or geom.")] = "qm9",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint in --out.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="A model to start warm from; it learns elements it lacks.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps of the whole schedule, 20000 by default; also with --resume.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Stop with a checkpoint after so many hours.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Molecules of one size in a step, 64 by default.")] = None,
    max_pairs: Annotated[
        int | None,
        typer.Option(help="Pairs of atoms in a step at most, 131072 by default: fewer large molecules in a batch."),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate, 0.001 by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, noise and times, 0 by default.")] = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps between checkpoints, 250 by default.")] = None,
    model_every: Annotated[
        int | None, typer.Option(help="Publish the weights of every so many steps too, as OUT/models/step-N.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Of matrix products: float32, bfloat16, or auto, by what the processor can; also with --resume."
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(help="Threads that share a batch, with OMP_NUM_THREADS=1; 1 by default; also with --resume."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a base model; its averaged weights are published as OUT/model."""
    from molvm.cli.console import counting_bar
    from molvm.programs.pasted import pasted
    from molvm.runs.pretraining import run_pretraining
    from molvm.training.pretrain import PretrainProgress

    options = {
        "steps": steps,
        "batch_size": batch_size,
        "max_pairs": max_pairs,
        "learning_rate": learning_rate,
        "seed": seed,
        "checkpoint_every": checkpoint_every,
        "precision": precision,
        "shards": shards,
    }
    settings = {name: value for name, value in options.items() if value is not None}
    with counting_bar("pretraining") as progress:
        before: list[int] = []  # what an earlier call had done, which took no time in this one

        def report(state: PretrainProgress) -> None:
            before[:] = before or [state.step - 1]
            progress(state.step, state.steps, before[0])

        model, code = run_pretraining(
            dataset, out, settings, resume=resume, start=start, hours=hours, model_every=model_every, report=report
        )
    words = (
        f"Stopped. Go on with: {pasted('molvm pretrain --out', out)} --dataset {dataset} --resume"
        if model is None
        else f"The model is {model}: {pasted('molvm sample', model)} --out base.sdf"
    )
    answer({"model": model, "out": out, "finished": model is not None}, words, as_json=as_json, err=True)
    if code:
        raise typer.Exit(code)
