"""Many molecules, and large ones, made quickly: rows of QM9 as they are published, and a chain of amino acids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from molvm.chem.molecule import Molecule
from molvm.datasets.qm9 import build_qm9
from molvm.images.image import Image
from molvm.rewards.base import Failure, Outcome
from molvm.runs.config import RunConfig
from molvm.runs.config_file import config_text
from molvm.runs.directory import RunDirectory
from molvm.runs.manifest import Manifest
from molvm.runs.store import RunStore
from molvm.subject import Subject
from molvm.training.trainer import Iteration

BROKEN_SHARE = 10
"""One in so many has failed."""


@cache
def qm9_molecules(count: int) -> tuple[Molecule, ...]:
    """The first rows of QM9 whose bonds can be perceived; three tenths of a millisecond each."""
    with TemporaryDirectory() as folder:
        dataset = build_qm9(Path(folder) / "qm9", workers=1, limit=count + count // 10 + 20)
    return tuple(replace(dataset.molecule(index), id=f"m{index}") for index in range(count))


@cache
def peptide() -> Molecule:
    """A chain of ten phenylalanines, 203 atoms."""
    return Molecule.from_smiles("NC(Cc1ccccc1)C(=O)" * 10 + "O", id="peptide")


def images(count: int) -> list[Image]:
    """Squares, each a little paler."""
    return [
        Image(np.full((16, 16, 1), number % 256, np.uint8), f"i{number}", str(number % 10)) for number in range(count)
    ]


def write_run(path: Path, samples: Sequence[Molecule] | Sequence[Image], batch: int) -> Path:
    """A finished run that has made these samples, so many a round, half of them by the base alone."""
    kinds: tuple[tuple[Subject, str, str], ...] = (("molecules", "qm9", "qed"), ("images", "digits", "jpeg"))
    makes, model, reward = kinds[isinstance(samples[0], Image)]
    directory = RunDirectory(path)
    directory.begin(makes)
    rounds = -(-len(samples) // batch)
    training = {"iterations": rounds, "batch_size": batch}
    settings = {"model": {"name": model}, "reward": {"name": reward}, "training": training, "out": str(path)}
    directory.config.write_text(config_text(RunConfig.from_mapping(settings)), encoding="utf-8")
    manifest = Manifest(model, None, reward, "", "maximise", 0, floor=0.0, makes=makes).begin_session(0, 1, None)
    manifest.end_session("finished", rounds).save(directory.manifest)
    store = RunStore(directory, reward, makes=makes)
    for index in range(rounds):
        made = list(samples[index * batch : (index + 1) * batch])
        outcomes = [_outcome(index * batch + number, sample.id) for number, sample in enumerate(made)]
        worth = torch.tensor([outcome.value or 0.0 for outcome in outcomes])
        failures = sum(outcome.failure is not None for outcome in outcomes) / len(made)
        kl = max(0.0, (index + 1 - rounds / 2) / rounds)
        metrics = {
            "reward": float(worth.mean()),
            "kl": kl,
            "ess": 0.9,
            "failures": failures,
            "failures.valences": failures,
        }
        store.append(Iteration(index, metrics, made, outcomes, worth, torch.zeros(len(made))))
    return path


def _outcome(number: int, name: str) -> Outcome:
    if number % BROKEN_SHARE == 0:
        return Outcome(name, None, "", failure=Failure("invalid", "valences", "as this test wants it"))
    return Outcome(name, (number * 37 % 1000) / 1000, "", seconds=0.01)
