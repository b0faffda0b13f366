"""Does this installation work? A few facts and a self test of seconds. Imports no torch unless asked about it."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Final

from molvm.chem.molecule import Molecule
from molvm.datasets.home import data_home
from molvm.datasets.registry import DATASET_NAMES, dataset_path
from molvm.errors import MolVMError, RewardError
from molvm.rewards import dipole, isolated, qed
from molvm.rewards.base import MoleculeReward
from molvm.runs.manifest import describe_machine, package_versions

EXTRAS: Final = {
    "app": "streamlit",
    "images": "diffusers",
    "data": "qm9pack",
    "ase": "ase",
    "dgl": "dgl",
    "obabel": "openbabel",
    "docking": "vina",
    "d4": "dftd4",
    "xtb": "xtb",
    "dask": "distributed",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "eval": "posebusters",
    "figures": "matplotlib",
}
"""The extras of molvm, each by a module that it brings."""

WATER_DIPOLE: Final = (2.1, 2.4)
"""Debye, around the 2.25 of GFN2-xTB (experiment: 1.85); a broken engine is far off."""

ETHANOL_QED: Final = (0.40, 0.42)
"""RDKit's QED of ethanol is 0.407."""


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis.

    Args:
        topic: What it is about.
        text: What was found.
        ok: False for something that does not work and should.
    """

    topic: str
    text: str
    ok: bool = True


def diagnose() -> Iterator[Finding]:
    """The findings, one after the other as they are made."""
    for name, version in package_versions().items():
        yield Finding(name, version)
    for name, fact in describe_machine().items():
        yield Finding(name, str(fact))
    yield from _torch()
    yield from _models_and_data()
    for extra, module in EXTRAS.items():
        found = importlib.util.find_spec(module) is not None
        yield Finding(f"extra {extra}", "installed" if found else f"not installed: pip install 'molvm[{extra}]'")
    yield _check("qed of ethanol", lambda: _value(qed(), _ethanol(), ETHANOL_QED))
    yield _check("dipole of water", lambda: _value(dipole(), _water(), WATER_DIPOLE))


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", f"cannot be imported: {error}", ok=False)
        return
    yield Finding("torch threads", str(torch.get_num_threads()))
    yield Finding("OMP_WAIT_POLICY", os.environ.get("OMP_WAIT_POLICY", "not set"))
    yield Finding("accelerator", torch.cuda.get_device_name() if torch.cuda.is_available() else "none")


def _models_and_data() -> Iterator[Finding]:
    from molvm.models.hub import model_names

    names = model_names()
    for name in names:
        yield _check(f"model {name}", partial(_sizes, name))
    if not names:
        yield Finding("models", "none is bundled", ok=False)
    yield Finding("data home", str(data_home()))
    for name in DATASET_NAMES:
        yield Finding(f"dataset {name}", "built" if dataset_path(name).is_dir() else f"not built: molvm data {name}")


def _sizes(model: str) -> str:
    from molvm.models.base import made_by
    from molvm.models.hub import load_model

    loaded = load_model(model)
    known = loaded.conditions or ()
    if made_by(loaded) == "images":
        return f"loads; images of {len(known)} classes"
    return f"loads; molecules of {min(known)} to {max(known)} atoms"


def _check(topic: str, test: Callable[[], str]) -> Finding:
    started = time.perf_counter()
    try:
        text = test()
    except MolVMError as error:
        return Finding(topic, str(error), ok=False)
    return Finding(topic, f"{text}, {time.perf_counter() - started:.1f} s")


def _value(reward: MoleculeReward, molecule: Molecule, allowed: tuple[float, float]) -> str:
    """The reward of a molecule from a worker process.

    Raises:
        RewardError: It failed, or the value is not what it must be.
    """
    with closing(isolated(reward, n_workers=1)) as scorer:
        outcome = scorer([molecule])[0]
    if outcome.value is None:
        reason = outcome.failure.reason if outcome.failure else ""
        raise RewardError(f"The reward {reward.name!r} failed: {reason}.", remedy="installing molvm again")
    low, high = allowed
    if not low <= outcome.value <= high:
        raise RewardError(f"The reward {reward.name!r} is {outcome.value:.3f}.", allowed=f"{low} to {high}")
    return f"{outcome.value:.3f} {reward.unit}".strip()


def _water() -> Molecule:
    return Molecule(
        elements=[8, 1, 1],  # type: ignore[arg-type]
        positions=[[0.0, 0.0, 0.1173], [0.0, 0.7572, -0.4692], [0.0, -0.7572, -0.4692]],  # type: ignore[arg-type]
        formal_charges=[0, 0, 0],  # type: ignore[arg-type]
        bonds=[[0, 1], [0, 2]],  # type: ignore[arg-type]
        orders=[1, 1],  # type: ignore[arg-type]
        id="water",
    )


def _ethanol() -> Molecule:
    from molvm.chem.formats.smiles import parse_smiles

    record = parse_smiles("CCO", "ethanol", {})
    if record.molecule is None:
        raise RewardError(f"RDKit cannot build ethanol: {record.reason}.", remedy="installing rdkit again")
    return record.molecule
