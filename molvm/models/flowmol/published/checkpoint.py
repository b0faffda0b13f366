"""The checkpoint in a published FlowMol folder: which file it is, and what it holds."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file
from torch import Tensor

from molvm.errors import InputFileError
from molvm.models.flowmol.published.naming import AS_PUBLISHED, CHECKPOINTS
from molvm.models.flowmol.published.read_checkpoint import REFUSED

logger = logging.getLogger(__name__)

READER: Final = "molvm.models.flowmol.published.read_checkpoint"
TIME_LIMIT: Final = 600.0
"""Seconds; reading the largest published file takes a few."""

ASKED: Final = re.compile(r"GLOBAL ([\w.]+)", re.ASCII)
"""How torch says which name it has refused."""


@dataclass(frozen=True)
class Checkpoint:
    """What a Lightning checkpoint holds.

    Attributes:
        path: The file.
        settings: FlowMol's hyper-parameters as plain values.
        weights: Tensors by upstream's names.
        averaged: Whether they are the moving average that training kept.
    """

    path: Path
    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    averaged: bool


def find_checkpoint(folder: Path) -> Path:
    """The checkpoint file in a folder as it is published.

    Raises:
        InputFileError: There is none, or there are several and none is called as the published ones are.
    """
    if folder.is_file():
        return folder
    found = sorted(folder.glob(f"{CHECKPOINTS}/*.ckpt")) or sorted(folder.glob("*.ckpt"))
    named = [path for path in found if path.name in AS_PUBLISHED]
    if len(found) == 1 or len(named) == 1:
        return (named or found)[0]
    raise InputFileError(
        f"The folder {folder} holds {'no checkpoint' if not found else 'several checkpoints'}.",
        allowed="a folder with checkpoints/model.ckpt or checkpoints/last.ckpt, as published; or the path of one file",
        remedy=None if not found else "the path of the one that is meant",
    )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a Lightning checkpoint in a process of its own, which unpickles tensors and plain values alone.

    Raises:
        InputFileError: It holds anything else, is damaged, or is no Lightning checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="molvm-convert-") as out:
        command = [sys.executable, "-m", READER, str(path), out]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired as error:
            raise InputFileError(f"Reading {path} took longer than {TIME_LIMIT:.0f} s.") from error
        if done.returncode != 0:
            raise InputFileError(
                f"The checkpoint {path} cannot be read safely: {_reason(done.stderr)}.",
                allowed="a Lightning checkpoint of FlowMol: tensors and plain settings; nothing else is unpickled",
                remedy="downloading it again, from its authors",
            )
        for note in json.loads((Path(out) / "notes.json").read_text(encoding="utf-8")):
            logger.warning("%s: %s.", path, note)
        average = Path(out) / "average.safetensors"
        weights = load_file(average if average.exists() else Path(out) / "weights.safetensors")
        settings = json.loads((Path(out) / "settings.json").read_text(encoding="utf-8"))
        return Checkpoint(path, settings, weights, average.exists())


def _reason(stderr: str) -> str:
    """What the reader has against a file, in our own words: torch's advise how to run what is in it."""
    asked = ASKED.search(stderr)
    if asked is not None:
        return f"it asks for `{asked[1]}`, which is refused; nothing in it was run"
    last = stderr.rstrip().rpartition("\n")[2]
    if last.startswith(REFUSED):
        return last.removeprefix(REFUSED)
    return "it is damaged, or holds something else than tensors and plain values; nothing in it was run"
