"""`molvm evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvm.cli.answer import Json
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
    from molvm.cli.interrupts import interrupt_main_thread_only, told_if_interrupted

    interrupt_main_thread_only()
    from molvm.cli.evaluate_molecules import MoleculeOptions, evaluate_molecules
    from molvm.runs.image_evaluation import holds_images, opened

    _require_files_of_their_own(source, out, plot, overwrite=overwrite)
    of_images = ImageOptions(inception, clip, dreamsim, digits, reward, score)
    of_molecules = MoleculeOptions(table, strain, posebusters, subsets, plot)
    asked = model_section(
        prompts=prompts, classes=classes, guidance_scale=guidance_scale, device=device, offload=offload
    )
    subject = opened(source, asked)
    how: dict[str, Any] = {"count": count, "seed": seed, "workers": workers, "out": out, "as_json": as_json}
    if holds_images(subject):
        of_molecules.require_none()
        against = None if reference is None else opened(reference, asked)
        _require_a_model(asked, subject, against)
        with told_if_interrupted(_what_is_kept):
            evaluate_images(subject, of_images, against, **how)
    else:
        of_images.require_none()
        _require_a_model(asked, subject)
        with told_if_interrupted(_what_is_kept):
            evaluate_molecules(subject, source, of_molecules, reference, time_limit=time_limit, **how)


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


def _require_files_of_their_own(source: str, out: Path | None, plot: Path | None, *, overwrite: bool) -> None:
    """Make sure, before anything is measured, that there is somewhere to write to.

    Raises:
        ConfigError: A file is the source or the other one.
        MolVMError: It cannot be written, or drawn.
    """
    from molvm.durable import require_writable
    from molvm.errors import ConfigError
    from molvm.evaluation.plots import require_drawable

    if plot is not None:
        require_drawable(plot)
    for path in filter(None, (out, plot)):
        require_writable(path, overwrite=overwrite)
        if path.resolve() == Path(source).resolve():
            raise ConfigError(f"{path} would replace the molecules.", remedy="another name")
    if out is not None and plot is not None and out.resolve() == plot.resolve():
        raise ConfigError(f"--out and --plot are both {out}.", remedy="two names")
