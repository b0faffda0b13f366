"""`molvm compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molvm.cli.answer import answer
from molvm.cli.conditioning import Device, Offload, Placed, placed
from molvm.cli.evaluate_images import Clip, Digits, Inception

if TYPE_CHECKING:
    from molvm.evaluation.images.features import Extractor
    from molvm.images import Image
    from molvm.runs.contenders import Contender
    from molvm.runs.recorded import RecordedRun

DRAWN = 16
"""Images of each that are drawn side by side."""


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
    images: Annotated[
        Path | None,
        typer.Option(help="Of runs of images: a PNG file to draw the base and each run in, from the same noise."),
    ] = None,
    inception: Inception = None,
    clip: Clip = None,
    digits: Digits = None,
    device: Device = None,
    offload: Offload = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files.")] = False,
) -> None:
    """Put runs side by side: reward at equal KL, by reward calls, by seconds, KL, diversity, validity, failures.

    Failures count at the worst floor of the runs. The distance to p* is the path weights' estimate of KL(P^u || P*).
    Of images also the Fréchet distance from their base's: rounds that nothing steered, or with --count fresh ones.
    Runs of different rewards can only be drawn, with --images.
    """
    import json

    from rich.console import Console

    from molvm.cli.comparison_table import comparison_table
    from molvm.cli.console import say
    from molvm.durable import require_writable
    from molvm.errors import ConfigError
    from molvm.evaluation.plots import require_drawable
    from molvm.runs.comparison import compare as compared
    from molvm.runs.comparison_figure import draw_comparison
    from molvm.runs.contenders import recorded_runs, require_one_reward

    if figure is not None:
        require_drawable(figure)
        require_writable(figure, overwrite=overwrite)
    draws = count is not None or images is not None
    where = placed(device, offload=offload, draws=draws, option="--count or --images")
    chosen = recorded_runs(runs)
    if images is not None:
        require_writable(images, overwrite=overwrite)
        _require_images(chosen)
    try:
        require_one_reward(chosen)
    except ConfigError as error:
        if images is None or figure is not None or count is not None:
            raise
        _draw_images(chosen, seed, images, where)
        answer({"images": images}, f"{error.what} So {images} is all there is.", as_json=as_json, err=True)
        return
    features = _features(chosen, inception, clip, digits)
    contenders = _contenders(chosen, count, seed, where)
    if len({each.process for each in contenders}) > 1:
        said = "; ".join(f"{each.name}: {each.process}" for each in contenders)
        say(f"The runs simulate their base differently, and other steps make a slightly different law. {said}.")
    found = compared(contenders, features)
    if figure is not None:
        draw_comparison(found, figure)
    if images is not None:
        _draw_images(chosen, seed, images, where)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        Console().print(comparison_table(found))


def _contenders(runs: list[RecordedRun], count: int | None, seed: int, where: Placed) -> list[Contender]:
    from molvm.cli.console import counting_bar
    from molvm.runs.contenders import contender

    if count is None:
        return [contender(run) for run in runs]
    from molvm.errors import ConfigError
    from molvm.runs.fresh import fresh_samples, require_samplable

    if count < 2:
        raise ConfigError(f"--count is {count}.", allowed="a whole number from 2")
    for run in runs:
        require_samplable(run.directory.path, **where)
    found = []
    for run in runs:
        with counting_bar(f"sampling {run.name}", "steps of samples") as progress:
            found.append(contender(run, fresh_samples(run.directory.path, count, seed, progress, **where)))
    return found


def _features(
    runs: list[RecordedRun], inception: Path | None, clip: str | None, digits: bool | None
) -> Extractor | None:
    """What describes images; of molecules nothing.

    Raises:
        ConfigError: Features are chosen for molecules, or there are none of that kind.
        ModelError: Weights cannot be read.
    """
    from molvm.errors import ConfigError

    first = runs[0].manifest
    if first.makes != "images":
        for name, value in (("inception", inception), ("clip", clip), ("digits", digits)):
            if value is not None:
                raise ConfigError(f"--{name} is of images.", remedy="leaving it out: these runs make molecules")
        return None
    from molvm.runs.image_features import image_features, of_digits

    return image_features(inception, clip, digits=of_digits(first.model) if digits is None else digits).distance


def _require_images(runs: list[RecordedRun]) -> None:
    """Refuse to draw molecules.

    Raises:
        ConfigError: A run makes them.
    """
    from molvm.errors import ConfigError

    if any(run.manifest.makes != "images" for run in runs):
        raise ConfigError("These runs make molecules, of which no images are drawn.", remedy="without --images")


def _draw_images(runs: list[RecordedRun], seed: int, path: Path, where: Placed) -> None:
    """Rows of the base, and below each those that the runs make of the same noise."""
    from molvm.cli.console import counting_bar
    from molvm.durable import published
    from molvm.images.files import png_bytes, stacked_grid
    from molvm.runs.image_pairs import image_pairs
    from molvm.runs.run import Run

    rows: list[Sequence[Image]] = []
    for recorded in runs:
        run = Run.open(recorded.directory.path)
        run.compute_on(**where)
        with counting_bar(f"drawing {recorded.name}", "steps of samples") as progress:
            pairs = image_pairs(run, DRAWN, seed=seed, progress=progress)
        rows += [pairs.steered] if rows else [pairs.base, pairs.steered]
    with published(path, overwrite=True) as part:
        part.write_bytes(png_bytes(stacked_grid(rows, DRAWN)))
