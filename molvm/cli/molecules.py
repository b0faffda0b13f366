"""Molecules from whatever a command is pointed at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molvm.chem.molecule import Molecule


@dataclass(frozen=True)
class Found:
    """What a command was pointed at.

    Args:
        molecules: Broken ones included.
        unreadable: How many records of a file hold no molecule.
        dataset: What the model behind the molecules was trained on, if there is one and it says so.
    """

    molecules: list[Molecule]
    unreadable: int = 0
    dataset: str | None = None


def molecules_of(source: str, count: int, seed: int) -> Found:
    """The molecules of a file, or fresh samples of a run or a base model.

    Args:
        source: A molecule file, a run's directory, a base model's name or directory.
        count: How many to sample.
        seed: Of the sampling.

    Raises:
        InputFileError: The file cannot be read.
        UnknownNameError: There is no such file, run or model.
    """
    from molvm.runs.scoring import records_of

    if Path(source).is_file():
        records = records_of(Path(source))
        molecules = [record.molecule for record in records if record.molecule is not None]
        return Found(molecules, len(records) - len(molecules))
    from molvm.cli.console import counting_bar
    from molvm.runs.api import open_source
    from molvm.runs.run import Run
    from molvm.runs.sampling import draw_samples

    found = open_source(source)
    with counting_bar("sampling") as progress:
        if isinstance(found, Run):
            return Found(list(found.sample(count, seed=seed, progress=progress)), dataset=_dataset(found.model))
        return Found(list(draw_samples(found, count, seed=seed, progress=progress)), dataset=_dataset(found))


def _dataset(model: object) -> str | None:
    return getattr(model, "card", {}).get("dataset")
