"""The datasets that can be asked for by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from molvm.datasets.directory import MANIFEST_FILE
from molvm.datasets.home import data_home
from molvm.datasets.store import MoleculeDataset
from molvm.errors import DatasetError, UnknownNameError

DATASETS: Final[Mapping[str, str]] = {
    "qm9": "small organic molecules of C, H, N, O, F; from the package qm9pack",
    "drugs": "drug-like molecules made here from SMILES, a stand-in for GEOM; from the package molsets",
    "geom": "GEOM-Drugs itself; from the files that you have downloaded",
}
"""Every name and what it stands for."""

DATASET_NAMES: Final = tuple(DATASETS)

COMMANDS: Final[Mapping[str, str]] = {"geom": "molvm data geom FOLDER --trust-pickle"}
"""How those are built that need more than their name."""


def dataset_path(name: str) -> Path:
    """The directory in which the dataset of that name lies once it is built.

    Raises:
        UnknownNameError: There is no dataset of that name.
    """
    if name not in DATASET_NAMES:
        raise UnknownNameError("dataset", name, DATASET_NAMES)
    return data_home() / "datasets" / name


def build_command(name: str) -> str:
    """The command that builds the dataset of that name."""
    return COMMANDS.get(name, f"molvm data {name}")


def is_built(name: str) -> bool:
    """Whether the dataset of that name has been built here.

    Raises:
        UnknownNameError: There is no dataset of that name.
    """
    return (dataset_path(name) / MANIFEST_FILE).is_file()


def load_dataset(name: str) -> MoleculeDataset:
    """Loads a dataset that was built before.

    Raises:
        UnknownNameError: There is no dataset of that name.
        DatasetError: It was not built yet, or its files are damaged.
    """
    path = dataset_path(name)
    if not is_built(name):
        raise DatasetError(f"The dataset {name!r} is not built: {path} holds none.", remedy=build_command(name))
    return MoleculeDataset.load(path)


def described(name: str) -> str:
    """Whether the dataset of that name is built and how much it holds, in a line; its arrays are not read.

    Raises:
        UnknownNameError: There is no dataset of that name.
    """
    path = dataset_path(name)
    try:
        counts = json.loads((path / MANIFEST_FILE).read_text(encoding="utf-8"))["counts"]
        splits = ", ".join(f"{counts[split]} {split}" for split in ("train", "validation", "test"))
    except FileNotFoundError:
        return f"not built: {build_command(name)}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"damaged: remove {path} and build it again"
    return f"{counts['kept']} molecules ({splits}) in {path}"
