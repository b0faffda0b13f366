"""g(x, t) = λ s gate(t) f(x, t): a residual control around any network f, for methods that train the drift itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.schedules import Schedules
from molvm.states import State, in_lanes
from molvm.values.base import spread_of


class ControlNet(nn.Module):
    """What is added to a frozen base: g stands in the place of ∇V, so that u = −σg and v = v_base − ηg.

    It is a vector field of any kind, no gradient, so it knows nothing of V. It is zero at the start, and everything
    that `simulate` does with ∇V it does with g: costs, weights, guidance and other noise levels keep their meaning.

    Args:
        features: The network f: `(x: State, t: Tensor (B,)) -> State`, with a zero-initialised output. If it has
            `samples_at_once`, samples are steered in portions of about so many, on all cores.
        schedules: α and β of each modality; the gate is the largest α, as of `ValueNet`.
        strength: λ, positive and finite; with the spread s of the reward it sets the scale of g, and nothing else.

    Raises:
        ConfigError: λ is not positive and finite.
    """

    scale: Tensor

    def __init__(self, features: nn.Module, schedules: Schedules, strength: float) -> None:
        super().__init__()
        if not (math.isfinite(strength) and strength > 0):
            raise ConfigError(f"The strength λ is {strength}.", allowed="a positive finite number")
        self.features, self.schedules = features, schedules
        self.strength = float(strength)
        self.register_buffer("scale", torch.zeros(()))  # 0 until it is settled

    def forward(self, x: State, t: Tensor) -> State:
        """g(x, t) with its graph, for times of shape (B,)."""
        t = t.to(self.dtype)
        field: State = self.features(x.to(dtype=self.dtype), t).project()
        return field.scale(self.unit * self.schedules.most_advanced_alpha(t))

    def gradient(self, x: State, t: Tensor) -> State:
        """g(x, t), detached, in x's type."""
        field = torch.no_grad()(self.forward)
        at_once: int | None = getattr(self.features, "samples_at_once", None)
        found = field(x, t) if at_once is None else in_lanes(field, x, t, at_once)
        return found.to(dtype=x.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the network."""
        return next(self.features.parameters()).dtype

    @property
    def unit(self) -> float:
        """λ s, what the network's output is multiplied by, in nats per unit of the state."""
        return self.strength * (float(self.scale) or 1.0)

    @torch.no_grad()
    def settle_scale(self, rewards: Tensor) -> None:
        """Take s, the standard deviation of these rewards, shape (B,), unless it is settled or they are equal."""
        spread = spread_of(rewards)
        if float(self.scale) == 0 and spread is not None:
            self.scale.copy_(spread)
