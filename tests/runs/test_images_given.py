from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from molvm.errors import ImageError
from molvm.images import Image, write_folder
from molvm.runs.images_given import images_given


def image(grey: int, id: str = "") -> Image:
    return Image(np.full((4, 5, 1), grey, dtype=np.uint8), id, prompt=f"as grey as {grey}")


def test_a_folder_a_file_and_lists_are_images(tmp_path: Path) -> None:
    write_folder(tmp_path / "drawn", [image(1, "a"), image(2, "b")], "id,prompt\na,dark\n")
    folder = images_given(str(tmp_path / "drawn"))
    assert folder is not None
    assert [(one.id, one.prompt, one.pixels[0, 0, 0]) for one in folder] == [("a", "dark", 1), ("b", "", 2)]
    file = images_given(tmp_path / "drawn" / "b.png")
    assert file is not None
    assert [(one.id, one.pixels[0, 0, 0]) for one in file] == [("b", 2)]
    mixed = images_given([image(7), PIL.Image.new("RGB", (2, 3), "red"), image(8, "mine")])
    assert mixed is not None
    assert [(one.id, one.prompt) for one in mixed] == [("1", "as grey as 7"), ("2", ""), ("mine", "as grey as 8")]
    assert mixed[1].pixels.shape == (3, 2, 3)


def test_all_else_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "absent.png", "m.sdf", [], ["CCO"], [image(1), "CCO"], None, 3):
        assert images_given(source) is None


def test_what_is_called_an_image_and_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match="'torn' cannot be read"):
        images_given(tmp_path / "torn.png")
