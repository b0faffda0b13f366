"""An exact Gaussian base model on any state space: one mean a condition, one variance a modality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from molvm.errors import ConfigError, StateError
from molvm.models.differentiate import differentiate
from molvm.schedules import Schedules
from molvm.states import State

StateT = TypeVar("StateT", bound=State)


@dataclass(frozen=True, eq=False)
class IsotropicGaussianModel(Generic[StateT]):
    """x₁ = mean(c) + s ξ with ξ standard normal in the state space and a deviation s for each modality.

    It shows whether code respects a space's geometry: every degree of freedom has the variance s², whether it is stored
    once (types), twice (bonds) or not at all (the centre of mass).

    Args:
        mean: One point of the space for each condition value, with distinct conditions in increasing order; or a single
            point without condition.
        deviations: Modality to s, positive.
        schedules: α and β of each modality.
        name: What messages call it.

    Raises:
        ConfigError: Deviations that are not positive, or not one for each modality; conditions out of order.
    """

    mean: StateT
    deviations: Mapping[str, float]
    schedules: Schedules
    name: str = "isotropic-gaussian"

    def __post_init__(self) -> None:
        if self.deviations.keys() != self.mean.parts.keys() or min(self.deviations.values()) <= 0:
            raise ConfigError(f"The deviations are {dict(self.deviations)}.", allowed="a positive one a modality")
        values = self.mean.condition
        if values is not None and not bool((values[1:] > values[:-1]).all()):
            raise ConfigError("The conditions of the means are not in increasing order.")

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Condition values, each as often as the others; None if there are none."""
        values = self.mean.condition
        if values is None:
            return None
        return values[torch.randint(len(values), (count,), generator=generator)]

    def mean_given(self, condition: Tensor | None, count: int) -> StateT:
        """The mean that belongs to each of `count` samples.

        Raises:
            StateError: A condition without a mean.
        """
        values = self.mean.condition
        if values is None or condition is None:
            return self.mean.select(torch.zeros(count, dtype=torch.int64))
        index = torch.searchsorted(values, condition).clamp(max=len(values) - 1)
        if not torch.equal(values[index], condition):
            raise StateError("The Gaussian model has no mean for some condition.", allowed=f"{values.tolist()}")
        return self.mean.select(index)

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> StateT:
        """Standard normal in the space."""
        return self.mean_given(condition, count).randn_like(generator)

    def predict_endpoint(self, x: StateT, t: Tensor) -> StateT:
        """E[x₁ | x_t = x] = m + αs²/(α²s² + β²) (x − αm)."""
        mean = self.mean_given(x.condition, len(x))
        alpha, beta = self.schedules.alpha(t), self.schedules.beta(t)
        gain = {
            name: alpha[name] * s**2 / (alpha[name] ** 2 * s**2 + beta[name] ** 2)
            for name, s in self.deviations.items()
        }
        return mean + (x - mean.scale(alpha)).scale(gain)

    def differentiate_endpoint(
        self, x: StateT, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[StateT, StateT]:
        """The endpoint, and the gradient of a function of it."""
        return differentiate(self.predict_endpoint, function, x, t, *beside)

    def posterior_variance(self, t: Tensor) -> dict[str, Tensor]:
        """The variance s²β²/(α²s² + β²) of each degree of freedom of x₁ given x_t."""
        alpha, beta = self.schedules.alpha(t), self.schedules.beta(t)
        return {
            name: s**2 * beta[name] ** 2 / (alpha[name] ** 2 * s**2 + beta[name] ** 2)
            for name, s in self.deviations.items()
        }

    def decode(self, x: StateT) -> list[Any]:
        """The samples one by one, as batches of one."""
        return [x.select(slice(index, index + 1)) for index in range(len(x))]


@dataclass(frozen=True, eq=False)
class LinearValue(Generic[StateT]):
    """V of the reward r(x) = ⟨direction(c), x⟩ on an isotropic Gaussian model, exact.

    V(x, t) = −λ⟨d, x̂₁⟩ − ½λ² Σ P_m |d_m|², with the posterior variance P_m of each modality; log Z = −V at t = 0 and
    the optimal paths cost KL = ½λ² Σ s_m² |d_m|².

    Args:
        model: The base model.
        direction: A point of the space for each condition value, in the order of the model's means.
        strength: λ.
    """

    model: IsotropicGaussianModel[StateT]
    direction: StateT
    strength: float

    def _direction_given(self, condition: Tensor | None, count: int) -> StateT:
        return IsotropicGaussianModel(self.direction, self.model.deviations, self.model.schedules).mean_given(
            condition, count
        )

    def reward(self, x: StateT) -> Tensor:
        """r, shape (B,)."""
        return self._direction_given(x.condition, len(x)).inner(x)

    def __call__(self, x: StateT, t: Tensor) -> Tensor:
        """V in nats, shape (B,), for times of shape (B,)."""
        direction = self._direction_given(x.condition, len(x))
        spread = direction.scale(self.model.posterior_variance(t)).inner(direction)
        return -self.strength * direction.inner(self.model.predict_endpoint(x, t)) - self.strength**2 / 2 * spread

    def gradient(self, x: StateT, t: Tensor) -> StateT:
        """∇V = −λ αs²/(α²s² + β²) d, modality by modality."""
        direction = self._direction_given(x.condition, len(x))
        alpha, beta = self.model.schedules.alpha(t), self.model.schedules.beta(t)
        slope = {
            name: -self.strength * alpha[name] * s**2 / (alpha[name] ** 2 * s**2 + beta[name] ** 2)
            for name, s in self.model.deviations.items()
        }
        return direction.scale(slope)

    def path_cost(self, condition: Tensor | None, count: int) -> Tensor:
        """KL(optimal ‖ base) of the paths given the condition, shape (B,)."""
        direction = self._direction_given(condition, count)
        variances = {name: torch.tensor(s**2) for name, s in self.model.deviations.items()}
        return self.strength**2 / 2 * direction.scale(variances).inner(direction)

    def log_partition(self, condition: Tensor | None, count: int) -> Tensor:
        """Log Z given the condition, shape (B,)."""
        mean = self.model.mean_given(condition, count)
        return self.strength * self._direction_given(condition, count).inner(mean) + self.path_cost(condition, count)
