"""How far the base model's prediction is from the sample it leads to: one variance a time and modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from molvm.errors import StateError
from molvm.models.base import FlowModel
from molvm.states import State

SPREAD_KEY = "posterior_spread"
"""Of a model's card."""


@dataclass(frozen=True)
class PosteriorSpread:
    """P_t = E|x₁ − x̂₁(x_t, t)|²/d for each modality, d its degrees of freedom: a table, linear in between.

    Args:
        times: Increasing, from 0 to 1.
        variances: Modality to P at those times, not negative; 0 at t = 1.

    Raises:
        StateError: Times or variances that are not so.
    """

    times: tuple[float, ...]
    variances: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        times = np.asarray(self.times)
        if len(times) < 2 or times[0] != 0 or times[-1] != 1 or not (np.diff(times) > 0).all():
            raise StateError(f"A spread has the times {self.times}.", allowed="increasing ones from 0 to 1")
        for name, values in self.variances.items():
            if len(values) != len(times) or not (np.isfinite(values).all() and min(values) >= 0):
                raise StateError(f"A spread has the variances {values} of {name}.", allowed="one a time, from 0")

    def at(self, t: Tensor) -> dict[str, Tensor]:
        """P of each modality, float64 tensors of the shape of t.

        Args:
            t: Times, of any shape.
        """
        return {
            name: torch.as_tensor(np.interp(t.cpu().numpy(), self.times, values), dtype=torch.float64)
            for name, values in self.variances.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"times": list(self.times), "variances": {name: list(each) for name, each in self.variances.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(tuple(values["times"]), {name: tuple(variances) for name, variances in values["variances"].items()})


@torch.no_grad()
def measure_spread(
    model: FlowModel, samples: State, times: Sequence[float], generator: torch.Generator | None = None
) -> PosteriorSpread:
    """The spread of a model, from samples of it that are made noisy again.

    Args:
        model: The base model.
        samples: Points at t = 1 that are distributed as the model's.
        times: Where to measure, increasing, from 0 to below 1. At t = 1 the spread is 0.
        generator: Of the noise.
    """
    measured: dict[str, list[float]] = {name: [] for name in samples.parts}
    for time in times:
        t = torch.full((len(samples),), time, dtype=samples.dtype, device=samples.device)
        x = samples.scale(model.schedules.alpha(t)) + samples.randn_like(generator).scale(model.schedules.beta(t))
        error = model.predict_endpoint(x, t).to(dtype=samples.dtype).project() - samples
        freedom = samples.degrees_of_freedom()
        for name, squared in error.inner_by_modality(error).items():
            measured[name].append(float(squared.sum() / freedom[name].sum()))
    return PosteriorSpread((*times, 1.0), {name: (*values, 0.0) for name, values in measured.items()})
