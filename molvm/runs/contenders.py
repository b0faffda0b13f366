"""Runs as they are compared: what each has recorded, or has made afresh, at its end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from molvm.errors import ConfigError
from molvm.evaluation.intervals import Estimate, mean_interval
from molvm.images.image import Image
from molvm.programs.pasted import pasted
from molvm.runs.directory import RunDirectory
from molvm.runs.groups import LAST, Group, base_and_run, last_rounds, reward_against_kl
from molvm.runs.image_records import ImageRecord
from molvm.runs.manifest import Manifest
from molvm.runs.recorded import RecordedRun
from molvm.runs.records import Record


@dataclass(frozen=True, eq=False)
class Contender:
    """A run as it is compared.

    Args:
        name: Of the run, unlike those of the others.
        manifest: Of the run.
        objective: Its algorithm.
        strength: Its λ.
        process: Number and kind of the steps from noise to data.
        metrics: One an iteration.
        records: Of all iterations.
        base: What its base has made in rounds that nothing steered.
        end: What it makes in the end.
        costs: Independent estimates of the KL of the end from the base, in nats; empty for a run without noise.
        base_images: What the end's images are measured against; empty for molecules.
    """

    name: str
    manifest: Manifest
    objective: str
    strength: float
    process: str
    metrics: Sequence[Mapping[str, Any]]
    records: tuple[Record, ...]
    base: Group
    end: Group
    costs: Sequence[float]
    base_images: Sequence[Image] = ()

    @property
    def sign(self) -> float:
        """1 for a reward to maximise, -1 for one to minimise."""
        return 1.0 if self.manifest.direction == "maximise" else -1.0

    @cached_property
    def kl(self) -> Estimate | None:
        """Of the end from the base, in nats; None for an ODE, whose paths have none."""
        return mean_interval(self.costs, low=0) if self.costs else None

    @cached_property
    def gap(self) -> Estimate | None:
        """The last rounds' estimates of KL(P^u ‖ P*), the distance to p*; None where the run has none."""
        chosen = set(last_rounds(self.metrics))
        gaps = [row["kl_gap"] for row in self.metrics if row["iteration"] in chosen and "kl_gap" in row]
        return mean_interval(gaps, low=0) if gaps else None

    @property
    def seconds(self) -> float:
        """What all rounds took."""
        parts = ("seconds_rollout", "seconds_reward", "seconds_learn")
        return math.fsum(row.get(part, 0.0) for row in self.metrics for part in parts)

    def near(self, kl: float) -> tuple[Sequence[Record], float]:
        """The samples of the rounds that were nearest to a KL, as many rounds as make an end; and their mean KL.

        Of a run without KL there are none.
        """
        if self.kl is None:
            return (), math.nan
        if kl == self.kl.value or not last_rounds(self.metrics):
            return self.end.records, self.kl.value
        rounds = sorted(reward_against_kl(self.name, self.metrics), key=lambda row: abs(row["kl"] - kl))
        chosen = rounds[: len(last_rounds(self.metrics))]
        places = {row["iteration"] for row in chosen}
        kept = [record for record in self.records if record.iteration in places]
        return kept, math.fsum(row["kl"] for row in chosen) / len(chosen)


@dataclass(frozen=True)
class Fresh:
    """Samples drawn for a comparison.

    Args:
        records: What the run makes in the end.
        costs: What the path of each has cost, in nats; empty without noise.
        base_images: What its base makes of other noise; empty for molecules.
    """

    records: tuple[Record, ...]
    costs: tuple[float, ...]
    base_images: tuple[Image, ...] = ()


def contender(run: RecordedRun, fresh: Fresh | None = None) -> Contender:
    """What a run has recorded, of which the end is the last quarter of its steered rounds.

    Args:
        run: The run.
        fresh: What is made in the end, instead of what was recorded.

    Raises:
        InputFileError: A file is damaged.
        ConfigError: It has no round, or none that it steered, and nothing fresh.
    """
    manifest, config, metrics = run.manifest, run.config, run.store.metrics()
    if not metrics or manifest.floor is None:
        raise ConfigError(
            f"The run {run.directory.path} has no finished round.",
            remedy=f"`{pasted('molvm train --resume', run.directory.path)}`",
        )
    records = tuple(run.store.records())
    base, end = base_and_run(run.name, metrics, records, LAST)
    chosen = set(last_rounds(metrics, LAST))
    costs = [row["kl"] for row in metrics if row["iteration"] in chosen and "kl" in row]
    base_images = tuple(record.image for record in base.records if isinstance(record, ImageRecord))
    if fresh is not None:
        end, costs = Group(run.name, fresh.records), list(fresh.costs)
        base_images = fresh.base_images or base_images
    if not end.records and all(record.value is None for record in records):
        raise ConfigError(
            f"All {len(records)} recorded samples of the run {run.directory.path} have failed{_most(records)}, so that "
            "it has learned nothing and has steered no sample.",
            remedy="a reward that scores what the base makes, or more sampling.steps",
        )
    if not end.records:
        raise ConfigError(
            f"The run {run.directory.path} has recorded samples of its base alone, from which "
            f"{config.objective.name} learns.",
            remedy="--count 200: fresh samples of each run, drawn and scored",
        )
    return Contender(
        run.name,
        manifest,
        config.objective.name,
        config.training.strength,
        run.process,
        metrics,
        records,
        base,
        end,
        costs,
        base_images,
    )


def _most(records: Sequence[Record]) -> str:
    """Where most of them have failed, if they say."""
    stages = Counter(record.stage for record in records if record.stage is not None)
    return f", most at {stages.most_common(1)[0][0]!r}" if stages else ""


def recorded_runs(paths: Sequence[Path]) -> list[RecordedRun]:
    """The runs in these directories, by the shortest names that tell them apart, if they have one base.

    Raises:
        ConfigError: There are fewer than two, one is there twice, or bases differ.
        InputFileError: There is no run.
    """
    if len(paths) < 2:
        raise ConfigError(f"There is {len(paths)} run to compare.", allowed="two or more")
    for path, count in Counter(path.resolve() for path in paths).items():
        if count > 1:
            raise ConfigError(f"The run {path} is given {count} times.", remedy="each run once")
    directories = [RunDirectory(path) for path in paths]
    for directory in directories:
        directory.require_run()
    short = Counter(path.resolve().name for path in paths)
    names = [path.resolve().name if short[path.resolve().name] == 1 else str(path) for path in paths]
    runs = [RecordedRun(name, directory) for name, directory in zip(names, directories, strict=True)]
    _require_one_base(runs)
    return runs


def _require_one_base(runs: Sequence[RecordedRun]) -> None:
    first = runs[0].manifest
    for run in runs[1:]:
        mine = run.manifest
        if (mine.model, mine.model_sha256) != (first.model, first.model_sha256):
            other = f"{mine.model!r}" if mine.model != first.model else f"{mine.model!r} of other weights"
            raise ConfigError(
                f"The run {runs[0].name} adapts the base {first.model!r} and {run.name} the base {other}: their KL is "
                "counted from different laws.",
                remedy="runs of one base; or `molvm sample` from each, and `molvm evaluate` of the files",
            )
        for setting in ("prompts", "classes", "guidance_scale"):
            asked, other = (getattr(each.config.model, setting) for each in (runs[0], run))
            if asked != other:
                raise ConfigError(
                    f"The run {runs[0].name} has the {setting.replace('_', ' ')} {_shown(asked)} and {run.name} "
                    f"{_shown(other)}, which are a part of the base: their KL is counted from different laws.",
                    remedy="runs that were asked for the same; or `molvm evaluate` of each",
                )


def require_one_reward(runs: Sequence[RecordedRun]) -> None:
    """Refuse to put numbers of different rewards side by side.

    Raises:
        ConfigError: Rewards, their units or directions differ.
    """
    first = runs[0]
    for run in runs[1:]:
        for what in ("reward", "unit", "direction"):
            mine, its = (getattr(each.manifest, what) for each in (first, run))
            if mine != its:
                images = " --images FILE.png draws them all the same;" if first.manifest.makes == "images" else ""
                raise ConfigError(
                    f"The run {first.name} has the {what} {mine!r} and {run.name} {its!r}: their numbers do not "
                    "measure the same.",
                    remedy=f"runs of one reward;{images} or `molvm sample` from each and `molvm score --reward` of the "
                    "files",
                )


def _shown(asked: object) -> str:
    return f"{asked!r:.80}" if asked != () else "of all"
