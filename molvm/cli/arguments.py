"""What options mean together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from molvm.errors import ConfigError, UnknownNameError


def base_model(dataset: str | None, model: str | None) -> str | None:
    """The base model that --dataset and --model ask for; None when they ask for none.

    Raises:
        ConfigError: Both are given.
        UnknownNameError: There is no base model of such a dataset.
    """
    if dataset is None:
        return model
    if model is not None:
        raise ConfigError("Both --dataset and --model are given.", allowed="one of them")
    from molvm.models.hub import GEOM, model_names
    from molvm.models.images.published import PUBLISHED_IMAGES

    names = [*model_names(), GEOM, *PUBLISHED_IMAGES]
    if dataset not in names and not Path(dataset).is_dir():
        raise UnknownNameError("dataset", dataset, names)
    return dataset


def only_with_resume(flags: Mapping[str, object]) -> None:
    """Refuse settings that a run has already, but for its number of iterations and where rewards are evaluated.

    Raises:
        ConfigError: One is given.
    """
    given = [name for name, value in flags.items() if value is not None and name not in ("iterations", "workers")]
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ConfigError(
            f"{options} cannot be changed when a run is resumed.",
            allowed="--iterations, --workers",
            remedy="leaving it out; the run's resolved.toml has it",
        )
