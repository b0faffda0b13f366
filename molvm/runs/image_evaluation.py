"""Images of a folder, a run or a base model, measured against others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molvm.chem.io import readable_suffixes
from molvm.errors import ConfigError, InputFileError, ModelError
from molvm.evaluation.images.summary import ImageGroup, ImageSummary, distance_between, group_of
from molvm.images.folder import is_image_folder, read_folder
from molvm.models.base import BaseModel, made_by
from molvm.models.images.pipelines import is_pipeline
from molvm.rewards.base import Reward
from molvm.rewards.workers import Workers
from molvm.runs.config import ModelSection
from molvm.runs.directory import RunDirectory
from molvm.runs.image_features import ImageFeatures, of_digits
from molvm.runs.image_samples import ImageSet
from molvm.runs.run import Run
from molvm.runs.sampling import draw_samples
from molvm.runs.source import open_source

Source = Path | Run | BaseModel
"""A folder of images, or what makes them."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Draw:
    """How what makes images is asked for them.

    Args:
        count: How many.
        seed: Of all randomness.
        progress: Called with (sample steps done, in all).
    """

    count: int = 200
    seed: int = 0
    progress: Progress | None = None


def opened(source: str, model: ModelSection | None = None) -> Source:
    """A file, a folder of images, a run or a base model.

    Args:
        source: Where, or the name of a model.
        model: What a base model is to show, and where it or that of a run computes; of no use to files.

    Raises:
        InputFileError: There is no such file.
        UnknownNameError: It is none of these.
        ConfigError: A run is given prompts, classes or a guidance scale, which it has.
        ModelError: There is no such device.
    """
    path = Path(source)
    if path.is_file():
        return path
    if source.endswith(tuple(readable_suffixes())):
        raise InputFileError(f"There is no file {source}.", remedy="check the path")
    if path.is_dir() and not RunDirectory(path).is_run and not _is_model(path) and is_image_folder(path):
        return path
    return open_source(source, model)


def makes_digits(source: Source) -> bool:
    """Whether the source is the bundled base `digits`, or a run of it."""
    if isinstance(source, Path):
        return False
    return of_digits(source.manifest.model if isinstance(source, Run) else source.name)


def holds_images(source: Source) -> bool:
    """Whether the source is a folder of images, or makes them."""
    if isinstance(source, Path):
        return source.is_dir()
    return (source.manifest.makes if isinstance(source, Run) else made_by(source)) == "images"


def evaluate_images(
    source: Source,
    features: ImageFeatures,
    *,
    reference: Source | None = None,
    draw: Draw | None = None,
    reward: Reward | str | None = None,
    workers: Workers | None = None,
) -> ImageSummary:
    """The metrics of images, and their distance from a reference.

    Args:
        source: Of the images.
        features: What describes them.
        reference: What they are measured against; for a run its base model by default, drawn as the run draws.
        draw: How many are drawn, where they are not in a folder.
        reward: Scores both; by default nothing does.
        workers: Where.

    Raises:
        ConfigError: There are no images there.
        ImageError: Images differ in size.
        RewardError: The reward judges something else.
        MolVMError: Whatever keeps a run or a model from being sampled.
    """
    asked = draw or Draw()
    # Other noise, so that the two sets are independent, as the distance presumes.
    other = Draw(asked.count, asked.seed + 1, asked.progress)
    mine = _scored(_images(source, asked), reward, workers)
    if reference is None and isinstance(source, Run):
        theirs, against = _base_of(source, other), f"{source.model.name}, the base"
    elif reference is not None:
        theirs, against = _images(reference, other), _name(reference)
    else:
        return ImageSummary(_name(source), None, _reward_name(mine), _group(mine, features, source), None, None)
    theirs = _scored(theirs, reward, workers)
    return ImageSummary(
        source=_name(source),
        reference=against,
        reward=_reward_name(mine),
        group=_group(mine, features, source),
        base=_group(theirs, features, reference),
        distance=distance_between(mine.images, theirs.images, features.distance),
    )


def _images(source: Source, draw: Draw) -> ImageSet:
    if not holds_images(source):
        raise ConfigError(f"{_name(source)} has no images.", allowed="a folder of images, or what makes images")
    if isinstance(source, Path):
        images = tuple(read_folder(source))
        unknown = np.full(len(images), np.nan)
        return ImageSet(images, unknown, unknown)  # type: ignore[arg-type]  # of images
    if isinstance(source, Run):
        return _as_images(source.sample(draw.count, seed=draw.seed, progress=draw.progress))
    return _as_images(draw_samples(source, draw.count, seed=draw.seed, progress=draw.progress))


def _base_of(run: Run, draw: Draw) -> ImageSet:
    return _as_images(run.sample(draw.count, seed=draw.seed, guidance=0, progress=draw.progress))


def _as_images(drawn: object) -> ImageSet:
    if not isinstance(drawn, ImageSet):
        raise ModelError("The samples are no images.")
    return drawn


def _scored(images: ImageSet, reward: Reward | str | None, workers: Workers | None) -> ImageSet:
    return images if reward is None else _as_images(images.score(reward, workers=workers))


def _group(images: ImageSet, features: ImageFeatures, source: Source | None) -> ImageGroup:
    values = [outcome.value for outcome in images.outcomes] if images.outcomes else None
    costs = images.path_cost if isinstance(source, Run) and bool(np.isfinite(images.path_cost).all()) else None
    return group_of(images.images, features.diversity, values=values, costs=costs)


def _reward_name(images: ImageSet) -> str:
    if images.reward is None:
        return ""
    return f"{images.reward.name} / {images.reward.unit}" if images.reward.unit else images.reward.name


def _name(source: Source) -> str:
    if isinstance(source, Path):
        return str(source)
    return str(source.path) if isinstance(source, Run) else source.name


def _is_model(path: Path) -> bool:
    return is_pipeline(path) or (path / "card.json").is_file()
