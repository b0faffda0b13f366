"""What samples can be drawn from: a run or a base model."""

from __future__ import annotations

from pathlib import Path

from molvm.errors import ConfigError, UnknownNameError
from molvm.models.base import BaseModel
from molvm.models.hub import load_model
from molvm.models.images.placement import Placement
from molvm.runs.assembly import conditioning_of
from molvm.runs.config import ModelSection
from molvm.runs.directory import RunDirectory
from molvm.runs.run import Run


def open_source(name: Path | str, model: ModelSection | None = None) -> Run | BaseModel:
    """The run in a directory, or the base model of a name.

    Args:
        name: Of either.
        model: Prompts, classes and guidance of a base model of images, those of its prompts or classes that a run is to
            show, and where the base model of either computes.

    Raises:
        UnknownNameError: Neither.
        ConfigError: A run is given a guidance scale, which it has, or has not learned of a prompt or class.
        ModelError: There is no such device.
    """
    asked = model or ModelSection()
    if not RunDirectory(Path(name)).is_run:
        _require_path(name)
        return load_model(
            name, conditioning=conditioning_of(asked), placement=Placement(asked.device, offload=asked.offload)
        )
    run = Run.open(name)
    run.compute_on(**asked.model_dump(include=asked.model_fields_set & {"device", "offload"}))
    if asked.guidance_scale != ModelSection().guidance_scale:
        raise ConfigError(f"The run {name} has its guidance scale.", remedy="leaving it out, or a base model")
    if asked.prompts or asked.classes:
        run.show(asked.prompts or asked.classes)
    return run


def _require_path(name: Path | str) -> None:
    """Refuse what can only be meant as a path, and is none, with the runs beside it.

    Raises:
        UnknownNameError: There is nothing.
    """
    path = Path(name).expanduser()
    if path.exists() or str(name) == path.name:
        return
    runs = [each.name for each in path.parent.glob("*") if RunDirectory(each).is_run]
    remedy = None if runs else "the directory of a run, or a name that `molvm models list` gives"
    raise UnknownNameError(f"run or base model in {path.parent}", path.name, runs, remedy=remedy)
