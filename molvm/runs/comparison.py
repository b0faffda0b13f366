"""Runs of one reward on one base, side by side: what each got, for how many nats, rewards and seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from molvm.chem.validity import is_valid_and_connected
from molvm.errors import ConfigError
from molvm.evaluation.intervals import Estimate, mean_difference, mean_interval, mean_of_pairs, wilson
from molvm.programs.pasted import pasted
from molvm.runs.directory import RunDirectory
from molvm.runs.groups import LAST, Group, base_and_run, last_rounds, pareto, reward_against_kl
from molvm.runs.manifest import Manifest
from molvm.runs.molecule_records import MoleculeRecord
from molvm.runs.recorded import RecordedRun
from molvm.runs.records import Record

MOST_PAIRED: Final = 500
"""Samples whose pairs are looked at for the diversity."""


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
        costs: Independent estimates of the KL of the end from the base, in nats.
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

    @property
    def sign(self) -> float:
        """1 for a reward to maximise, -1 for one to minimise."""
        return 1.0 if self.manifest.direction == "maximise" else -1.0

    @cached_property
    def kl(self) -> Estimate:
        """Of the end from the base, in nats."""
        return mean_interval(self.costs, low=0)

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
        """The samples of the rounds that were nearest to a KL, as many rounds as make an end; and their mean KL."""
        if kl == self.kl.value or not last_rounds(self.metrics):
            return self.end.records, self.kl.value
        rounds = sorted(reward_against_kl(self.name, self.metrics), key=lambda row: abs(row["kl"] - kl))
        chosen = rounds[: len(last_rounds(self.metrics))]
        places = {row["iteration"] for row in chosen}
        kept = [record for record in self.records if record.iteration in places]
        return kept, math.fsum(row["kl"] for row in chosen) / len(chosen)


def contender(run: RecordedRun, fresh: tuple[Sequence[Record], Sequence[float]] | None = None) -> Contender:
    """What a run has recorded, of which the end is the last quarter of its steered rounds.

    Args:
        run: The run.
        fresh: Samples of what it makes in the end and what the path of each has cost, instead of the recorded ones.

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
    costs = [row["kl"] for row in metrics if row["iteration"] in chosen]
    if fresh is not None:
        end, costs = Group(run.name, tuple(fresh[0])), list(fresh[1])
    if not end.records:
        raise ConfigError(
            f"The run {run.directory.path} has recorded samples of its base alone, from which "
            f"{config.objective.name} learns.",
            remedy="--count 200: fresh samples of each run, drawn and scored",
        )
    sampling = config.sampling
    process = f"{sampling.steps} steps, {sampling.transition}"
    return Contender(
        run.name,
        manifest,
        config.objective.name,
        config.training.strength,
        process,
        metrics,
        records,
        base,
        end,
        costs,
    )


def recorded_runs(paths: Sequence[Path]) -> list[RecordedRun]:
    """The runs in these directories, by the shortest names that tell them apart, if they can be compared.

    Raises:
        ConfigError: There are fewer than two, one is there twice, or rewards or bases differ.
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
    _require_comparable(runs)
    return runs


def _require_comparable(runs: Sequence[RecordedRun]) -> None:
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
        for what in ("reward", "unit", "direction"):
            if getattr(mine, what) != getattr(first, what):
                raise ConfigError(
                    f"The run {runs[0].name} has the {what} {getattr(first, what)!r} and {run.name} "
                    f"{getattr(mine, what)!r}: their numbers do not measure the same.",
                    remedy="runs of one reward; or `molvm sample` from each and `molvm score --reward` of the files",
                )


@dataclass(frozen=True)
class Row:
    """One run in the comparison; intervals are of 95 %.

    Attributes:
        run: Its name.
        objective: Its algorithm.
        strength: Its λ.
        process: Number and kind of the steps from noise to data.
        rounds: Finished ones.
        calls: Samples that the reward was asked about in training.
        seconds: That the rounds took.
        samples: Of the end.
        reward: Mean of the end, failures at the worst floor of the runs.
        reward_scored: Mean of those that have a reward.
        kl: Of the end from the base, in nats.
        reward_at_kl: Mean reward, counted likewise, of the rounds nearest to the KL that all runs have reached.
        kl_there: Mean KL of those rounds.
        gain_per_call: What the end has more than the base, in the better direction, by reward calls; None without base.
        gain_per_second: The same by seconds.
        diversity: Mean distance of two samples of the end, 0 to 1: Tanimoto of molecules, pixels of images.
        distinct: Share of different ones among the samples of the end.
        valid: Share of strictly valid molecules in one piece; None for images.
        failures: Share without a reward.
        gap: Estimate of KL(P^u ‖ P*) in nats, for the run's own λ; None where the run has none.
    """

    run: str
    objective: str
    strength: float
    process: str
    rounds: int
    calls: int
    seconds: float
    samples: int
    reward: Estimate
    reward_scored: Estimate | None
    kl: Estimate
    reward_at_kl: Estimate
    kl_there: float
    gain_per_call: Estimate | None
    gain_per_second: Estimate | None
    diversity: Estimate | None
    distinct: float | None
    valid: Estimate | None
    failures: Estimate | None
    gap: Estimate | None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Args:
        model: The base of all.
        reward: The reward of all.
        unit: Of the reward.
        direction: Which way it is better.
        floor: What failures count as here: the worst floor of the runs.
        kl: The largest KL that all of them have reached, in nats.
        rows: One a run.
        points: Run, iteration, KL and reward of each round.
        front: Those points of which no other has as much reward for as few nats.
    """

    model: str
    reward: str
    unit: str
    direction: str
    floor: float
    kl: float
    rows: tuple[Row, ...]
    points: tuple[Mapping[str, Any], ...]
    front: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; an end of an interval that nothing bounds is None."""
        found: dict[str, Any] = _finite(asdict(self))
        return found


def compare(contenders: Sequence[Contender]) -> Comparison:
    """Puts runs that `recorded_runs` lets pass side by side."""
    first = contenders[0]
    floors = [each.manifest.floor for each in contenders if each.manifest.floor is not None]
    floor = first.sign * min(first.sign * each for each in floors)
    kl = min(each.kl.value for each in contenders)
    points = [point for each in contenders for point in reward_against_kl(each.name, each.metrics)]
    return Comparison(
        model=first.manifest.model,
        reward=first.manifest.reward,
        unit=first.manifest.unit,
        direction=first.manifest.direction,
        floor=floor,
        kl=kl,
        rows=tuple(_row(each, floor, kl) for each in contenders),
        points=tuple(points),
        front=tuple(pareto(points, maximise=first.sign > 0)),
    )


def _row(mine: Contender, floor: float, kl: float) -> Row:
    end = _credited(mine.end.records, floor, mine.sign)
    there, kl_there = mine.near(kl)
    gain = mean_difference(end, base) if (base := _credited(mine.base.records, floor, mine.sign)) else None
    calls = len(mine.records)
    return Row(
        run=mine.name,
        objective=mine.objective,
        strength=mine.strength,
        process=mine.process,
        rounds=len(mine.metrics),
        calls=calls,
        seconds=mine.seconds,
        samples=len(end),
        reward=mean_interval(end),
        reward_scored=mine.end.mean,
        kl=mine.kl,
        reward_at_kl=mean_interval(_credited(there, floor, mine.sign)),
        kl_there=kl_there,
        gain_per_call=None if gain is None else _scaled(gain, mine.sign / calls),
        gain_per_second=None if gain is None or mine.seconds == 0 else _scaled(gain, mine.sign / mine.seconds),
        diversity=_diversity(mine.end.records),
        distinct=mine.end.distinct,
        valid=_valid(mine.end.records),
        failures=mine.end.failed,
        gap=mine.gap,
    )


def _credited(records: Sequence[Record], floor: float, sign: float) -> list[float]:
    """Rewards in their own sense; failures, and what is worse than the floor, at the floor."""
    values = [floor if record.value is None else record.value for record in records]
    return [sign * max(sign * value, sign * floor) for value in values]


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    low, high = sorted((factor * estimate.low, factor * estimate.high))
    return Estimate(factor * estimate.value, low, high, estimate.count)


def _diversity(records: Sequence[Record]) -> Estimate | None:
    keyed = [record for record in records if record.key is not None]
    chosen = keyed[:: max(1, -(-len(keyed) // MOST_PAIRED))]
    return mean_of_pairs(type(chosen[0]).distances(chosen)) if len(chosen) > 1 else None


def _valid(records: Sequence[Record]) -> Estimate | None:
    molecules = [record.molecule for record in records if isinstance(record, MoleculeRecord)]
    return wilson(sum(map(is_valid_and_connected, molecules)), len(molecules)) if molecules else None


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
