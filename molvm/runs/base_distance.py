"""How far the images that a run makes are from those of its base. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from molvm.evaluation.images.features import Extractor
from molvm.evaluation.images.summary import Distance, distance_between
from molvm.images.image import Image
from molvm.runs.image_records import ImageRecord
from molvm.runs.records import Record

FEWEST: Final = 2
"""Images on each side of a Fréchet distance."""


def base_distance(end: Sequence[Record], base: Sequence[Image], extractor: Extractor) -> Distance | None:
    """The Fréchet distance of what a run makes from what its base makes.

    Args:
        end: Of the run.
        base: Of its base, from other noise.
        extractor: Describes images.

    Returns:
        None where one side has fewer than two images, of molecules for instance.

    Raises:
        ImageError: The images differ in size, or the extractor does not take them.
    """
    mine = [record.image for record in end if isinstance(record, ImageRecord)]
    return distance_between(mine, base, extractor) if min(len(mine), len(base)) >= FEWEST else None
