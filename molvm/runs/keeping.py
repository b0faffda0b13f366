"""Molecules that have a part: where it is read from, and drawing until it is there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.io import iterate_records, readable_suffixes
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, InputFileError
from molvm.models.base import BaseModel
from molvm.models.flowmol.keeping import KeepingFlowMol
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.substructure import Substructure
from molvm.runs.drawing import Draw, Drawn, Progress

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 10
"""Draws of a molecule after which it is taken as it is."""


def keeping(model: BaseModel, scaffold: Molecule | Path | str) -> KeepingFlowMol:
    """The base model, steered towards molecules that have a part.

    Args:
        model: A continuous FlowMol.
        scaffold: The part: a molecule, a file whose first molecule it is, or a SMILES. Its hydrogens are left out, and
            without positions it is embedded.

    Raises:
        ConfigError: The model is another one.
        InputFileError: There is no such file, or its first molecule cannot be read; or so the SMILES.
        MoleculeError: The part cannot be kept: too small, broken, or of elements that the model does not know.
        ModelError: The part is too large, or the model was not calibrated.
    """
    if not isinstance(model, FlowMolModel):
        raise ConfigError(f"The base model {model.name} cannot keep a scaffold.", allowed="continuous FlowMol models")
    molecule = scaffold if isinstance(scaffold, Molecule) else read_scaffold(scaffold)
    return KeepingFlowMol(model, Substructure.of(molecule, model.config))


def read_scaffold(source: Path | str) -> Molecule:
    """The first molecule of a file, or that of a SMILES.

    Raises:
        InputFileError: Neither can be read.
    """
    path = Path(source)
    is_file = isinstance(source, Path) or path.suffix.lower() in readable_suffixes()
    record = next(iterate_records(path), None) if is_file else parse_smiles(str(source), str(source), {})
    if record is None or record.molecule is None:
        reason = "it has no molecule" if record is None else record.reason
        raise InputFileError(
            f"The scaffold {str(source)!r} cannot be read: {reason}.",
            allowed=f"a SMILES, or a file ({', '.join(readable_suffixes())})",
        )
    return record.molecule


def until_kept(model: KeepingFlowMol, draw: Draw) -> Draw:
    """Draws again what lacks the part, of the same sizes, so that sizes keep their law.

    Progress falls back to the share that has it after each attempt, and is whole when all have.
    """

    def drawing(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        attempts = _Attempts(on_step, count)
        found = draw(condition, count, generator, attempts.at(count))
        missing = _missing(model, found)
        for _ in range(ATTEMPTS - 1):
            if len(missing) == 0:
                break
            those = None if condition is None else condition[missing]
            again = draw(those, len(missing), generator, attempts.at(len(missing)))
            found = found.replaced(missing, again)
            missing = _missing(model, found)
        attempts.end()
        if len(missing):
            logger.warning(
                f"{len(missing)} of {count} molecules lack the scaffold after {ATTEMPTS} attempts each: the base model "
                "does not know it well. Other numbers of atoms or more steps may help."
            )
        return found

    return drawing


class _Attempts:
    """Progress of a batch while nobody knows yet whether what is drawn has the part."""

    def __init__(self, on_step: Progress | None, count: int) -> None:
        self._on_step, self._count, self._steps = on_step, count, 1

    def at(self, drawn: int) -> Progress:
        """Progress of another attempt at so many of the batch."""

        def report(done: int, steps: int) -> None:
            self._steps = steps
            if self._on_step is not None:
                share = (self._count - drawn) * steps + drawn * done
                self._on_step(min(steps - 1, share // self._count), steps)

        return report

    def end(self) -> None:
        """All is as it will be."""
        if self._on_step is not None:
            self._on_step(self._steps, self._steps)


def _missing(model: KeepingFlowMol, found: Drawn) -> Tensor:
    lacks = [not model.part.is_kept(molecule) for molecule in model.decode(found.terminal)]
    return torch.nonzero(torch.tensor(lacks)).flatten()
