"""What both sides are given: the mixture, the rewards, the network, the budget; and how they are asked."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from molvm.errors import DivergenceError
from molvm.values.points import PointValue, PointValueConfig

WEIGHTS, MEANS, DEVIATIONS = (0.5, 0.5), (0.0, 3.0), (1.0, 0.4)
STEPS, BATCH = 100, 128
CONSTANT, FINAL_SHARE, CLIP = 0.1, 0.01, 1.0
"""As in the paper: after a tenth of the iterations the learning rate falls by a cosine, to a hundredth. Gradients are
clipped."""


def network(seed: int) -> PointValue:
    """The value network of both sides, with the same initial weights for the same seed."""
    return PointValue(1, PointValueConfig(width=64, depth=3, octaves=3), seed=seed)


def check_points() -> tuple[Tensor, Tensor]:
    """Points, shape (n, 1), and times, shape (n,), at which both sides must have the same velocity and rewards."""
    x, t = torch.meshgrid(
        torch.linspace(-5, 5, 101, dtype=torch.float64), torch.linspace(0.02, 0.99, 50).double(), indexing="ij"
    )
    return x.reshape(-1, 1), t.reshape(-1)


class Side(Protocol):
    """One library that learns to steer."""

    def learn(self, iterations: int) -> float:
        """Seconds of so many iterations, one after the other."""
        ...

    def sample(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """x₁, r(x₁) and ½∫|u|²dt of samples of what has been learned, each of shape (count,)."""
        ...


def serve(start: Callable[..., Side], checked: Callable[[str], dict[str, Tensor]]) -> None:
    """Answers requests from standard input, a line of JSON each, with a line of JSON.

    Args:
        start: A side from its settings.
        checked: Velocity and rewards at `check_points`.
    """
    torch.set_num_threads(1)
    answers, side = sys.stdout, None
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        with contextlib.redirect_stdout(sys.stderr):
            match request.pop("do"):
                case "check":
                    answer: Any = {name: value.tolist() for name, value in checked(**request).items()}
                case "start":
                    side, answer = start(**request), None
                case "learn":
                    answer = known(side).learn(**request)
                case "sample":
                    answer = sampled(known(side), **request)
        print(json.dumps(answer), file=answers, flush=True)


def sampled(side: Side, count: int) -> list[list[float]]:
    """What the side samples; NaN from a control that diverges."""
    try:
        return [values.flatten().tolist() for values in side.sample(count)]
    except DivergenceError:
        return [[math.nan] * count] * 3


def known(side: Side | None) -> Side:
    assert side is not None, "nothing has been started"
    return side
