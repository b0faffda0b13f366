"""Value Matching, Algorithm 1 of the paper, on diffusiongym's environment, which has no such update as released."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

import torch
from diffusiongym import BaseModel, DDTensor, OptimalTransportScheduler, construct_env, reward_registry
from problem import (
    BATCH,
    CLIP,
    CONSTANT,
    DEVIATIONS,
    FINAL_SHARE,
    MEANS,
    STEPS,
    WEIGHTS,
    check_points,
    network,
    serve,
)
from torch import Tensor

from molvm.states import TensorState


class ExactMixture(BaseModel[DDTensor]):
    """`1d/gmm` with the exact velocity; as released it never sets `model`."""

    output_type = "velocity"
    scheduler = OptimalTransportScheduler()

    def __init__(self) -> None:
        super().__init__(None)
        law = torch.tensor([WEIGHTS, MEANS, DEVIATIONS], dtype=torch.float64)
        self.register_buffer("law", torch.stack([law[0].log(), law[1], law[2] ** 2]))

    def sample_p0(self, n: int, **kwargs: Any) -> tuple[DDTensor, dict[str, Any]]:
        """Standard normal points."""
        return DDTensor(torch.randn(n, 1)), kwargs

    def forward(self, x: DDTensor, t: Tensor, **_: Any) -> DDTensor:
        """Σᵢ P(i | x) E[x₁ − x₀ | x_t = x, i], shape (B, 1)."""
        t = t[:, None]
        log_weights, means, variances = self.law
        noisy = t**2 * variances + (1 - t) ** 2
        offset = x.data - t * means
        shares = torch.softmax(log_weights - (offset**2 / noisy + noisy.log()) / 2, dim=1)
        velocities = means + (t * variances - (1 - t)) / noisy * offset
        return DDTensor((shares * velocities).sum(dim=1, keepdim=True))


class ValueMatching:
    """The environment steered by u = −σ∇V, and V regressed on the costs of its paths. One gradient step a batch."""

    def __init__(self, reward: str, strength: float, iterations: int, rate: float, seed: int) -> None:
        torch.manual_seed(seed)
        self.strength, self.network = strength, network(seed)
        self.environment = construct_env(
            ExactMixture().float(), reward_registry.get(reward).instantiate(), STEPS, strength
        )
        self.environment.control_policy = self.control
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, partial(falling, iterations))

    def value(self, x: Tensor, t: Tensor) -> Tensor:
        """V = λ f(x, t), zero at the start."""
        return self.strength * self.network(TensorState(x), t)

    def control(self, x: DDTensor, t: Tensor, **_: Any) -> DDTensor:
        """The control u = −σ∇V."""
        with torch.enable_grad():
            points = x.data.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.value(points, t).sum(), points)
        return -self.environment.memoryless_schedule(x, t) * DDTensor(gradient)

    def learn(self, iterations: int) -> float:
        """Seconds of so many iterations."""
        started = time.perf_counter()
        for _ in range(iterations):
            self.update()
        return time.perf_counter() - started

    def update(self) -> None:
        """Σ_k dt w(t_k) ½ (V(x_k, t_k) − Ĵ_k)² (Eq. 10), w = 1/(λ²(1 + ½∫σ²)) (Eq. 50), here 1/(λ²(t − ln t))."""
        paths = self.environment.sample(BATCH, pbar=False)
        x = torch.cat([state.data for state in paths.trajectory[:-1]])
        t = paths.timesteps[:-1].repeat_interleave(BATCH)
        weights = 1 / (self.strength**2 * (t - t.log()))
        errors = self.value(x, t) - paths.cost_functionals[:-1].flatten()
        loss = (weights * errors**2 / 2).mean()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()
        self.schedule.step()

    def sample(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """x₁, r(x₁) and ½∫|u|²dt; the library's own cost takes a step to be 1/K although its grid begins at 0.02."""
        paths = self.environment.sample(count, pbar=False)
        costs = (paths.running_costs * paths.timesteps.diff()[:, None]).sum(dim=0)
        return paths.sample.data, paths.rewards, costs


def falling(iterations: int, iteration: int) -> float:
    """The share of the learning rate: constant, then half a cosine, as in molvm's trainer."""
    constant = round(CONSTANT * iterations)
    progress = max(0.0, (iteration - constant) / max(1, iterations - constant))
    return FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * progress)) / 2


def checked(reward: str) -> dict[str, Tensor]:
    """The exact velocity and the library's reward at the points of the check."""
    points, t = check_points()
    x = DDTensor(points)
    rewards, _ = reward_registry.get(reward).instantiate()(x, x)
    return {"velocity": ExactMixture()(x, t).data, "reward": rewards}


if __name__ == "__main__":
    serve(ValueMatching, checked)
