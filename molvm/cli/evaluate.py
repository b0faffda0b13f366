"""`molvm evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import sources
from molvm.cli.conditioning import Classes, Device, GuidanceScale, Offload, Prompts, model_section
from molvm.cli.evaluate_images import (
    Clip,
    Digits,
    DreamSim,
    ImageOptions,
    ImageReward,
    Inception,
    Score,
    evaluate_images,
)

if TYPE_CHECKING:
    from molvm.runs.config import ModelSection
    from molvm.runs.image_evaluation import Source


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            help="A molecule file, a folder of images, a run's directory, or a base model.", autocompletion=sources
        ),
    ],
    count: Annotated[int, typer.Option("-n", "--count", help="How many to sample, if there is no file.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the sampling.")] = 0,
    table: Annotated[
        str | None,
        typer.Option(help="Table of valencies: qm9, drugs, geom or midi.", show_default="the reference's, else qm9"),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Training set to compare with: qm9, drugs or geom; for images a folder, a run or a base model.",
            show_default="the model's; the run's base",
            autocompletion=sources,
        ),
    ] = None,
    strain: Annotated[bool, typer.Option("--strain", help="Relax the valid ones with GFN-FF: strain, RMSD.")] = False,
    posebusters: Annotated[
        bool, typer.Option("--posebusters", help="Run PoseBusters' tests (extra eval); up to seconds a molecule.")
    ] = False,
    subsets: Annotated[
        bool, typer.Option("--subsets", help="Show the papers' mean ± 1.96 s.e. of five subsets, not our intervals.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write all metrics and distributions as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the distributions: .svg, .png or .pdf.")] = None,
    workers: Annotated[
        str | None, typer.Option(help="Processes for --strain and --posebusters, one a core, or dask://host:port.")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds that one molecule may take in them.")] = 20.0,
    inception: Inception = None,
    clip: Clip = None,
    dreamsim: DreamSim = None,
    digits: Digits = None,
    reward: ImageReward = None,
    score: Score = False,
    prompts: Prompts = None,
    classes: Classes = None,
    guidance_scale: GuidanceScale = None,
    device: Device = None,
    offload: Offload = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files.")] = False,
    as_json: Json = False,
) -> None:
    """Measure molecules: stability, validity, variety, properties, geometry, with 95 % intervals; or images.

    Broken molecules count in every denominator. Table, reference and training set are those of the model's dataset.
    Of images: diversity, Vendi scores, KL, and the Fréchet distance from the reference, of the best features here.
    """
    import json

    from rich.console import Console

    from molvm.cli.interrupts import interrupt_main_thread_only, told_if_interrupted

    interrupt_main_thread_only()
    from molvm.cli.console import counted, say
    from molvm.cli.measuring import measured
    from molvm.cli.metrics_table import metrics_table
    from molvm.cli.molecules import molecules_of
    from molvm.cli.yardsticks import elements_unknown_to, yardsticks
    from molvm.durable import replace_text, require_writable
    from molvm.errors import ConfigError
    from molvm.evaluation.plots import draw, require_drawable
    from molvm.evaluation.posebusters import all_tests
    from molvm.rewards.pools import open_pool
    from molvm.runs.image_evaluation import holds_images, opened

    if plot is not None:
        require_drawable(plot)
    for path in filter(None, (out, plot)):
        require_writable(path, overwrite=overwrite)
        if path.resolve() == Path(source).resolve():
            raise ConfigError(f"{path} would replace the molecules.", remedy="another name")
    if out is not None and plot is not None and out.resolve() == plot.resolve():
        raise ConfigError(f"--out and --plot are both {out}.", remedy="two names")
    images = ImageOptions(inception, clip, dreamsim, digits, reward, score)
    asked = model_section(
        prompts=prompts, classes=classes, guidance_scale=guidance_scale, device=device, offload=offload
    )
    subject = opened(source, asked)
    if holds_images(subject):
        _require_no_question_of_molecules(
            table=table, strain=strain, posebusters=posebusters, subsets=subsets, plot=plot
        )
        against_images = None if reference is None else opened(reference, asked)
        _require_a_model(asked, subject, against_images)
        with told_if_interrupted(_what_is_kept):
            evaluate_images(
                subject,
                images,
                against_images,
                count=count,
                seed=seed,
                workers=workers,
                out=out,
                as_json=as_json,
            )
        return
    images.require_none()
    _require_a_model(asked, subject)
    # Refused before anything is sampled.
    yardsticks(table, reference, None)
    tests = all_tests() if posebusters else ()
    pool = open_pool(workers, time_limit=time_limit)
    with told_if_interrupted(_what_is_kept):
        found = molecules_of(subject, count, seed)
        against = yardsticks(table, reference, found.dataset)
        if found.unreadable:
            say(f"{counted(found.unreadable, 'record')} without a readable molecule: counted as broken.")
        if strangers := elements_unknown_to(against.table, found.molecules):
            unknown = ", ".join(strangers)
            say(f"The valency table {against.table.name} has no {unknown}: such atoms are unstable. See --table.")
        summary = measured(found.molecules, against, pool, strain=strain, tests=tests)
    origin = {"source": source, "model": found.model, "model_note": found.note}
    document = {**summary.to_json(), **origin, "unreadable": found.unreadable}
    if out is not None:
        replace_text(out, json.dumps(document, indent=2) + "\n")
    if plot is not None:
        draw(summary, plot, against.reference)
    if found.note is not None:
        say(f"The model is {found.model}. {found.note}")
    if as_json:
        answer(document, "", as_json=True)
    else:
        Console().print(metrics_table(summary, subsets=subsets))


def _what_is_kept() -> str:
    return (
        "Nothing is written. What a run or a base model draws is kept if `molvm sample` writes it, "
        "and the file is evaluated."
    )


def _require_a_model(asked: ModelSection, *sources: Source | None) -> None:
    from molvm.errors import ConfigError

    if asked.model_fields_set and all(source is None or isinstance(source, Path) for source in sources):
        option = min(asked.model_fields_set).replace("_", "-")
        raise ConfigError(f"--{option} is of a model, and files are measured.", remedy="leaving it out")


def _require_no_question_of_molecules(**given: object) -> None:
    from molvm.errors import ConfigError

    asked = [name for name, value in given.items() if value not in (None, False)]
    if asked:
        raise ConfigError(f"--{asked[0]} is of molecules.", remedy="leaving it out: these are images")
