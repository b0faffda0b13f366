"""The settings that commands and verbs have arguments for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from molvm.errors import UnknownNameError
from molvm.rewards.workers import Workers
from molvm.runs.config import LOGGERS


def settings_layer(
    *,
    model: str | None = None,
    prompts: Path | str | Sequence[str] | None = None,
    classes: str | Sequence[str] | None = None,
    guidance_scale: float | None = None,
    device: str | None = None,
    offload: bool | None = None,
    reward: str | None = None,
    objective: str | None = None,
    strength: float | None = None,
    iterations: int | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    value_size: str | None = None,
    head_start: int | None = None,
    seed: int | None = None,
    workers: Workers | None = None,
    log: Sequence[str] | None = None,
    out: Path | str | None = None,
) -> dict[str, Any]:
    """The settings that are used most, in the sections of `RunConfig`; those that are None are left out.

    Raises:
        UnknownNameError: There is no logger of a name in `log`.
    """
    for name in log or ():
        if name not in LOGGERS:
            raise UnknownNameError("logger", name, LOGGERS)
    sections: dict[str, dict[str, Any]] = {
        "model": {
            "name": model,
            "prompts": str(prompts) if isinstance(prompts, Path) else prompts,
            "classes": classes,
            "guidance_scale": guidance_scale,
            "device": device,
            "offload": offload,
        },
        "reward": {"name": reward, "workers": workers},
        "objective": {"name": objective and objective.replace("-", "_")},
        "sampling": {"steps": steps},
        "value": {"size": value_size},
        "head_start": {"molecules": head_start},
        "logging": dict.fromkeys(log or (), True),
        "training": {"strength": strength, "iterations": iterations, "batch_size": batch_size, "seed": seed},
    }
    layer: dict[str, Any] = {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in sections.items()
        if any(value is not None for value in values.values())
    }
    return layer if out is None else {**layer, "out": Path(out)}
