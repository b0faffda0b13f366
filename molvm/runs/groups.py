"""What a run and its base have made, and how much reward it got for how many nats: what comparisons are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from molvm.evaluation.intervals import Estimate, mean_interval, wilson
from molvm.runs.records import Record

BASE: Final = "base"

LAST: Final = 0.25
"""Share of a run's steered rounds, counted from the end, that stands for what it has become."""


@dataclass(frozen=True)
class Group:
    """Samples that one thing has made.

    Args:
        name: Of the run, or `BASE` with the model.
        records: Its samples.
    """

    name: str
    records: tuple[Record, ...]

    @property
    def values(self) -> list[float]:
        """The rewards of those that have one."""
        return [record.value for record in self.records if record.value is not None]

    @property
    def mean(self) -> Estimate | None:
        """The mean reward with Student's interval; None without a value."""
        return mean_interval(self.values) if self.values else None

    @property
    def failed(self) -> Estimate | None:
        """The share of failures with Wilson's interval; None without samples."""
        if not self.records:
            return None
        return wilson(sum(record.failure is not None for record in self.records), len(self.records))

    @property
    def distinct(self) -> float | None:
        """Different samples, by their keys, over those that have one; None without any."""
        keys = [record.key for record in self.records if record.key is not None]
        return len(set(keys)) / len(keys) if keys else None


def unsteered(metrics: Iterable[Mapping[str, Any]]) -> list[int]:
    """The iterations whose samples the base alone has made: what moves them, KL or added velocity, is zero."""
    return [int(row["iteration"]) for row in metrics if row.get("kl", row.get("velocity_cost")) == 0]


def last_rounds(metrics: Sequence[Mapping[str, Any]], last: float = LAST) -> list[int]:
    """The last of the steered iterations, in order; none if none was steered.

    Args:
        metrics: One an iteration.
        last: Share of the steered iterations, from the end.
    """
    free = set(unsteered(metrics))
    steered = sorted(int(row["iteration"]) for row in metrics if int(row["iteration"]) not in free)
    return steered[-max(1, math.ceil(last * len(steered))) :] if steered else []


def rounds_of_groups(metrics: Sequence[Mapping[str, Any]], last: float = LAST) -> frozenset[int]:
    """The iterations whose samples `base_and_run` needs; what lies between need not be read."""
    return frozenset([*unsteered(metrics), *last_rounds(metrics, last)])


def base_and_run(
    name: str, metrics: Sequence[Mapping[str, Any]], records: Iterable[Record], last: float = LAST
) -> tuple[Group, Group]:
    """What the base has made within a run, and what the run has made at its end.

    Args:
        name: Of the run.
        metrics: One an iteration.
        records: Of all iterations, or of `rounds_of_groups`.
        last: Share of the steered iterations, from the end.
    """
    free, chosen, kept = set(unsteered(metrics)), set(last_rounds(metrics, last)), list(records)
    return (
        Group(BASE, tuple(record for record in kept if record.iteration in free)),
        Group(name, tuple(record for record in kept if record.iteration in chosen)),
    )


def reward_against_kl(name: str, metrics: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row an iteration: run, iteration, kl in nats, reward."""
    return [
        {"run": name, "iteration": int(row["iteration"]), "kl": float(row["kl"]), "reward": float(row["reward"])}
        for row in metrics
        if _finite(row.get("kl")) and _finite(row.get("reward"))
    ]


def pareto(points: Sequence[Mapping[str, Any]], *, maximise: bool = True) -> list[Mapping[str, Any]]:
    """The points of which no other has as much reward for as few nats, by rising KL.

    Args:
        points: With kl and reward.
        maximise: Which way the reward is better.
    """
    sign = 1.0 if maximise else -1.0
    front: list[Mapping[str, Any]] = []
    for point in sorted(points, key=lambda each: (each["kl"], -sign * each["reward"])):
        if not front or sign * point["reward"] > sign * front[-1]["reward"]:
            front.append(point)
    return front


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
