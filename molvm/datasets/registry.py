"""The datasets that can be asked for by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from molvm.datasets.directory import MANIFEST_FILE
from molvm.datasets.home import data_home
from molvm.datasets.store import MoleculeDataset
from molvm.errors import DatasetError, UnknownNameError

DATASET_NAMES: Final = ("qm9", "drugs", "geom")


def dataset_path(name: str) -> Path:
    """The directory in which the dataset of that name lies once it is built.

    Raises:
        UnknownNameError: There is no dataset of that name.
    """
    if name not in DATASET_NAMES:
        raise UnknownNameError("dataset", name, DATASET_NAMES)
    return data_home() / "datasets" / name


def load_dataset(name: str) -> MoleculeDataset:
    """Loads a dataset that was built before.

    Raises:
        UnknownNameError: There is no dataset of that name.
        DatasetError: It was not built yet, or its files are damaged.
    """
    path = dataset_path(name)
    if not (path / MANIFEST_FILE).is_file():
        raise DatasetError(f"The dataset {name!r} is not built: {path} holds none.", remedy=f"molvm data {name}")
    return MoleculeDataset.load(path)
