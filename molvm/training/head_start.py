"""What a value function can learn before the base model is sampled: from known samples, such as those of its dataset.

The memoryless process forgets its start. Given its end x₁, x_t is α_t x₁ + β_t ε whatever the base is, and

    V(x, t) = −log E[exp(λ r(x₁)) given x_t = x]

is a regression on known samples, each noised as often as one likes. A sample costs its reward and, where the network
reads endpoints, one evaluation of the base for each time it is noised: a path costs as many as it has steps. It is
right as far as the known samples have the law of the base.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.models.base import FlowModel
from molvm.objectives.accumulate import add_gradients, learned_in
from molvm.objectives.classifier_guidance import ClassifierGuidanceOptions, stable_loss
from molvm.objectives.optimiser_state import load_optimiser, optimiser_tensors
from molvm.schedules import interpolate
from molvm.states import State
from molvm.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint
from molvm.values.base import ValueNet, spread_of

PORTION: Final = 4096
"""Noised samples that are made, learned from, and forgotten; then there is a checkpoint."""

LARGEST_TILT: Final = 0.5
"""Deviations of the reward by which exp(λr) may tilt what is learned here; λ is lowered to it. Further out a few
samples would have all the weight."""

WARMUP: Final = 100
"""Gradient steps over which the learning rate rises."""

SHOWN: Final = 1024
"""Noised samples by which a network learns the scales of its features."""

HELD_OUT_SHARE, HELD_OUT_LARGEST = 0.1, 512
"""Known samples that are not learned from, and tell how well the others were learned."""


@dataclass(frozen=True)
class HeadStartOptions:
    """How it is learned.

    Args:
        epochs: How often each noised sample is learned from.
        batch_size: Samples of a gradient step.
        learning_rate: Of AdamW; it falls to nothing by a straight line.
        weight_decay: Of AdamW.
        first, last: Times between which samples are noised.
        seed: Of all randomness.

    Raises:
        ConfigError: A number out of range.
    """

    epochs: int = 4
    batch_size: int = 48
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    first: float = 0.0
    last: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 1")
        if not 0 <= self.first < self.last <= 1:
            raise ConfigError(f"Samples cannot be noised to times between {self.first} and {self.last}.")


@dataclass(frozen=True)
class Understanding:
    """How much of a reward the network sees in noised samples that it has not learned from.

    Attributes:
        times: t.
        explained: Share of the variance of the reward, within a condition, that −V explains at each time: its squared
            correlation, negative if it is a negative one; 0 where too few are held out to tell, or nothing varies.
    """

    times: tuple[float, ...]
    explained: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Noised:
    """Samples with noise, as the network reads them.

    Attributes:
        read: x_t, or the base's x̂₁ of it.
        times: Shape (B,).
        index: Which samples they are of, shape (B,).
    """

    read: State
    times: Tensor
    index: Tensor

    def select(self, index: Tensor) -> Noised:
        """Those at `index`."""
        return Noised(self.read.select(index), self.times[index], self.index[index])


class HeadStart:
    """Learns a value function from known samples and their rewards.

    Args:
        model: The base model.
        value: What the run is to start with. It is left as it is: `learned` has the result.
        known: Samples at t = 1 by their indices, integers of shape (B,).
        condition: Of each known sample, integers of shape (M,); None for a base without conditions.
        rewards: Of each, shape (M,), finite, failures at the reward's floor.
        views: How often each is noised, integers of shape (M,), from 1.
        options: How.
        checkpoints: Folder of its own checkpoints.

    Raises:
        ConfigError: There are too few samples, or all are worth the same.
    """

    def __init__(
        self,
        model: FlowModel,
        value: ValueNet,
        known: Callable[[Tensor], State],
        condition: Tensor | None,
        rewards: Tensor,
        views: Tensor,
        options: HeadStartOptions,
        checkpoints: Path,
    ) -> None:
        spread = spread_of(rewards)
        if len(rewards) < 2 or spread is None:
            raise ConfigError(
                f"All {len(rewards)} known samples are worth the same, {float(rewards[:1].sum()):g}.",
                remedy="a reward that tells samples of the base apart, or head_start.molecules = 0",
            )
        self.model, self.known, self.options, self.checkpoints = model, known, options, checkpoints
        self.condition, self.rewards = condition, rewards
        self.strength = min(value.strength, LARGEST_TILT / float(spread))
        self.learned = _twin(value, self.strength)
        self.learned.settle_scale(rewards)
        self.learned.settle_log_partition(condition, self.strength * rewards)
        self.optimiser = torch.optim.AdamW(
            self.learned.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        self.generator = torch.Generator().manual_seed(options.seed)
        order = torch.randperm(len(rewards), generator=self.generator)
        held_out = min(HELD_OUT_LARGEST, int(HELD_OUT_SHARE * len(rewards)))
        self.held_out, learned_from = self._of_like_size(order[:held_out]), order[held_out:]
        repeated = learned_from.repeat_interleave(views[learned_from])
        self.learned_from = repeated[torch.randperm(len(repeated), generator=self.generator)]
        self.portions = max(1, round(len(self.learned_from) / PORTION))
        self.size = -(-len(self.learned_from) // self.portions)
        self.batches = -(-self.size // options.batch_size)
        self.done = self.steps = 0

    def run(self, progress: Callable[[int, int], None], check: Callable[[], None]) -> Understanding:
        """Learn to the end, from the newest checkpoint if there is one.

        Args:
            progress: Called with (batches noised or learned from, in all).
            check: Called often; what it raises ends the work, and the last checkpoint stays.

        Returns:
            What the network understands at the end, of samples that were held out.

        Raises:
            DivergenceError: A gradient is not finite.
            CheckpointError: There are checkpoints, but none is whole or of this network.
        """
        if has_checkpoint(self.checkpoints):
            self._resume()
        work = self.batches * (1 + self.options.epochs)

        def worked(count: int) -> None:
            check()
            progress(self.done * work + count, self.portions * work)

        while self.done < self.portions:
            self._learn_portion(worked)
            self.done += 1
            self._save()
        return self._understanding()

    def _learn_portion(self, worked: Callable[[int], None]) -> None:
        batches: list[Noised] = []
        for batch in self._noised_batches():
            batches.append(batch)
            worked(len(batches))
        for epoch in range(1, 1 + self.options.epochs):
            if self.learned.observes:  # each time, because its features drift while it learns
                for batch in batches[: -(-SHOWN // self.options.batch_size)]:
                    self.learned.observe(batch.read, batch.times)
            for count, index in enumerate(torch.randperm(len(batches), generator=self.generator).tolist()):
                self._step(batches[index])
                worked(epoch * len(batches) + count + 1)

    def _noised_batches(self) -> Iterator[Noised]:
        """A portion of samples, of like size together, in random order, each with a time and noise of its own."""
        first = self.done * self.size
        chosen = self.learned_from[torch.arange(first, first + self.size) % len(self.learned_from)]
        batches = torch.split(self._of_like_size(chosen), self.options.batch_size)
        for position in torch.randperm(len(batches), generator=self.generator).tolist():
            index = batches[position]
            spread = torch.rand(len(index), generator=self.generator)
            yield self._noised(index, self.options.first + (self.options.last - self.options.first) * spread)

    def _of_like_size(self, index: Tensor) -> Tensor:
        """Samples of one condition beside one another, so that little is padded."""
        return index if self.condition is None else index[torch.argsort(self.condition[index], stable=True)]

    def _noised(self, index: Tensor, times: Tensor) -> Noised:
        data = self.known(index)
        x = interpolate(self.model.schedules, data.randn_like(self.generator), data, times)
        if self.learned.reads == "endpoint":
            x = self.model.predict_endpoint(x, times).to(dtype=data.dtype).project()
        return Noised(x, times, index)

    def _step(self, batch: Noised) -> None:
        targets = -self.strength * self.rewards[batch.index]
        parameters = list(self.learned.parameters())
        factor = 1 / (self.learned.unit**2 * len(batch.index))

        def portion(index: Tensor) -> tuple[Tensor, tuple[float, ...]]:
            some = batch.select(index)
            values = self.learned(some.read, some.times)
            losses = stable_loss(values, targets[index].to(values), ClassifierGuidanceOptions.linear_above)
            return factor * losses.sum(), ()

        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.optimiser.zero_grad(set_to_none=True)
        add_gradients(portion, learned_in(batch.read, self.learned.features), parameters, batch.read.device)
        if not bool(torch.isfinite(clip_grad_norm_(parameters, 1.0))):
            raise DivergenceError(
                "A gradient is not finite while the value network learns from known samples.",
                remedy="a smaller head_start.learning_rate",
            )
        self.optimiser.step()
        self.steps += 1

    def _rate(self) -> float:
        """A short rise, then a straight line to nothing at the last step."""
        left = 1 - self.steps / (self.portions * self.options.epochs * self.batches)
        return self.options.learning_rate * min(1.0, (self.steps + 1) / WARMUP) * left

    def _understanding(self) -> Understanding:
        span = self.options.last - self.options.first
        times = [self.options.first + span * share for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
        return Understanding(tuple(times), tuple(map(self._explained, times)))

    @torch.no_grad()
    def _explained(self, time: float) -> float:
        if len(self.held_out) < 2:
            return 0.0
        values = []
        for index in torch.split(self.held_out, self.options.batch_size):
            noised = self._noised(index, torch.full((len(index),), time))
            values.append(self.learned(noised.read, noised.times))
        condition = None if self.condition is None else self.condition[self.held_out]
        worth = -torch.cat(values) + self.learned.initial_value(condition)
        centred = self.strength * self.rewards[self.held_out] + self.learned.initial_value(condition)
        correlation = float(torch.corrcoef(torch.stack([worth, centred.to(worth)]))[0, 1])
        return correlation * abs(correlation) if math.isfinite(correlation) else 0.0

    def _save(self) -> None:
        parts = {"value": self.learned.state_dict(), "optimiser": optimiser_tensors(self.optimiser)}
        tensors = {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}
        tensors |= {"generator": self.generator.get_state(), "steps": torch.tensor(self.steps)}
        save_checkpoint(self.checkpoints, self.done, tensors, {"kind": "head_start"}, keep=1)

    def _resume(self) -> None:
        checkpoint = load_checkpoint(self.checkpoints)
        try:
            self.learned.load_state_dict(checkpoint.part("value"))
        except RuntimeError as error:
            raise CheckpointError(
                f"The head start in {self.checkpoints} does not fit the value network of this version of molvm.",
                remedy="a new run",
            ) from error
        load_optimiser(self.optimiser, checkpoint.part("optimiser"))
        self.generator.set_state(checkpoint.tensors["generator"])
        self.steps, self.done = int(checkpoint.tensors["steps"]), checkpoint.step


def _twin(value: ValueNet, strength: float) -> ValueNet:
    """A value function of another λ with a copy of the same network, which has seen nothing yet."""
    conditions = value.conditions.tolist() if value.conditional else None
    return ValueNet(copy.deepcopy(value.features), value.schedules, strength, conditions=conditions, gated=value.gated)
