"""Which features images are compared by: the best of those whose weights are on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from molvm.errors import ConfigError
from molvm.evaluation.images.features import Extractor, PixelExtractor
from molvm.rewards.images.weights import CLIP_L, find_folder

DIGITS: Final = "digits"


def of_digits(model: str) -> bool:
    """Whether a base model of this name makes images that the bundled classifier knows."""
    return model == DIGITS


@dataclass(frozen=True)
class ImageFeatures:
    """What describes images.

    Args:
        distance: For the Fréchet distance: Inception's features, else of digits their classifier's, else CLIP's, else
            pixels.
        diversity: For diversity and Vendi scores: DreamSim's, else CLIP's, else pixels.
    """

    distance: Extractor
    diversity: Extractor


def image_features(
    inception: Path | None = None, clip: str | None = None, dreamsim: Path | None = None, *, digits: bool = False
) -> ImageFeatures:
    """Reads the weights that there are.

    Args:
        inception: File of Inception v3.
        clip: Folder of a CLIP, or the name of a repository in the user's cache of the hub; "none" for no CLIP. By
            default CLIP ViT-L/14 if it is in that cache.
        dreamsim: Folder of DreamSim's checkpoints.
        digits: Whether the images are those of the base `digits`, of which molvm has a classifier.

    Raises:
        ConfigError: There is no such folder.
        ModelError: Weights cannot be read.
        MissingDependencyError: A package is not installed.
    """
    fallback = _clip_or_pixels(clip)
    distance = diversity = fallback
    if inception is not None:
        from molvm.models.images.features.inception import InceptionExtractor

        distance = InceptionExtractor(inception)
    elif digits:
        from molvm.models.images.features.digit_classifier import DigitExtractor

        distance = DigitExtractor()
    if dreamsim is not None:
        from molvm.models.images.features.dreamsim import DreamSimExtractor

        diversity = DreamSimExtractor(dreamsim)
    return ImageFeatures(distance, diversity)


def _clip_or_pixels(clip: str | None) -> Extractor:
    folder = None if clip == "none" else find_folder(clip or CLIP_L)
    if folder is None:
        if clip not in (None, "none"):
            raise ConfigError(
                f"There is no CLIP at {clip}.", allowed="a folder, a repository in your cache of the hub, or none"
            )
        return PixelExtractor()
    from molvm.models.images.features.clip_tower import ClipExtractor

    return ClipExtractor(folder)
