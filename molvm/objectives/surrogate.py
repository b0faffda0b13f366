"""A learned stand-in for a black-box reward, which has the gradient that the reward lacks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from molvm.errors import CheckpointError, ConfigError
from molvm.gradients import Worth
from molvm.objectives.accumulate import add_gradients, learned_in
from molvm.objectives.optimiser_state import load_optimiser, optimiser_tensors
from molvm.objectives.replay import Points, ReplayMemory
from molvm.states import State, rows_in_lanes
from molvm.values.base import spread_of

SAMPLES_AT_ONCE: Final = 32
"""Of a step of the optimiser."""

CLIP: Final = 1.0
"""Largest norm of its gradient."""

WEIGHT_DECAY: Final = 0.1


@dataclass(frozen=True)
class SurrogateOptions:
    """How it is learned.

    Args:
        updates: Steps of its own optimiser each round.
        rounds: Rounds whose samples are remembered and learned from.
        learning_rate: Of its AdamW.

    Raises:
        ConfigError: A number that is not positive.
    """

    updates: int = 50
    rounds: int = 50
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("updates", "rounds"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 1")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate is {self.learning_rate}.", allowed="a positive finite number")


class _Regression(nn.Module):
    """r̂(x) = mean + spread · f(x, 1), both of the first samples."""

    mean: Tensor
    spread: Tensor

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("spread", torch.zeros((), dtype=torch.float64))

    def forward(self, x: State) -> Tensor:
        """Shape (B,)."""
        dtype = next(self.features.parameters()).dtype
        found: Tensor = self.features(x.to(dtype=dtype), torch.ones(len(x), dtype=dtype, device=x.device))
        return float(self.mean) + (float(self.spread) or 1.0) * found

    def settle(self, rewards: Tensor) -> None:
        """Take mean and spread of the first rewards that differ."""
        spread = spread_of(rewards)
        if float(self.spread) == 0 and spread is not None:
            self.mean.copy_(rewards.double().mean())
            self.spread.copy_(spread)

    def observe(self, x: State) -> None:
        """Show the features what they will be asked of, if they standardise."""
        if (observe := getattr(self.features, "observe", None)) is not None:
            dtype = next(self.features.parameters()).dtype
            observe(x.to(dtype=dtype), torch.ones(len(x), dtype=dtype, device=x.device))


class Surrogate(Worth):
    """A regression of a run's rewards on its terminal states, learned while it trains.

    A method that follows ∇r̂ goes where r̂ errs upwards. So each round is predicted before it is learned from, and the
    error is told: where samples promise more than they are worth, the surrogate is being deceived.

    Args:
        features: A fresh network f(x, t) of states and times, one number a sample.
        options: How it is learned.
        sign: 1 if more of the reward is better, −1 if less is.
    """

    def __init__(self, features: nn.Module, options: SurrogateOptions | None = None, sign: float = 1.0) -> None:
        self.options, self.network = options or SurrogateOptions(), _Regression(features)
        super().__init__(lambda x: sign * self.network(x), sign, getattr(features, "samples_at_once", None))
        self.memory = ReplayMemory(2 * self.options.rounds, per_path=1)  # each round is added in two forms
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=self.options.learning_rate, weight_decay=WEIGHT_DECAY
        )

    def learn(self, terminal: State, denoised: State, rewards: Tensor) -> dict[str, float]:
        """Take in a round: tell how well it was foreseen, and learn from it and those before.

        Args:
            terminal: B samples.
            denoised: The same without the noise of their last step, where gradients are asked for.
            rewards: What they are worth, shape (B,), more being better.

        Returns:
            surrogate_error, the root mean square of what was predicted less what came, in the reward's unit;
            surrogate_excess, its mean: above nought the samples look better to the surrogate than they are.
        """
        self.network.settle(rewards)
        with torch.no_grad():
            missed = rows_in_lanes(lambda x, _: self.network(x), terminal, rewards, self.at_once).double() - rewards
        for x in (terminal, denoised):
            self.network.observe(x)
            self.memory.add(_points(x, rewards))
        for some in self.memory.draw(self.options.updates * SAMPLES_AT_ONCE, SAMPLES_AT_ONCE):
            self._update(some)
        return {"surrogate_error": float(missed.square().mean().sqrt()), "surrogate_excess": float(missed.mean())}

    def state_dict(self) -> dict[str, Tensor]:
        """The network, its optimiser and the remembered samples."""
        parts: Mapping[str, Mapping[str, Tensor]] = {
            "network": self.network.state_dict(),
            "optimiser": optimiser_tensors(self.optimiser),
            "memory": self.memory.state_dict(),
        }
        return {f"{part}.{name}": tensor.detach() for part, found in parts.items() for name, tensor in found.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: It is of another network.
        """
        network, optimiser, memory = (
            {name.removeprefix(f"{part}."): tensor for name, tensor in state.items() if name.startswith(f"{part}.")}
            for part in ("network", "optimiser", "memory")
        )
        try:
            self.network.load_state_dict(network)
        except RuntimeError as error:
            raise CheckpointError(f"The saved surrogate does not fit this one: {error}") from error
        load_optimiser(self.optimiser, optimiser)
        self.memory.load_state_dict(memory)

    def _update(self, points: Points) -> None:
        x, unit = points.states, (float(self.network.spread) or 1.0) ** 2 * len(points)

        def portion(index: Tensor) -> tuple[Tensor, tuple[()]]:
            missed = self.network(x.select(index)) - points.costs[index].to(torch.float32)
            return missed.square().sum() / unit, ()

        self.optimiser.zero_grad(set_to_none=True)
        parameters = list(self.network.parameters())
        add_gradients(portion, learned_in(x, self.network.features), parameters, x.device)
        nn.utils.clip_grad_norm_(parameters, CLIP)
        self.optimiser.step()


def _points(x: State, rewards: Tensor) -> Points:
    """Samples as the memory keeps points: at t = 1, of what they are worth."""
    ones = torch.ones_like(rewards)
    return Points(x, None, ones, ones, rewards, ones)
