"""Does this installation work? A few facts, and every engine tried once. Imports no torch unless asked about it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from molvm.chem.molecule import Molecule
from molvm.datasets.home import data_home
from molvm.datasets.registry import DATASET_NAMES, dataset_path
from molvm.errors import MolVMError, RewardError
from molvm.rewards.base import SampleReward
from molvm.rewards.expression import parse_reward
from molvm.rewards.pools import Pool, open_pool
from molvm.runs.manifest import describe_machine, package_versions
from molvm.runs.trial_imports import try_imports

EXTRAS: Final = {
    "app": "streamlit",
    "pandas": "pandas",
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
    "notebooks": "nbclient",
    "docs": "sphinx",
}
"""The extras of molvm, each by a module that it brings."""

UNTRIED: Final = ("data", "dgl")
"""Extras that are looked for and not imported, because molvm does neither: it reads qm9pack's files, and DGL's."""

TRIED: Final = ("obabel", "d4", "xtb")
"""Extras of which more is asked than to be imported."""

TRIAL_SECONDS: Final = 20.0
"""That a trial may take."""

HEAVIEST: Final = "images"
"""It takes as long to import as all the others."""


@dataclass(frozen=True)
class Trial:
    """A small computation with a known result.

    Args:
        topic: What works if it is right.
        reward: An expression.
        molecule: SMILES, or "water" for one with fixed positions.
        low: Least value that is right; the engines of other versions differ a little.
        high: Largest.
        extra: What it needs, if not molvm alone.
    """

    topic: str
    reward: str
    molecule: str
    low: float
    high: float
    extra: str | None = None


TRIALS: Final = (
    Trial("qed of ethanol", "qed", "CCO", 0.40, 0.42),  # RDKit: 0.407
    Trial("dipole of water", "dipole", "water", 2.1, 2.4),  # GFN-FF, then GFN2-xTB of tblite: 2.25 D; measured 1.85
    Trial("dipole by GFN1-xTB", "dipole(single_point=gfn1)", "water", 2.3, 3.0),
    Trial("strain by MMFF94", "strain(relaxation=mmff)", "CCO", 0.0, 10.0),
    Trial("strain by GFN2-xTB", "strain(relaxation=gfn2)", "water", 0.0, 2.0),
    Trial("dipole by xtb-python", "dipole(engine=xtb)", "water", 2.1, 2.4, "xtb"),
    Trial("polarisability by D4", "polarisability", "water", 8.0, 12.0, "d4"),  # measured: 9.6 a0^3
    Trial("logP by Open Babel", "openbabel(logP)", "CCO", -1.0, 1.0, "obabel"),
)
"""Every engine once."""


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
    groups = [[extra for extra in EXTRAS if (extra == HEAVIEST) is heavy] for heavy in (True, False)]
    with ThreadPoolExecutor(len(groups)) as pool:
        extras = pool.map(_extras, groups)  # from now on, because they take the longest
        for name, version in package_versions().items():
            yield Finding(name, version)
        for name, fact in describe_machine().items():
            yield Finding(name, str(fact))
        yield from _torch()
        yield from _models_and_data()
        yield Finding("program xtb", shutil.which("xtb") or "not on the PATH; nothing needs it")
        yield from _trials()
        yield from chain.from_iterable(extras)


def _installed(extra: str) -> bool:
    return importlib.util.find_spec(EXTRAS[extra]) is not None


def _extras(extras: Sequence[str]) -> list[Finding]:
    """Which extras there are, and whether they can be imported."""
    there = [extra for extra in extras if _installed(extra)]
    troubles = try_imports([EXTRAS[extra] for extra in there if extra not in (*UNTRIED, *TRIED)])
    return [_extra(extra, troubles) for extra in extras]


def _extra(extra: str, troubles: Mapping[str, str | None]) -> Finding:
    topic, module = f"extra {extra}", EXTRAS[extra]
    if not _installed(extra):
        return Finding(topic, f"not installed: pip install 'molvm[{extra}]'")
    if module not in troubles:
        return Finding(topic, "installed")
    trouble = troubles[module]
    return Finding(topic, trouble or "installed, can be imported", ok=trouble is None)


def _trials() -> Iterator[Finding]:
    wanted = [trial for trial in TRIALS if trial.extra is None or _installed(trial.extra)]
    with open_pool(1, time_limit=TRIAL_SECONDS) as pool:
        for trial in wanted:
            yield _check(trial.topic, partial(_outcome, trial, pool))


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


def _outcome(trial: Trial, pool: Pool) -> str:
    """The value of a trial from a worker process.

    Raises:
        RewardError: It failed, or the value is not what it must be.
    """
    reward = parse_reward(trial.reward)
    molecule = _water() if trial.molecule == "water" else Molecule.from_smiles(trial.molecule)
    outcome = pool.score(reward, [molecule])[0] if isinstance(reward, SampleReward) else reward([molecule])[0]
    if outcome.value is None:
        reason = outcome.failure.reason if outcome.failure else ""
        raise RewardError(f"The reward {trial.reward!r} failed: {reason}.", remedy="installing molvm again")
    if not trial.low <= outcome.value <= trial.high:
        raise RewardError(
            f"The reward {trial.reward!r} is {outcome.value:.3f}.", allowed=f"{trial.low} to {trial.high}"
        )
    return f"{outcome.value:.3f} {outcome.unit}".strip()


def _water() -> Molecule:
    return Molecule(
        elements=[8, 1, 1],  # type: ignore[arg-type]
        positions=[[0.0, 0.0, 0.1173], [0.0, 0.7572, -0.4692], [0.0, -0.7572, -0.4692]],  # type: ignore[arg-type]
        formal_charges=[0, 0, 0],  # type: ignore[arg-type]
        bonds=[[0, 1], [0, 2]],  # type: ignore[arg-type]
        orders=[1, 1],  # type: ignore[arg-type]
        id="water",
    )
