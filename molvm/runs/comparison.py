"""Runs of one reward on one base, side by side: what each got, for how many nats, rewards and seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from molvm.chem.validity import is_valid_and_connected
from molvm.evaluation.images.features import Extractor, PixelExtractor
from molvm.evaluation.images.summary import Distance
from molvm.evaluation.intervals import Estimate, mean_difference, mean_interval, mean_of_pairs, wilson
from molvm.runs.base_distance import base_distance
from molvm.runs.contenders import Contender
from molvm.runs.groups import pareto, reward_against_kl
from molvm.runs.molecule_records import MoleculeRecord
from molvm.runs.records import Record

MOST_PAIRED: Final = 500
"""Samples whose pairs are looked at for the diversity."""


@dataclass(frozen=True)
class Row:
    """One run in the comparison; intervals are of 95 %.

    Attributes:
        run: Its name.
        objective: Its algorithm.
        strength: Its λ.
        process: Number and kind of the steps from noise to data.
        rounds: Finished ones.
        calls: Samples that the reward was asked about in training, those of a head start included.
        seconds: That the rounds took.
        samples: Of the end.
        reward: Mean of the end, failures at the worst floor of the runs.
        reward_scored: Mean of those that have a reward.
        kl: Of the end from the base, in nats; None for an ODE, whose paths have none.
        reward_at_kl: Mean reward, counted likewise, of the rounds nearest to the KL that all runs have reached; None
            without KL.
        kl_there: Mean KL of those rounds; None without.
        gain_per_call: What the end has more than the base, in the better direction, by reward calls; None without base.
        gain_per_second: The same by seconds.
        diversity: Mean distance of two samples of the end, 0 to 1: Tanimoto of molecules, pixels of images.
        distinct: Share of different ones among the samples of the end.
        valid: Share of strictly valid molecules in one piece; None for images.
        failures: Share without a reward.
        gap: Estimate of KL(P^u ‖ P*) in nats, for the run's own λ; None where the run has none.
        distance: Fréchet's, of images from those of the base; None of molecules, and without two images of each.
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
    kl: Estimate | None
    reward_at_kl: Estimate | None
    kl_there: float | None
    gain_per_call: Estimate | None
    gain_per_second: Estimate | None
    diversity: Estimate | None
    distinct: float | None
    valid: Estimate | None
    failures: Estimate | None
    gap: Estimate | None
    distance: Distance | None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Args:
        model: The base of all.
        reward: The reward of all.
        unit: Of the reward.
        direction: Which way it is better.
        floor: What failures count as here: the worst floor of the runs.
        kl: The largest KL that all of those that have one have reached, in nats; None if none has.
        rows: One a run.
        points: Run, iteration, KL and reward of each round.
        front: Those points of which no other has as much reward for as few nats.
    """

    model: str
    reward: str
    unit: str
    direction: str
    floor: float
    kl: float | None
    rows: tuple[Row, ...]
    points: tuple[Mapping[str, Any], ...]
    front: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; an end of an interval that nothing bounds is None."""
        found: dict[str, Any] = _finite(asdict(self))
        return found


def compare(contenders: Sequence[Contender], features: Extractor | None = None) -> Comparison:
    """Puts runs that `recorded_runs` lets pass side by side.

    Args:
        contenders: Two or more.
        features: What describes images for their distance from the base's; pixels by default.

    Raises:
        ImageError: The features are of other images.
    """
    first = contenders[0]
    floors = [each.manifest.floor for each in contenders if each.manifest.floor is not None]
    floor = first.sign * min(first.sign * each for each in floors)
    kl = min((each.kl.value for each in contenders if each.kl is not None), default=None)
    points = [point for each in contenders for point in reward_against_kl(each.name, each.metrics)]
    return Comparison(
        model=first.manifest.model,
        reward=first.manifest.reward,
        unit=first.manifest.unit,
        direction=first.manifest.direction,
        floor=floor,
        kl=kl,
        rows=tuple(_row(each, floor, kl, features or PixelExtractor()) for each in contenders),
        points=tuple(points),
        front=tuple(pareto(points, maximise=first.sign > 0)),
    )


def _row(mine: Contender, floor: float, kl: float | None, features: Extractor) -> Row:
    end = _credited(mine.end.records, floor, mine.sign)
    there, kl_there = mine.near(math.nan if kl is None else kl)
    gain = mean_difference(end, base) if (base := _credited(mine.base.records, floor, mine.sign)) else None
    calls = len(mine.records) + int((mine.manifest.head_start or {}).get("molecules", 0))
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
        reward_at_kl=mean_interval(_credited(there, floor, mine.sign)) if there else None,
        kl_there=kl_there if there else None,
        gain_per_call=None if gain is None else _scaled(gain, mine.sign / calls),
        gain_per_second=None if gain is None or mine.seconds == 0 else _scaled(gain, mine.sign / mine.seconds),
        diversity=_diversity(mine.end.records),
        distinct=mine.end.distinct,
        valid=_valid(mine.end.records),
        failures=mine.end.failed,
        gap=mine.gap,
        distance=base_distance(mine.end.records, mine.base_images, features),
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
