from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molvm.errors import ImageError, InputFileError
from molvm.images import Image, is_image_folder, read_folder, write_folder

ONE, TWO = (Image(np.full((3, 3, 1), level, np.uint8), f"image-{level}") for level in (10, 200))


def test_a_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_folder(tmp_path / "drawn", [TWO, ONE], 'id,prompt\nimage-10,"a, b"\n')
    found = read_folder(tmp_path / "drawn")
    assert [(image.id, image.prompt, image.digest) for image in found] == [
        ("image-10", "a, b", ONE.digest),
        ("image-200", "", TWO.digest),
    ]


def test_a_folder_of_others_needs_no_table(tmp_path: Path) -> None:
    ONE.pil().convert("RGB").save(tmp_path / "photo.JPG")
    (tmp_path / "notes.txt").touch()
    assert [image.pixels.shape for image in read_folder(tmp_path)] == [(3, 3, 3)]


def test_what_is_no_folder_of_images_is_told(tmp_path: Path) -> None:
    assert not is_image_folder(tmp_path)
    assert not is_image_folder(tmp_path / "nowhere")
    with pytest.raises(InputFileError, match="no images"):
        read_folder(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match="broken"):
        read_folder(tmp_path)


def test_a_table_of_something_else_is_told(tmp_path: Path) -> None:
    write_folder(tmp_path / "drawn", [ONE], "name\nx\n")
    with pytest.raises(InputFileError, match="cannot be read"):
        read_folder(tmp_path / "drawn")
