"""Reading and publishing the files of a dataset directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from molvm.digests import sha256_of
from molvm.durable import published
from molvm.errors import DatasetError

ARRAYS_FILE: Final = "molecules.safetensors"
MANIFEST_FILE: Final = "manifest.json"
FORMAT_NAME: Final = "molvm-molecules"
FORMAT_VERSION: Final = 1


def write_directory(path: Path, arrays: Mapping[str, npt.NDArray[Any]], manifest: Mapping[str, Any]) -> None:
    """Writes the files beside `path` and renames the directory into place, so that no half dataset is ever seen.

    Args:
        path: The directory to publish.
        arrays: What goes into the array file.
        manifest: What the manifest says; format, version and checksum are added here.

    Raises:
        OutputExistsError: There is something at `path` already, or it cannot be written.
    """
    from safetensors.numpy import save

    with published(path, parents=True) as part:
        part.mkdir()
        # Not save_file, which has errors and permissions of its own.
        (part / ARRAYS_FILE).write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
        stamped = {
            **manifest,
            "format": FORMAT_NAME,
            "format_version": FORMAT_VERSION,
            "sha256": {ARRAYS_FILE: sha256_of(part / ARRAYS_FILE)},
        }
        (part / MANIFEST_FILE).write_text(json.dumps(stamped, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_directory(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Reads the arrays and the manifest of a dataset directory.

    Raises:
        DatasetError: A file is missing or not what the manifest was written for.
    """
    from safetensors.numpy import load_file

    manifest_path, arrays_path = path / MANIFEST_FILE, path / ARRAYS_FILE
    for file in (manifest_path, arrays_path):
        if not file.is_file():
            raise DatasetError(f"{path} is no dataset: it has no {file.name}.")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{manifest_path} is not JSON: {error}.", remedy="build the dataset again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT_NAME:
        raise DatasetError(f"{manifest_path} is no manifest of a dataset.", allowed=f"format {FORMAT_NAME!r}")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise DatasetError(
            f"{path} has format version {manifest.get('format_version')!r}.",
            allowed=str(FORMAT_VERSION),
            remedy="build the dataset again",
        )
    if manifest.get("sha256", {}).get(ARRAYS_FILE) != sha256_of(arrays_path):
        raise DatasetError(
            f"{arrays_path} is damaged: its SHA-256 is not that of the manifest.",
            remedy="delete the directory and build the dataset again",
        )
    return load_file(arrays_path), manifest
