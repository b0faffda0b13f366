"""What options mean together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from molvm.errors import ConfigError, UnknownNameError

LATER_DATASETS: Final = ("geom",)
"""Datasets of the papers for which no base model can be had yet."""


def base_model(dataset: str | None, model: str | None) -> str | None:
    """The base model that --dataset and --model ask for; None when they ask for none.

    Raises:
        ConfigError: Both are given.
        UnknownNameError: No model of that dataset is bundled.
    """
    if dataset is None:
        return model
    if model is not None:
        raise ConfigError("Both --dataset and --model are given.", allowed="one of them")
    from molvm.models.hub import model_names

    names = model_names()
    if dataset in names:
        return dataset
    remedy = None
    if dataset.lower() in LATER_DATASETS:
        remedy = f"--dataset {names[0]}" if names else "--model DIRECTORY"
        remedy += f" (weights for {dataset} are not bundled)"
    elif not names:
        remedy = "--model DIRECTORY, with what `molvm pretrain` made"
    raise UnknownNameError("dataset with a base model", dataset, names, remedy=remedy)


def only_with_resume(flags: Mapping[str, object]) -> None:
    """Refuse settings that a run has already, but for its number of iterations.

    Raises:
        ConfigError: One is given.
    """
    given = [name for name, value in flags.items() if value is not None and name != "iterations"]
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ConfigError(
            f"{options} cannot be changed when a run is resumed.",
            allowed="--iterations",
            remedy="leaving it out; the run's resolved.toml has it",
        )
