"""Molecules from whatever a command is pointed at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molvm.chem.molecule import Molecule


def molecules_of(source: str, count: int, seed: int) -> tuple[list[Molecule], int]:
    """The molecules of a file, or fresh samples of a run or a base model.

    Args:
        source: A molecule file, a run's directory, a base model's name or directory.
        count: How many to sample.
        seed: Of the sampling.

    Returns:
        The molecules, and how many records of a file cannot be read.

    Raises:
        InputFileError: The file cannot be read.
        UnknownNameError: There is no such file, run or model.
    """
    from molvm.runs.scoring import records_of

    if Path(source).is_file():
        records = records_of(Path(source))
        molecules = [record.molecule for record in records if record.molecule is not None]
        return molecules, len(records) - len(molecules)
    from molvm.cli.console import counting_bar
    from molvm.runs.api import open_source
    from molvm.runs.run import Run
    from molvm.runs.sampling import draw_samples

    found = open_source(source)
    with counting_bar("sampling") as progress:
        if isinstance(found, Run):
            return list(found.sample(count, seed=seed, progress=progress)), 0
        return list(draw_samples(found, count, seed=seed, progress=progress)), 0
