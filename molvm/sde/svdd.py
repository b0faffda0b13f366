"""SVDD: soft value-based decoding, which steers by choosing among candidates at every step.

From x_k the base proposes M states x_{k+1}; one goes on, drawn in proportion to the exponential of its soft value. In
the limit of many candidates, and with the exact value, that is the optimal control's transition, so the samples obey
p* ∝ p exp(λr). Nothing is trained and no gradient is taken (Li, Zhao, Wang, Scalia, Eraslan, Nair, Biancalani, Ji,
Regev, Levine, Uehara, "Derivative-free guidance in continuous and discrete diffusion models with soft value-based
decoding", 2024, Alg. 1).

The published programs take the best candidate, which is the limit of a large λ whatever λ is, and leave the last step
alone. Here the last step is steered like any other: it has noise, and p* needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.base import FlowModel
from molvm.sde.soft_value import SoftValue
from molvm.sde.transition import Stepper
from molvm.states import State

Pick = Literal["softmax", "argmax"]


@dataclass(frozen=True)
class SvddOptions:
    """How SVDD is run.

    Args:
        particles: M candidates a step; the published programs take 10 for molecules and 20 for images.
        pick: "softmax", which aims at p*, or "argmax", which the published programs take and which does not.

    Raises:
        ConfigError: Fewer than two candidates, or an unknown way to pick.
    """

    particles: int = 10
    pick: Pick = "softmax"

    def __post_init__(self) -> None:
        if self.particles < 2:
            raise ConfigError(f"The number of particles is {self.particles}.", allowed="a whole number from 2")
        if self.pick not in get_args(Pick):
            raise ConfigError(f"pick is {self.pick!r}.", allowed=", ".join(get_args(Pick)))


@torch.no_grad()
def soft_value_decoding(
    model: FlowModel,
    x0: State,
    grid: Tensor,
    value: SoftValue,
    options: SvddOptions,
    *,
    generator: torch.Generator | None,
    stepper: Stepper,
    on_step: Callable[[int, int], None] | None = None,
) -> State:
    """Samples at t = 1.

    Args:
        model: The base model, called once a sample and step, beside what the value needs.
        x0: B samples of noise.
        grid: Times, shape (K+1,).
        value: What candidates are chosen by.
        options: How.
        generator: Source of all randomness.
        stepper: How a step is made; with noise, or all candidates are one.
        on_step: Called with (steps done, K).
    """
    x, count, steps = x0, options.particles, len(grid) - 1
    for k, step in enumerate(stepper(model.schedules, grid[:-1], grid[1:]).steps()):
        t = grid[k].to(device=x.device, dtype=x.dtype).expand(len(x))
        endpoint = model.predict_endpoint(x, t).to(dtype=x.dtype).project()
        mean = x.scale(step.keep) + endpoint.scale(step.pull)
        proposed = mean.select(torch.arange(len(x), device=x.device).repeat_interleave(count))
        proposed = proposed + proposed.randn_like(generator).scale(step.noise)
        values = value(proposed, grid[k + 1]).view(len(x), count)
        chosen = _pick(values, options.pick, generator)
        x = proposed.select(chosen + count * torch.arange(len(x), device=chosen.device))
        if on_step is not None:
            on_step(k + 1, steps)
    return x


def _pick(values: Tensor, pick: Pick, generator: torch.Generator | None) -> Tensor:
    """The place of the candidate that goes on within each group, shape (B,)."""
    if pick == "argmax":
        return values.argmax(dim=1)
    return torch.multinomial(torch.softmax(values.double(), dim=1), 1, generator=generator).squeeze(1)
