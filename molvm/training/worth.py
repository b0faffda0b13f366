"""What outcomes are worth to an objective: a number each, failures at a floor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from molvm.errors import RewardError
from molvm.rewards.base import Direction, Outcome


def worth(outcomes: Sequence[Outcome], direction: Direction, floor: float) -> Tensor:
    """What the objective maximises, float32 of shape (B,): values, or their negatives for a reward to minimise.

    A value that is worse than the floor counts as the floor: a run must never be paid for breaking a valid molecule,
    and the worst of a base batch is not the worst there is.

    Args:
        outcomes: One a sample.
        direction: Which way the reward is better.
        floor: What a failure counts as, in the reward's own unit.
    """
    sign = 1.0 if direction == "maximise" else -1.0
    values = [floor if outcome.value is None else outcome.value for outcome in outcomes]
    return (sign * torch.tensor(values, dtype=torch.float32)).clamp(min=sign * floor)


def frozen_floor(declared: float | None, outcomes: Sequence[Outcome], direction: Direction) -> float:
    """The floor of a run: the declared one, else the worst value of a scored base batch.

    Raises:
        RewardError: None is declared and every outcome failed.
    """
    if declared is not None:
        return declared
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    if not values:
        reasons = Counter(f"{o.failure.stage}: {o.failure.reason}" for o in outcomes if o.failure is not None)
        most = f" Most often: {reasons.most_common(1)[0][0]}." if reasons else ""
        raise RewardError(
            "The reward declares no floor and failed on the whole base batch, so failures cannot be given a worth."
            + most,
            remedy="a reward that scores what is sound, reward.floor, more sampling.steps, or a larger batch",
        )
    return min(values) if direction == "maximise" else max(values)
