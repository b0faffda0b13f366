"""Checkpoints: tensors in safetensors, everything else in a JSON manifest, published by one rename.

A checkpoint is a directory `step-00000123` holding `tensors.safetensors` and `manifest.json`. It is written under a
temporary name, flushed to disk and renamed, so a directory with the final name is whole. The manifest carries the
SHA-256 of the tensors and of itself, so damage that comes later is found when it is read. Nothing here is pickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from molvm.digests import sha256_of
from molvm.errors import CheckpointError

logger = logging.getLogger(__name__)

FORMAT_VERSION: Final = 2
"""Version 1 had no checksum of the manifest; it can still be read."""

TENSORS_FILE: Final = "tensors.safetensors"
MANIFEST_FILE: Final = "manifest.json"
_PREFIX: Final = "step-"
CHECKPOINTS: Final = f"{_PREFIX}*"
"""Which names in a folder are those of checkpoints."""

_TEMPORARY_PREFIX: Final = ".tmp-"


@dataclass(frozen=True)
class Checkpoint:
    """What was saved at one step.

    Attributes:
        step: The number of finished training steps.
        tensors: Everything that is a tensor, by name.
        metadata: Everything else, as JSON values.
        path: The directory it was read from.
    """

    step: int
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, Any]
    path: Path

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name` and a dot, by what follows it."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}


def checkpoint_path(root: Path, step: int) -> Path:
    """Where the checkpoint of a step lies, or would."""
    return root / f"{_PREFIX}{step:08d}"


def save_checkpoint(
    root: Path, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any], keep: int = 2
) -> Path:
    """Publishes a checkpoint and removes all but the newest `keep`.

    Args:
        root: The folder of all checkpoints of a run.
        step: The number of finished training steps.
        tensors: Tensors by name; they are copied to contiguous memory.
        metadata: JSON values.
        keep: Checkpoints to keep, at least 1.

    Returns:
        The published directory.

    Raises:
        CheckpointError: The folder cannot be written.
    """
    target = checkpoint_path(root, step)
    temporary = root / f"{_TEMPORARY_PREFIX}{target.name}-{os.getpid()}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_temporaries(root)
        temporary.mkdir()
        _write(temporary, step, tensors, metadata)
        if target.exists():
            _set_aside(target)
        temporary.rename(target)
        _sync(root)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"The checkpoint {target} could not be written: {error}.", remedy="free some space or use another folder"
        ) from error
    for old in _directories(root)[keep:]:
        if old != target:
            with contextlib.suppress(OSError):
                _set_aside(old)
    _remove_temporaries(root)
    return target


def load_checkpoint(root: Path) -> Checkpoint:
    """The newest whole checkpoint under `root`; damaged ones are skipped with a warning in the log.

    Raises:
        CheckpointError: There is no whole checkpoint.
    """
    damaged: list[str] = []
    for path in _directories(root):
        try:
            checkpoint = read_checkpoint(path)
        except CheckpointError as error:
            damaged.append(path.name)
            logger.warning(error.what)
            continue
        if damaged:
            logger.warning("Falling back to %s; damaged and skipped: %s.", path.name, ", ".join(damaged))
        return checkpoint
    raise CheckpointError(
        f"There is no whole checkpoint in {root}" + (f" (damaged: {', '.join(damaged)})." if damaged else "."),
        remedy="start the run again in a new folder",
    )


def has_checkpoint(root: Path) -> bool:
    """Whether at least one checkpoint directory is there, whole or not."""
    return bool(_directories(root))


def read_checkpoint(path: Path) -> Checkpoint:
    """One checkpoint directory, checked against its manifest.

    Raises:
        CheckpointError: A file is missing, damaged, or of a newer format.
    """
    try:
        manifest = json.loads((path / MANIFEST_FILE).read_text())
        version, step, digest = manifest["format_version"], int(manifest["step"]), manifest["sha256"]
        metadata = dict(manifest["metadata"])
        if version > FORMAT_VERSION:
            raise CheckpointError(
                f"The checkpoint {path} has format {version}.",
                allowed=f"up to {FORMAT_VERSION}",
                remedy="a newer molvm",
            )
        whole = version == 1 or manifest.pop("manifest_sha256") == _manifest_digest(manifest)
        if not whole or sha256_of(path / TENSORS_FILE) != digest:
            raise CheckpointError(f"The checkpoint {path} is damaged: its checksum does not match.")
        tensors = load_file(path / TENSORS_FILE)
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"The checkpoint {path} is damaged: its {MANIFEST_FILE} is not whole.") from error
    except SafetensorError as error:
        raise CheckpointError(f"The checkpoint {path} is damaged: {error}.") from error
    return Checkpoint(step, tensors, metadata, path)


def _write(directory: Path, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    tensors_path = directory / TENSORS_FILE
    # Copies, because safetensors refuses tensors that share memory (a weight and its moving average at the start).
    save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}, tensors_path)
    manifest = {
        "format_version": FORMAT_VERSION,
        "step": step,
        "sha256": sha256_of(tensors_path),
        "metadata": dict(metadata),
    }
    manifest["manifest_sha256"] = _manifest_digest(manifest)
    manifest_path = directory / MANIFEST_FILE
    manifest_path.write_text(json.dumps(manifest, indent=1, sort_keys=True))
    for path in (tensors_path, manifest_path, directory):
        _sync(path)


def _directories(root: Path) -> list[Path]:
    """Checkpoint directories, newest first."""
    return sorted(root.glob(CHECKPOINTS), reverse=True) if root.is_dir() else []


def _set_aside(path: Path) -> None:
    """Out of the way in one stroke: removal file by file could be interrupted and leave a torn checkpoint."""
    path.rename(path.parent / f"{_TEMPORARY_PREFIX}old-{path.name}-{os.getpid()}")


def _remove_temporaries(root: Path) -> None:
    """What an interrupted writer has left; a run has one writer at a time."""
    for leftover in root.glob(f"{_TEMPORARY_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _manifest_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the manifest as it reads back from JSON (tuples as lists, keys as strings), whatever its layout."""
    as_read = json.loads(json.dumps(manifest))
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
