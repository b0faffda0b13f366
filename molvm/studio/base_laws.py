"""The laws of the bases of several runs: which samples of them may be put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from molvm.chem.molecule import Molecule
from molvm.images.image import Image
from molvm.rewards.base import Sample
from molvm.runs.groups import BASE, Group
from molvm.runs.recorded import RecordedRun
from molvm.runs.records import Record


@dataclass(frozen=True)
class Law:
    """What a run's samples of its base are drawn from and valued by; only those of one law may be put together.

    Args:
        reward: Its name, unit and direction.
        base: The model, its weights, and what it was asked for.
        process: Number and kind of the steps from noise to data.
    """

    reward: tuple[str, ...]
    base: tuple[object, ...]
    process: str


def law_of(run: RecordedRun) -> Law:
    """The law of a run's base.

    Raises:
        InputFileError: The run cannot be read.
        ConfigError: Its settings are none.
    """
    manifest, model = run.manifest, run.config.model
    return Law(
        (manifest.reward, manifest.unit, manifest.direction),
        (manifest.model, manifest.model_sha256, model.prompts, model.classes, model.guidance_scale),
        run.process,
    )


def incomparable(names: Sequence[str], laws: Sequence[Law]) -> dict[str, str]:
    """The runs whose reward is not that of the first, and which it is: no axis is theirs too."""
    return {name: told_of(law) for name, law in zip(names, laws, strict=True) if law.reward != laws[0].reward}


def told_of(law: Law) -> str:
    """A run's reward, and which way it is better."""
    reward, unit, direction = law.reward
    return f"{reward}{f' in {unit}' if unit else ''}, to be {direction}d"


def cautions(names: Sequence[str], laws: Sequence[Law]) -> list[str]:
    """Why runs of these laws, which have one reward, can be compared but not quite."""
    told = []
    if len({law.base for law in laws}) > 1:
        told.append("These runs adapt different bases; their KL is counted from different laws.")
    if len({law.process for law in laws}) > 1:
        said = "; ".join(f"{name}: {law.process}" for name, law in zip(names, laws, strict=True))
        told.append(
            f"These runs simulate their base differently, and other steps make a slightly different law. {said}."
        )
    return told


def bases(laws: Sequence[Law], found: Sequence[tuple[Group, Group]]) -> list[Group]:
    """The bases of runs: one if all have the same law, else one a law, called after its runs.

    Runs of one seed have made the same samples of their base, which count once.

    Args:
        laws: One a run.
        found: What `base_and_run` has found of each.
    """
    together: dict[Law, list[tuple[Group, Group]]] = {}
    for law, pair in zip(laws, found, strict=True):
        together.setdefault(law, []).append(pair)
    groups = []
    for pairs in together.values():
        name = BASE if len(together) == 1 else f"{BASE} of {', '.join(steered.name for _, steered in pairs)}"
        once: dict[tuple[str, bytes], Record] = {}
        for free, _ in pairs:
            for record in free.records:
                once.setdefault(_content(record.sample), record)
        groups.append(Group(name, tuple(once.values())))
    return groups


def _content(sample: Sample) -> tuple[str, bytes]:
    """The name within its run, and what was made."""
    if isinstance(sample, Molecule):
        return sample.id, sample.elements.tobytes() + sample.positions.tobytes()
    return sample.id, cast(Image, sample).pixels.tobytes()
