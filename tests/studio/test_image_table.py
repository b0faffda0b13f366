from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest

from molvm.images.files import read_png
from molvm.images.image import Image
from molvm.runs.image_records import ImageRecord
from molvm.studio.image_table import ImageTable, as_zip, table_of_images


def record(number: int, prompt: str, value: float | None) -> ImageRecord:
    pixels = np.full((2, 2, 1), number, np.uint8)
    failed = value is None
    return ImageRecord(
        iteration=number // 2,
        worth=value or 0.0,
        value=value,
        failure="failed" if failed else None,
        stage="reward" if failed else None,
        reason="no light" if failed else None,
        image=Image(pixels, f"0-{number}", prompt),
    )


@pytest.fixture
def table() -> ImageTable:
    made = [record(0, "three", 2.0), record(1, "two", 5.0), record(2, "three", None), record(3, "two", 1.0)]
    return table_of_images(made, "jpeg")


def test_images_are_sorted_and_those_without_a_value_come_last(table: ImageTable) -> None:
    assert table.chosen() == [1, 0, 3, 2]
    assert table.chosen(descending=False) == [3, 0, 1, 2]
    assert table.chosen(by="iteration", descending=False) == [0, 1, 2, 3]


def test_images_are_filtered_by_prompt_and_value(table: ImageTable) -> None:
    assert table.prompts == ["three", "two"]
    assert table.chosen(["three"]) == [0, 2]
    assert table.chosen(values=(1.5, 5.0)) == [1, 0]
    assert table.chosen(["two"], (0.0, 1.0)) == [3]


def test_they_are_taken_away_in_order_with_their_rows(table: ImageTable) -> None:
    archive = zipfile.ZipFile(io.BytesIO(as_zip(table, [3, 0])))
    assert archive.namelist() == ["0001.png", "0002.png", "images.csv"]
    assert read_png(archive.read("0001.png")).pixels[0, 0, 0] == 3
    rows = list(csv.DictReader(io.StringIO(archive.read("images.csv").decode())))
    assert [(row["file"], row["id"], row["prompt"], row["value"]) for row in rows] == [
        ("0001.png", "0-3", "two", "1.0"),
        ("0002.png", "0-0", "three", "2.0"),
    ]


def test_a_run_without_images_is_an_empty_table() -> None:
    table = table_of_images([], "jpeg")
    assert len(table) == 0
    assert table.chosen() == table.prompts == []
