"""The bundled classifier, on the digits that scikit-learn ships."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from molvm.digests import sha256_of
from molvm.errors import ImageError, ModelError
from molvm.evaluation.images.summary import distance_between
from molvm.images.image import Image
from molvm.models.images.features import digit_classifier
from molvm.models.images.features.digit_classifier import WEIGHTS, DigitExtractor


@pytest.fixture(scope="module")
def real() -> tuple[list[Image], np.ndarray]:
    found = load_digits()
    small = torch.tensor(found.images, dtype=torch.float32)[:, None] / 16
    large = functional.interpolate(small, size=(16, 16), mode="bicubic", align_corners=False).clamp(0, 1)
    levels = (255 * large).round().to(torch.uint8)[:, 0, :, :, None].numpy()
    order = np.random.default_rng(0).permutation(len(levels))  # one person wrote several that follow one another
    return [Image(levels[place], str(place)) for place in order], found.target[order]


def test_it_knows_digits_as_its_card_says(real: tuple[list[Image], np.ndarray]) -> None:
    images, classes = real
    extractor = DigitExtractor()
    features = extractor(images)
    assert features.shape == (1797, 48)
    assert features.min() == 0
    assert features.var(axis=0).sum() == pytest.approx(1, rel=0.05)
    card = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert float((extractor.digits(images) == classes).mean()) >= card["accuracy"]
    assert card["sha256"] == sha256_of(WEIGHTS)


def test_the_distance_grows_with_noise_and_with_digits_that_are_missing(real: tuple[list[Image], np.ndarray]) -> None:
    images, classes = real
    one, other = images[:400], images[400:800]
    noise = np.random.default_rng(0).normal(0, 60, (400, 16, 16, 1))
    noisy = [
        Image((image.pixels + each).clip(0, 255).astype(np.uint8), image.id)
        for image, each in zip(one, noise, strict=True)
    ]
    half = [image for image, label in zip(images, classes, strict=True) if label < 5][:400]
    extractor = DigitExtractor()
    equal, worse, missing = (distance_between(each, other, extractor) for each in (one, noisy, half))
    assert equal.unbiased is not None
    assert equal.unbiased.low < 0.01
    assert 2 * equal.value < worse.value < missing.value < 0.5
    assert (equal.features, equal.is_fid) == ("a bundled classifier of digits", False)


@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 16, 3)])
def test_other_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match=r"sees \d+ x") as caught:
        DigitExtractor()([Image(np.zeros(shape, np.uint8), "black")])
    assert "16 x 16" in str(caught.value.allowed)


def test_damaged_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digit_classifier, "WEIGHTS", tmp_path / "absent.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        DigitExtractor()
