"""A drawing of samples that may be interrupted: finished batches are kept beside the file until that is whole."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from molvm.errors import CheckpointError, OutputExistsError
from molvm.objectives.replay import state_from, tensors_of
from molvm.runs.drawing import Drawn
from molvm.runs.unfinished import ENDING
from molvm.states import MoleculeState, State, TensorState
from molvm.training.checkpoint import CHECKPOINTS, Checkpoint, checkpoint_path, read_checkpoint, save_checkpoint

logger = logging.getLogger(__name__)

KINDS: Final[Mapping[str, type[State]]] = {kind.__name__: kind for kind in (MoleculeState, TensorState)}


class UnfinishedSamples:
    """A folder of batches, from which the same drawing goes on bit for bit: by each lies the state of the generator.

    Args:
        folder: Where they are kept, each as a checkpoint.
        asked: Plain values that decide what is drawn. Batches of another drawing are refused.

    Attributes:
        found: How many samples were there already.
        kept: How many samples are in the folder, those among them.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        self.folder = folder
        self.asked: Any = json.loads(json.dumps(asked, default=str))
        self.found = self.kept = 0

    @classmethod
    def beside(cls, out: Path, asked: Mapping[str, Any]) -> UnfinishedSamples:
        """In a folder that is called as the file that is to be written, and `.unfinished`."""
        return cls(out.with_name(out.name + ENDING), asked)

    def find(self, number: int, generator: torch.Generator) -> Drawn | None:
        """A batch that is there, with the generator set to go on after it; None if it has to be drawn.

        Args:
            number: Of the batch, from 0.
            generator: Of the drawing.

        Raises:
            OutputExistsError: The batch is one of another drawing.
        """
        batch = self._read(number)
        if batch is None:
            return None
        if batch.metadata["asked"] != self.asked:
            theirs = batch.metadata["asked"]
            others = [name for name in sorted({*theirs, *self.asked}) if theirs.get(name) != self.asked.get(name)]
            raise OutputExistsError(
                f"{self.folder} holds samples of an interrupted command with another {', '.join(others)}, "
                "by name or by content.",
                remedy="that command, another --out, or removing the folder, which begins anew",
            )
        generator.set_state(batch.tensors["generator"])
        terminal = state_from(batch.tensors, "terminal", KINDS[batch.metadata["kind"]])
        assert terminal is not None  # noqa: S101 - its checksum says that it is what was kept
        self.found += len(terminal)
        self.kept += len(terminal)
        return Drawn(terminal, batch.tensors["path_cost"], batch.tensors["ito"], batch.metadata["rewards_asked"])

    def keep(self, number: int, drawn: Drawn, generator: torch.Generator) -> None:
        """Keep a batch that has just been drawn.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        tensors = {
            **tensors_of("terminal", drawn.terminal),
            "path_cost": drawn.path_cost,
            "ito": drawn.ito,
            "generator": generator.get_state(),
        }
        kind = type(drawn.terminal).__name__
        metadata = {"asked": self.asked, "kind": kind, "rewards_asked": drawn.asked}
        save_checkpoint(self.folder, number, tensors, metadata, keep=sys.maxsize)
        self.kept += len(drawn.terminal)

    def within(self, name: str) -> UnfinishedSamples:
        """Another drawing for the same file, in a folder of its own in this one."""
        return UnfinishedSamples(self.folder / name, self.asked)

    def discard(self) -> None:
        """Remove the batches, those of drawings within too, and the folder if there is nothing else in it."""
        for path in (*self.folder.glob(CHECKPOINTS), *self.folder.glob(f"*/{CHECKPOINTS}")):
            shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            for folder in (*(path for path in self.folder.glob("*") if path.is_dir()), self.folder):
                folder.rmdir()

    def _read(self, number: int) -> Checkpoint | None:
        path = checkpoint_path(self.folder, number)
        if not path.exists():
            return None
        try:
            return read_checkpoint(path)
        except CheckpointError as error:
            logger.warning("%s It is drawn again.", error.what)
            return None
