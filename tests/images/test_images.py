from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molvm.errors import ImageError, OutputExistsError
from molvm.images import Image, grid_of, png_bytes, read_png, write_folder


def random_image(channels: int, seed: int = 0, id: str = "one") -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 9, channels), dtype=np.uint8)
    return Image(pixels, id, prompt="noise")


@pytest.mark.parametrize("channels", [1, 3])
def test_png_and_pillow_lose_nothing(channels: int) -> None:
    image = random_image(channels)
    for back in (read_png(png_bytes(image)), Image.from_pil(image.pil())):
        assert np.array_equal(back.pixels, image.pixels)
        assert back.digest == image.digest
    assert image.digest != random_image(channels, seed=1).digest


def test_pixels_cannot_be_changed() -> None:
    pixels = np.zeros((2, 2, 1), np.uint8)
    image = Image(pixels)
    pixels[:] = 9
    assert image.pixels.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0] = 1


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (0, 4, 1), (4, 4, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="uint8 of shape"):
        Image(np.zeros(shape, np.uint8))


def test_values_that_are_no_bytes_are_refused() -> None:
    with pytest.raises(ImageError, match="float64"):
        Image(np.zeros((4, 4, 1)))  # type: ignore[arg-type]


def test_what_is_no_image_is_told() -> None:
    with pytest.raises(ImageError, match="cannot be read"):
        read_png(b"no image", "x")


def test_a_grid_holds_every_image_enlarged() -> None:
    images = [random_image(1, seed) for seed in range(3)]
    sheet = grid_of(images, columns=2).pixels
    factor = 64 // 9
    assert sheet.shape == (2 * 6 * factor + 2, 2 * 9 * factor + 2, 1)
    assert np.array_equal(sheet[: 6 * factor : factor, : 9 * factor : factor], images[0].pixels)
    assert np.array_equal(sheet[6 * factor + 2 :: factor, : 9 * factor : factor], images[2].pixels)
    with pytest.raises(ImageError, match="one size"):
        grid_of([images[0], Image(np.zeros((2, 2, 1), np.uint8))])


def test_a_folder_is_written_once(tmp_path: Path) -> None:
    images = [random_image(3, seed, id=f"n-{seed}") for seed in range(4)]
    assert write_folder(tmp_path / "out", images, "id\n") == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "grid.png",
        "images.csv",
        *(f"n-{seed}.png" for seed in range(4)),
    ]
    with pytest.raises(OutputExistsError):
        write_folder(tmp_path / "out", images)
    with pytest.raises(ImageError, match="one id"):
        write_folder(tmp_path / "other", [images[0], images[0]])
    assert not (tmp_path / "other").exists()
