"""What is known of a set of images, and how it is written down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molvm.errors import EvaluationError
from molvm.evaluation.images.cosine import cosine_distances
from molvm.evaluation.images.features import Extractor, principal_components
from molvm.evaluation.images.frechet import GROUPS, frechet_distance, frechet_estimate
from molvm.evaluation.images.vendi import vendi_score
from molvm.evaluation.intervals import Estimate, mean_interval, mean_of_pairs
from molvm.images.image import Image

FORMAT: Final = "molvm-image-metrics"
FORMAT_VERSION: Final = 1

ORDERS: Final = (1.0, 0.5)
"""Of the Vendi score: Friedman and Dieng's, and the Value Matching paper's."""


@dataclass(frozen=True)
class Distance:
    """The Fréchet distance from a reference.

    Attributes:
        features: What describes the images.
        is_fid: Whether it is the published FID.
        value: Of these samples, which is too large by about c/n; comparable with others of as many alone.
        unbiased: What infinitely many would have, and its interval; None for fewer than 20 of either.
        samples: How many there are.
        reference_samples: How many the reference has.
        dimension: Of the features.
    """

    features: str
    is_fid: bool
    value: float
    unbiased: Estimate | None
    samples: int
    reference_samples: int
    dimension: int

    @property
    def is_thin(self) -> bool:
        """Whether there are too few samples for as many features: then the bias is most of it."""
        return min(self.samples, self.reference_samples) <= 2 * self.dimension


@dataclass(frozen=True)
class ImageGroup:
    """The metrics of one set of images; intervals are of 95 %.

    Attributes:
        images: How many.
        distinct: Share of different ones.
        features: What describes the images for diversity and Vendi scores.
        diversity: Mean 1 − cos of two different images; None for one image.
        vendi: Order to Vendi score: so many different images they amount to.
        reward: Mean over those that have one; None if they were not scored.
        failures: How many have none.
        kl: Of the paths from the base, in nats; None where nothing steered.
    """

    images: int
    distinct: float
    features: str
    diversity: Estimate | None
    vendi: dict[str, float]
    reward: Estimate | None = None
    failures: int = 0
    kl: Estimate | None = None


@dataclass(frozen=True)
class ImageSummary:
    """A set of images, the reference if there is one, and how far they are apart.

    Args:
        source: What was measured.
        reference: What it was measured against; None for nothing.
        reward: Name and unit of what scored both; empty if nothing did.
        group: The set.
        base: The reference.
        distance: From the reference.
    """

    source: str
    reference: str | None
    reward: str
    group: ImageGroup
    base: ImageGroup | None
    distance: Distance | None

    def to_json(self) -> dict[str, Any]:
        """Plain values; an end of an interval that nothing bounds is None."""
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **_plain(asdict(self))}


def group_of(
    images: Sequence[Image],
    extractor: Extractor,
    *,
    values: Sequence[float | None] | None = None,
    costs: ArrayLike | None = None,
) -> ImageGroup:
    """The metrics of a set.

    Args:
        images: One or more, of one size.
        extractor: Describes them for the diversity and the Vendi scores.
        values: The reward of each, None for a failure; None if they were not scored.
        costs: (n,), what the control of each path has cost; None where nothing steered.

    Raises:
        EvaluationError: There are no images.
        ImageError: Their sizes differ.
    """
    if not images:
        raise EvaluationError("There are no images to measure.")
    described = extractor(images)
    scored = [] if values is None else [value for value in values if value is not None]
    return ImageGroup(
        images=len(images),
        distinct=len({image.digest for image in images}) / len(images),
        features=extractor.name,
        diversity=mean_of_pairs(cosine_distances(described)) if len(images) > 1 else None,
        vendi={f"{order:g}": vendi_score(described, order) for order in ORDERS},
        reward=mean_interval(scored) if scored else None,
        failures=0 if values is None else len(values) - len(scored),
        kl=None if costs is None else mean_interval(costs, low=0),
    )


def distance_between(images: Sequence[Image], reference: Sequence[Image], extractor: Extractor) -> Distance:
    """The Fréchet distance of two sets; of pixels in their principal components.

    Raises:
        EvaluationError: There are fewer than two images on one side.
        ImageError: Their sizes differ.
    """
    both = extractor([*images, *reference])
    mine, theirs = both[: len(images)], both[len(images) :]
    if extractor.kind == "pixels" and min(len(mine), len(theirs)) > 1:
        mine, theirs = principal_components(mine, theirs)
    enough = min(len(mine), len(theirs)) >= 2 * GROUPS
    return Distance(
        features=f"{mine.shape[1]} principal components of pixels" if extractor.kind == "pixels" else extractor.name,
        is_fid=extractor.is_fid,
        value=frechet_distance(mine, theirs),
        unbiased=_unbiased(mine, theirs) if enough else None,
        samples=len(mine),
        reference_samples=len(theirs),
        dimension=mine.shape[1],
    )


def _unbiased(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> Estimate:
    return frechet_estimate(mine, theirs, np.random.default_rng(0))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
