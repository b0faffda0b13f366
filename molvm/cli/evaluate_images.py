"""`molvm evaluate` of images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molvm.cli.answer import answer

if TYPE_CHECKING:
    from molvm.runs.image_evaluation import Source

Inception = Annotated[
    Path | None, typer.Option(help="Of images: file of Inception v3, for the FID; CLIP or pixels without it.")
]
Clip = Annotated[
    str | None,
    typer.Option(help="Of images: folder of a CLIP, or none.", show_default="ViT-L/14, if it is in the hub's cache"),
]
DreamSim = Annotated[
    Path | None, typer.Option("--dreamsim", help="Of images: folder of DreamSim's weights, for the diversity.")
]
Digits = Annotated[
    bool | None,
    typer.Option(
        "--digits/--no-digits",
        help="Of images: take the Fréchet distance in the features of a bundled classifier of 16 x 16 digits.",
        show_default="for the base digits and its runs",
    ),
]
ImageReward = Annotated[
    str | None, typer.Option("--reward", help="Of images: a reward to score them and the reference by.")
]
Score = Annotated[bool, typer.Option("--score", help="Of images: score them by the run's own reward.")]


@dataclass(frozen=True)
class ImageOptions:
    """What is asked of images alone."""

    inception: Path | None
    clip: str | None
    dreamsim: Path | None
    digits: bool | None
    reward: str | None
    score: bool

    def require_none(self) -> None:
        """Refuse them, for molecules.

        Raises:
            ConfigError: There is one.
        """
        from molvm.errors import ConfigError

        given = [name for name, value in vars(self).items() if value not in (None, False)]
        if given:
            raise ConfigError(f"--{given[0]} is of images.", remedy="leaving it out, or a source of images")


def evaluate_images(
    source: Source,
    options: ImageOptions,
    reference: Source | None,
    *,
    count: int,
    seed: int,
    workers: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure the images of a source, against those of a reference, and print and write what was found."""
    import json

    from rich.console import Console

    from molvm.cli.console import counting_bar
    from molvm.cli.image_table import image_table
    from molvm.durable import replace_text
    from molvm.rewards.pools import open_pool
    from molvm.runs.image_evaluation import Draw, makes_digits
    from molvm.runs.image_evaluation import evaluate_images as measured
    from molvm.runs.image_features import image_features

    # Refused before anything is sampled.
    reward = _reward(source, options)
    open_pool(workers).close()
    digits = makes_digits(source) if options.digits is None else options.digits
    features = image_features(options.inception, options.clip, options.dreamsim, digits=digits)
    with counting_bar("sampling", "steps of samples") as progress:
        summary = measured(
            source, features, reference=reference, draw=Draw(count, seed, progress), reward=reward, workers=workers
        )
    document = summary.to_json()
    if out is not None:
        replace_text(out, json.dumps(document, indent=2) + "\n")
    if as_json:
        answer(document, "", as_json=True)
    else:
        Console().print(image_table(summary))


def _reward(source: Source, options: ImageOptions) -> Any:
    from molvm.errors import ConfigError
    from molvm.rewards.subjects import require_subject
    from molvm.runs.reward_source import resolve_reward
    from molvm.runs.run import Run

    if options.reward is not None:
        found = resolve_reward(options.reward, "images")
        require_subject(found, "images", "what is evaluated are")
        return found
    if not options.score:
        return None
    if isinstance(source, Run):
        return source.reward
    raise ConfigError("Only a run has a reward of its own to score by.", remedy="--reward NAME")
