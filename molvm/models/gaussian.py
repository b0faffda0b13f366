"""Gaussian mixtures as base models: endpoint, value function and tilted law in closed form.

They are the oracle against which samplers and learned value functions are judged. With x_t = αx₁ + βε and
x₁ ~ Σ wᵢ N(mᵢ, Sᵢ), each component of x_t is N(αmᵢ, α²Sᵢ + β²I), and x₁ given x_t is again a mixture, of components
N(mᵢ + Gᵢ(x_t − αmᵢ), Sᵢ − αGᵢSᵢ) with gain Gᵢ = αSᵢ(α²Sᵢ + β²I)⁻¹. Tilting by exp(λr) keeps a mixture a mixture if r
is linear or quadratic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.models.differentiate import differentiate
from molvm.models.mixture import GaussianMixture
from molvm.models.mixture_network import MixtureNetwork
from molvm.models.tilt import ExactReward
from molvm.schedules import Schedule, Schedules
from molvm.states import State, TensorState


@dataclass(frozen=True, eq=False)
class GaussianMixtureModel:
    """A flow model whose data are Gaussian mixtures, one for each class.

    Args:
        mixtures: The data's law in each class; all with the same number of components. One of them: no condition.
        schedule: α and β.
        class_weights: How often each class is drawn, by default equally often.
        name: What messages call it.
    """

    mixtures: tuple[GaussianMixture, ...]
    schedule: Schedule
    class_weights: tuple[float, ...] | None = None
    name: str = "gaussian-mixture"
    network: MixtureNetwork = field(init=False, repr=False)
    _stacked: GaussianMixture = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shapes = {mixture.means.shape for mixture in self.mixtures}
        if len(shapes) != 1:
            raise ConfigError(
                f"The classes have mixtures of {len(shapes)} shapes.", allowed="one shape for all classes"
            )
        stacked = GaussianMixture(
            torch.stack([mixture.log_weights for mixture in self.mixtures]),
            torch.stack([mixture.means for mixture in self.mixtures]),
            torch.stack([mixture.covariances for mixture in self.mixtures]),
        )
        object.__setattr__(self, "_stacked", stacked)
        object.__setattr__(self, "network", MixtureNetwork(stacked).requires_grad_(requires_grad=False))

    @property
    def schedules(self) -> Schedules:
        """α and β of the one modality `x`."""
        return Schedules({"x": self.schedule})

    @property
    def conditional(self) -> bool:
        """Whether there are several classes."""
        return len(self.mixtures) > 1

    def sample_condition(self, count: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Classes, integers of shape (count,), or None if there is only one."""
        if not self.conditional:
            return None
        weights = torch.tensor(self.class_weights or [1.0] * len(self.mixtures))
        return torch.multinomial(weights, count, replacement=True, generator=generator)

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> TensorState:
        """Standard normal points of shape (count, d)."""
        law = self.mixtures[0]
        return TensorState(torch.zeros(count, law.dimension, dtype=law.means.dtype), condition).randn_like(generator)

    def predict_endpoint(self, x: State, t: Tensor) -> TensorState:
        """E[x₁ | x_t = x], exact."""
        return TensorState(self._prior(x).posterior_mean(*self._noised(x, t)), x.condition)

    def differentiate_endpoint(
        self, x: State, t: Tensor, function: Callable[..., Tensor], *beside: State
    ) -> tuple[State, State]:
        """The endpoint, and the gradient of a function of it."""
        return differentiate(self.predict_endpoint, function, x, t, *beside)

    def endpoint_by(self, network: MixtureNetwork, x: State, t: Tensor) -> TensorState:
        """x̂₁ of other data; arguments as for `NetworkModel`."""
        stacked = network.mixture()
        law = stacked.select(0) if x.condition is None else stacked.select(x.condition)
        return TensorState(law.posterior_mean(*self._noised(x, t)), x.condition)

    def posterior(self, x: State, t: Tensor) -> GaussianMixture:
        """The law of x₁ given x_t = x, one mixture for each sample."""
        return self._prior(x).posterior(*self._noised(x, t))

    def log_density(self, x: State, t: Tensor) -> Tensor:
        """Log p_t(x), shape (B,), exact for times below 1."""
        points, alpha, beta = self._noised(x, t)
        prior = self._prior(x)
        alpha, beta = alpha[:, None, None], beta[:, None, None]
        identity = torch.eye(prior.dimension, dtype=prior.means.dtype)
        covariances = alpha[..., None] ** 2 * prior.covariances + beta[..., None] ** 2 * identity
        return GaussianMixture(prior.log_weights, alpha * prior.means, covariances).log_density(points)

    def decode(self, x: State) -> list[Tensor]:
        """The points, each of shape (d,)."""
        return list(x.parts["x"])

    def _prior(self, x: State) -> GaussianMixture:
        return self.mixtures[0] if x.condition is None else self._stacked.select(x.condition)

    def _noised(self, x: State, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The points, α and β in the mixture's floating-point type."""
        time = t.to(self._stacked.means.dtype)
        return x.parts["x"].to(time), self.schedule.alpha(time), self.schedule.beta(time)


@dataclass(frozen=True, eq=False)
class ExactValue:
    """V(x, t) = −log E[exp(λ r(x₁)) | x_t = x] of a mixture model, and its gradient: the optimal control.

    Args:
        model: The base model.
        reward: A reward with a closed form.
        strength: λ.
        gain: Factor on the gradient; 1 is optimal, anything else a control that is wrong on purpose.
    """

    model: GaussianMixtureModel
    reward: ExactReward
    strength: float
    gain: float = 1.0

    def __call__(self, x: State, t: Tensor) -> Tensor:
        """V in nats, shape (B,), for times of shape (B,)."""
        return -self.reward.log_partition(self.model.posterior(x, t), self.strength)

    def gradient(self, x: State, t: Tensor) -> State:
        """∇V times the gain, detached."""
        with torch.enable_grad():
            leaf = x.leaf()
            leaves: Mapping[str, Tensor] = dict(leaf.parts)
            derivatives = torch.autograd.grad(self(leaf, t).sum(), list(leaves.values()))
        return leaf.riesz(dict(zip(leaves, derivatives, strict=True))).scale(self.gain).detach()
