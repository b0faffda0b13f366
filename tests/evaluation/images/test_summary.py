from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from molvm.errors import EvaluationError, ImageError
from molvm.evaluation.images.features import PixelExtractor, principal_components
from molvm.evaluation.images.frechet import frechet_distance
from molvm.evaluation.images.summary import ImageSummary, distance_between, group_of
from molvm.images.image import Image

PIXELS = PixelExtractor()


def images(count: int, seed: int = 0, shape: tuple[int, int, int] = (4, 4, 1), shift: int = 0) -> list[Image]:
    levels = np.random.default_rng(seed).integers(0, 200, (count, *shape)) + shift
    return [Image(each.astype(np.uint8), str(place)) for place, each in enumerate(levels)]


def test_pixels_are_levels_and_large_images_are_averaged_over_blocks() -> None:
    small, large = images(2)[0], Image(np.arange(80 * 65 * 3, dtype=np.uint32).reshape(80, 65, 3).astype(np.uint8))
    assert np.allclose(PIXELS([small])[0], (small.pixels.ravel().astype(float) + 1) / 256)
    found = PIXELS([large]).reshape(26, 21, 3)
    assert np.allclose(found[0, 1], (large.pixels[:3, 3:6].astype(float).mean(axis=(0, 1)) + 1) / 256)
    with pytest.raises(ImageError, match="2 sizes"):
        PIXELS([small, large])


def test_components_keep_what_either_set_varies_in() -> None:
    """Distances within them are those of all features, where they are enough."""
    generator = np.random.default_rng(0)
    one, other = np.zeros((2, 40, 9))
    one[:, :3], other[:, 2:6] = generator.normal(size=(40, 3)), generator.normal(1, 2, size=(40, 4))
    mine, theirs = principal_components(one, other)
    assert mine.shape == theirs.shape == (40, 9)
    assert frechet_distance(mine, theirs) == pytest.approx(frechet_distance(one, other), rel=1e-9)
    assert principal_components(one[:8], other)[0].shape == (8, 2)


def test_a_group_counts_what_it_was_given() -> None:
    drawn = images(5)
    found = group_of([*drawn, drawn[0]], PIXELS, values=[1.0, 3.0, None, 1.0, 3.0, 2.0], costs=[0.5] * 6)
    assert found.distinct == 5 / 6
    assert found.reward is not None
    assert (found.reward.value, found.failures) == (2.0, 1)
    assert found.kl is not None
    assert found.kl.value == 0.5
    assert group_of(drawn[:1], PIXELS).diversity is None
    with pytest.raises(EvaluationError, match="no images"):
        group_of([], PIXELS)


def test_a_shift_is_seen_beyond_the_interval_and_nothing_is_not() -> None:
    same, far = (distance_between(images(60), images(60, seed=1, shift=shift), PIXELS) for shift in (0, 55))
    assert same.unbiased is not None
    assert far.unbiased is not None
    assert same.unbiased.low < 0.02 < same.value
    assert far.unbiased.low > same.unbiased.high
    assert not far.is_fid
    assert (far.features, far.is_thin) == ("15 principal components of pixels", False)


@pytest.mark.parametrize("given", [lambda n: np.ones((n, 9)), lambda n: np.arange(9.0 * n).reshape(n, 9)])
def test_networks_features_are_taken_as_they_are(given: Callable[[int], NDArray[np.float64]]) -> None:
    class Network:
        kind = "inception"
        name = "Inception v3, weights"
        is_fid = True

        def __call__(self, images: list[Image]) -> NDArray[np.float64]:
            return given(len(images))

    found = distance_between(images(6), images(7), Network())  # type: ignore[arg-type]
    assert (found.features, found.is_fid, found.dimension) == (Network.name, True, 9)
    assert (found.is_thin, found.unbiased) == (True, None)


def test_json_has_no_infinities() -> None:
    summary = ImageSummary("a", None, "", group_of(images(1), PIXELS, values=[1.0]), None, None)
    assert summary.group.reward is not None
    assert np.isinf(summary.group.reward.high)
    document = summary.to_json()
    assert document["group"]["reward"] == {"value": 1.0, "low": None, "high": None, "count": 1}
    assert document["format"] == "molvm-image-metrics"
