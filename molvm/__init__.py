"""molvm: steer pretrained molecule generators towards any reward.

Names are imported when they are first used, so that `import molvm` is quick and scoring never loads torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molvm import rewards as rewards
    from molvm.chem.molecule import Molecule as Molecule
    from molvm.errors import MolVMError as MolVMError
    from molvm.evaluation import summarise as evaluate
    from molvm.models.base import FlowModel as FlowModel
    from molvm.models.hub import load_model as load_model
    from molvm.objectives.base import Objective as Objective
    from molvm.reporting.report import report as report
    from molvm.rewards.base import Outcome as Outcome
    from molvm.rewards.base import Reward as Reward
    from molvm.rewards.python import reward as reward
    from molvm.runs.api import resume as resume
    from molvm.runs.api import sample as sample
    from molvm.runs.api import train as train
    from molvm.runs.config import RunConfig as RunConfig
    from molvm.runs.run import Run as Run
    from molvm.runs.samples import SampleSet as SampleSet
    from molvm.runs.scoring import score as score
    from molvm.schedules import Schedule as Schedule
    from molvm.states.base import State as State
    from molvm.values.base import ValueNet as ValueNet

_HOMES = {
    "FlowModel": ("molvm.models.base", "FlowModel"),
    "Molecule": ("molvm.chem.molecule", "Molecule"),
    "MolVMError": ("molvm.errors", "MolVMError"),
    "Objective": ("molvm.objectives.base", "Objective"),
    "Outcome": ("molvm.rewards.base", "Outcome"),
    "Reward": ("molvm.rewards.base", "Reward"),
    "Run": ("molvm.runs.run", "Run"),
    "RunConfig": ("molvm.runs.config", "RunConfig"),
    "SampleSet": ("molvm.runs.samples", "SampleSet"),
    "Schedule": ("molvm.schedules", "Schedule"),
    "State": ("molvm.states.base", "State"),
    "ValueNet": ("molvm.values.base", "ValueNet"),
    "evaluate": ("molvm.evaluation", "summarise"),
    "load_model": ("molvm.models.hub", "load_model"),
    "report": ("molvm.reporting.report", "report"),
    "resume": ("molvm.runs.api", "resume"),
    "reward": ("molvm.rewards.python", "reward"),
    "rewards": ("molvm.rewards", None),
    "sample": ("molvm.runs.api", "sample"),
    "score": ("molvm.runs.scoring", "score"),
    "train": ("molvm.runs.api", "train"),
}
"""Public name to the module and the name within it; None for the module itself."""

__all__ = [
    "FlowModel",
    "MolVMError",
    "Molecule",
    "Objective",
    "Outcome",
    "Reward",
    "Run",
    "RunConfig",
    "SampleSet",
    "Schedule",
    "State",
    "ValueNet",
    "evaluate",
    "load_model",
    "report",
    "resume",
    "reward",
    "rewards",
    "sample",
    "score",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'molvm' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    found = importlib.import_module(module)
    value = found if attribute is None else getattr(found, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, and what every module has; not what it happens to have imported."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
