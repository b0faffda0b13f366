"""What options mean together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from molvm.errors import ConfigError, ModelError, UnknownNameError

LATER_DATASETS: Final = ("geom", "drugs")
"""Datasets for which no base model can be had yet."""


def base_model(dataset: str | None, model: str | None) -> str | None:
    """The base model that --dataset and --model ask for; None when they ask for none.

    Raises:
        ConfigError: Both are given.
        UnknownNameError: There is no such dataset.
        ModelError: There is no base model of it.
    """
    if dataset is None:
        return model
    if model is not None:
        raise ConfigError("Both --dataset and --model are given.", allowed="one of them")
    from molvm.models.hub import model_names

    names = model_names()
    if dataset in names:
        return dataset
    own = "--model DIRECTORY, with what `molvm pretrain` made"
    if dataset.lower() in LATER_DATASETS or not names:
        raise ModelError(
            f"No base model of the dataset {dataset!r} comes with molvm.", allowed=", ".join(names) or None, remedy=own
        )
    raise UnknownNameError("dataset", dataset, names)


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
