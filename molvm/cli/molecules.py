"""Molecules from whatever a command is pointed at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molvm.chem.molecule import Molecule
    from molvm.models.base import BaseModel
    from molvm.runs.run import Run


@dataclass(frozen=True)
class Found:
    """What a command was pointed at.

    Args:
        molecules: Broken ones included; a record of a file that cannot be read is a molecule without atoms.
        unreadable: How many those are.
        dataset: What the model behind the molecules was trained on, if there is one and it says so.
        model: The name of that model.
        note: What nobody should overlook about it, for instance that it is a stand-in.
    """

    molecules: list[Molecule]
    unreadable: int = 0
    dataset: str | None = None
    model: str | None = None
    note: str | None = None


def molecules_of(source: Path | Run | BaseModel, count: int, seed: int) -> Found:
    """The molecules of a file as they are written there, or fresh samples of a run or a base model.

    Args:
        source: A molecule file, a run, a base model of molecules.
        count: How many to sample.
        seed: Of the sampling.

    Raises:
        InputFileError: The file cannot be read, or holds no molecule.
    """
    if isinstance(source, Path):
        return _of_file(source)
    from molvm.cli.console import counting_bar
    from molvm.runs.run import Run
    from molvm.runs.sampling import draw_samples

    with counting_bar("sampling", "steps of samples") as progress:
        if isinstance(source, Run):
            return _from(source.model, list(source.sample(count, seed=seed, progress=progress)))
        return _from(source, list(draw_samples(source, count, seed=seed, progress=progress)))


def _of_file(path: Path) -> Found:
    from molvm.chem.io import read_molecules
    from molvm.errors import InputFileError

    records = read_molecules(path, as_written=True)
    unreadable = sum(record.molecule is None for record in records)
    if unreadable == len(records):
        raise InputFileError(f"There are no molecules in {path}.", remedy="another file")
    molecules = [_nothing(record.id) if record.molecule is None else record.molecule for record in records]
    return Found(molecules, unreadable)


def _nothing(name: str) -> Molecule:
    import numpy as np

    from molvm.chem.molecule import Molecule

    return Molecule(
        elements=np.empty(0, np.uint8),
        positions=np.empty((0, 3)),
        formal_charges=np.empty(0, np.int8),
        bonds=np.empty((0, 2), np.int32),
        orders=np.empty(0, np.uint8),
        id=name,
    )


def _from(model: BaseModel, molecules: list[Molecule]) -> Found:
    from molvm.runs.assembly import model_note

    card: dict[str, Any] = getattr(model, "card", {})
    return Found(molecules, dataset=card.get("dataset"), model=getattr(model, "name", None), note=model_note(model))
