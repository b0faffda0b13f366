"""Where a run comes from and how it is made again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from molvm.programs.pasted import pasted
from molvm.reporting.evidence import Evidence
from molvm.runs.config import RunConfig

Row = tuple[str, ...]


def own_settings(config: RunConfig) -> list[Row]:
    """The settings that are not the defaults: name, value, default, meaning."""
    return [
        (f"{section}.{name}", _text(value), _text(default), description)
        for section, name, value, default, description in _settings(config)
        if value != default
    ]


def _settings(config: RunConfig) -> Iterator[tuple[str, str, Any, Any, str]]:
    for section, settings in config:
        if isinstance(settings, BaseModel):
            for name, field in type(settings).model_fields.items():
                yield section, name, getattr(settings, name), field.default, field.description or ""


def _text(value: object) -> str:
    return "unset" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def sessions(evidence: Evidence) -> list[Row]:
    """The stretches of training: begun, ended, how, rounds."""
    return [
        (
            each.started,
            each.ended or "–",
            each.status,
            f"{each.first_iteration} to {'?' if each.iteration is None else each.iteration}",
        )
        for each in evidence.manifest.sessions
    ]


def commands(evidence: Evidence) -> list[Row]:
    """What to type, and what it does."""
    versions, sample = evidence.manifest.versions, pasted("molvm sample", evidence.path)
    # What is behind a plus, such as torch's +cpu, is in no index of packages.
    numbers = {name: number.partition("+")[0] for name, number in versions.items()}
    pinned = " ".join(f"{name}=={number}" for name, number in numbers.items() if name not in ("python", "molvm"))
    train = f"{pasted('molvm train --config', evidence.path / 'resolved.toml')} --out runs/again"
    rows: list[Row] = [
        (f"pip install molvm=={numbers.get('molvm', '')} {pinned}", "the same packages"),
        (f"{sample} -n 100 --score --out samples.sdf", "fresh samples of this run"),
    ]
    if evidence.manifest.makes == "images":
        rows[1] = (f"{sample} -n 100 --score --out samples", "fresh samples of this run")
    if evidence.manifest.reward_is_object:
        return rows
    return [rows[0], (train, "the same run again"), rows[1]]
