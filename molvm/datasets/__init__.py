"""Datasets of 3D molecules: one directory each, read without torch."""

from __future__ import annotations

from molvm.datasets.home import data_home
from molvm.datasets.registry import dataset_path, load_dataset
from molvm.datasets.store import DenseBatch, MoleculeDataset

__all__ = ["DenseBatch", "MoleculeDataset", "data_home", "dataset_path", "load_dataset"]
