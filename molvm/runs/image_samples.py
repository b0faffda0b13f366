"""Samples of a model of images."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from molvm.chem.formats.spreadsheet import guarded
from molvm.errors import ConfigError
from molvm.images.files import grid_of, write_folder
from molvm.images.image import Image
from molvm.runs.samples import SampleSet
from molvm.subject import Subject


@dataclass(frozen=True, eq=False)
class ImageSet(SampleSet):
    """n images in the order in which they were drawn; otherwise as a `SampleSet`."""

    noun: ClassVar[str] = "image"
    judged: ClassVar[Subject] = "images"

    @property
    def images(self) -> tuple[Image, ...]:
        """As generated."""
        found: tuple[Any, ...] = self.molecules
        return found

    def save(self, path: Path | str, *, overwrite: bool = False) -> int:  # noqa: ARG002 - a folder is never replaced
        """Write a new folder: a PNG file of each image, `grid.png` with all of them, `images.csv` with what is known.

        Returns:
            The number of images written.

        Raises:
            OutputExistsError: There is something at `path`, or it cannot be written.
        """
        return write_folder(Path(path), self.images, self._table(), self.grid() if self.images else None)

    def grid(self) -> Image:
        """All side by side; a notebook shows it.

        Raises:
            ImageError: There are none.
        """
        return grid_of(self.images)

    def to_sdf(self, path: Path | str, *, overwrite: bool = False) -> int:  # noqa: ARG002 - of molecules
        """Raises a ConfigError: images are no molecules."""
        raise ConfigError(f"Images cannot be written as the SD file {path}.", remedy="save(), a folder of PNG files")

    def to_rdkit(self) -> Any:
        """Raises a ConfigError: images are no molecules."""
        raise ConfigError("Images are no molecules of RDKit.", remedy="images, whose pil() is a Pillow image")

    def _known(self, index: int) -> dict[str, object]:
        return {"prompt": self.images[index].prompt, "path_cost": float(self.path_cost[index])}

    def _table(self) -> str:
        buffer = io.StringIO()
        reward = [self.reward_name] if self.outcomes else []
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["id", "prompt", "path_cost", *reward, *(["failure", "reason"] if reward else [])])
        for index, image in enumerate(self.images):
            row = [image.id, image.prompt, f"{self.path_cost[index]:.6g}"]
            if reward:
                outcome = self.outcomes[index]
                failure = (outcome.failure.kind, outcome.failure.reason) if outcome.failure else ("", "")
                row += ["" if outcome.value is None else f"{outcome.value:.6g}", *failure]
            writer.writerow(map(guarded, row))
        return buffer.getvalue()
