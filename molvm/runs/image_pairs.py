"""Images of a base and of a run from the same noise, for people to compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

from molvm.errors import ConfigError
from molvm.images.files import stacked_grid
from molvm.images.image import Image
from molvm.runs.image_samples import ImageSet
from molvm.runs.run import Run
from molvm.runs.samples import SampleSet
from molvm.runs.unfinished_samples import UnfinishedSamples

BASE_IDS = "base"
"""How the ids of the base's images begin."""


@dataclass(frozen=True, eq=False)
class ImagePairs(ImageSet):
    """2n images: n of the base, then those that the run makes of the same noise for the same prompts."""

    @property
    def base(self) -> tuple[Image, ...]:
        """Those of the base."""
        return self.images[: len(self) // 2]

    @property
    def steered(self) -> tuple[Image, ...]:
        """Those of the run."""
        return self.images[len(self) // 2 :]

    def grid(self) -> Image:
        """Rows of the base, each above the row of the run that belongs to it."""
        return stacked_grid([self.base, self.steered])

    def select(self, indices: Sequence[int]) -> SampleSet:
        """The images at these positions, which are pairs no more."""
        return ImageSet(**{each.name: getattr(self, each.name) for each in fields(ImageSet)}).select(indices)

    @classmethod
    def of(cls, base: SampleSet, steered: SampleSet) -> Self:
        """Both together.

        Args:
            base: n images; what they are scored with is what the run's are.
            steered: n images.
        """
        named = tuple(replace(image, id=f"{BASE_IDS}-{number}") for number, image in enumerate(base.molecules, start=1))
        shared: dict[str, Any] = {each.name: getattr(steered, each.name) for each in fields(ImageSet)}
        joined = {
            "molecules": named + steered.molecules,
            "path_cost": np.concatenate([base.path_cost, steered.path_cost]),
            "ito": np.concatenate([base.ito, steered.ito]),
        }
        return cls(**{**shared, **joined, "outcomes": ()})


def image_pairs(
    run: Run,
    count: int,
    *,
    seed: int = 0,
    steps: int | None = None,
    guidance: float = 1.0,
    noise_level: float | None = None,
    batch_size: int = 64,
    unfinished: UnfinishedSamples | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImagePairs:
    """Draw the same noise twice: by the base alone, and steered by a run.

    Args:
        run: A run of images.
        count: How many pairs.
        seed: Of all randomness.
        steps: As for `Run.sample`.
        guidance: What the run's control is multiplied by.
        noise_level: As for `Run.sample`.
        batch_size: Images simulated at a time, at most.
        unfinished: Where finished batches of both are kept, and taken from; the folder stays.
        progress: Called with (sample steps done, in all), for the base and once more for the run.

    Raises:
        ConfigError: The run makes molecules, or a number is out of range.
        CheckpointError: The run has no whole checkpoint.
    """
    if run.manifest.makes != "images":
        raise ConfigError(f"The run {run.path} makes molecules.", allowed="pairs of images, from a run of images")
    sides = [
        run.sample(
            count,
            seed=seed,
            steps=steps,
            guidance=strength,
            noise_level=noise_level,
            batch_size=batch_size,
            unfinished=None if unfinished is None else unfinished.within(side),
            progress=progress,
        )
        for side, strength in (("base", 0.0), ("steered", guidance))
    ]
    return ImagePairs.of(*sides)
