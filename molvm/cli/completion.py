"""Names that a shell completes (`molvm --install-completion`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

SAMPLING_METHODS: Final = ("svdd", "feynman-kac", "best-of")
TRANSITIONS: Final = ("euler_maruyama", "analytic_variance", "ddim")
ELSEWHERE: Final = ("geom", "dit", "sd15", "sd2", "sd3", "cifar")
"""Written down here, because what knows them imports torch, which takes longer than a shell's user waits."""


def rewards(incomplete: str) -> list[str]:
    """The rewards that begin so."""
    from molvm.rewards.registry import reward_names

    return _beginning(reward_names(), incomplete)


def models(incomplete: str) -> list[str]:
    """The base models that begin so, and folders, which may hold one."""
    from molvm.studio.base_models import offered_models

    return _beginning(sorted(offered_models()), incomplete) + _folders(incomplete)


def training_bases(incomplete: str) -> list[str]:
    """The names that `molvm train --dataset` knows and that begin so, and folders."""
    from molvm.studio.base_models import offered_models

    return _beginning(sorted({*offered_models(), *ELSEWHERE}), incomplete) + _folders(incomplete)


def sources(incomplete: str) -> list[str]:
    """What can be sampled or measured: base models, runs and files."""
    from molvm.studio.base_models import offered_models

    return _beginning(sorted(offered_models()), incomplete) + _paths(incomplete)


def datasets(incomplete: str) -> list[str]:
    """The datasets that begin so."""
    from molvm.datasets.registry import DATASET_NAMES

    return _beginning(DATASET_NAMES, incomplete)


def objectives(incomplete: str) -> list[str]:
    """The algorithms that begin so, as --objective spells them."""
    from molvm.runs.objective_sections import OBJECTIVES

    return _beginning((name.replace("_", "-") for name in OBJECTIVES), incomplete)


def methods(incomplete: str) -> list[str]:
    """The methods of sampling without training that begin so."""
    return _beginning(SAMPLING_METHODS, incomplete)


def transitions(incomplete: str) -> list[str]:
    """The kinds of steps that begin so."""
    return _beginning(TRANSITIONS, incomplete)


def recipes(incomplete: str) -> list[str]:
    """The recipes that begin so."""
    from molvm.runs.recipes import recipe_names

    return _beginning(recipe_names(), incomplete)


def settings(incomplete: str) -> list[str]:
    """The settings that begin so, section.key=, those of all algorithms."""
    from molvm.runs.config import RunConfig
    from molvm.runs.objective_sections import OBJECTIVES
    from molvm.runs.section import Section

    found = {f"objective.{key}=" for kind in OBJECTIVES.values() for key in kind.model_fields}
    for name, field in RunConfig.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= {f"{name}.{key}=" for key in field.annotation.model_fields}
    return _beginning(sorted(found), incomplete)


def value_sizes(incomplete: str) -> list[str]:
    """The sizes of value networks that begin so."""
    from typing import get_args

    from molvm.runs.config import ValueSize

    return _beginning(get_args(ValueSize), incomplete)


def loggers(incomplete: str) -> list[str]:
    """The loggers that begin so."""
    from molvm.runs.config import LOGGERS

    return _beginning(LOGGERS, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _folders(incomplete: str) -> list[str]:
    return [path for path in _paths(incomplete) if path.endswith("/")]


def _paths(incomplete: str) -> list[str]:
    """Paths that begin so, folders with a slash; hidden ones if they are asked for."""
    folder, slash, begun = incomplete.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    shown = [path for path in found if path.name.startswith(begun) and (begun or not path.name.startswith("."))]
    return [folder + slash + path.name + ("/" if path.is_dir() else "") for path in shown]
