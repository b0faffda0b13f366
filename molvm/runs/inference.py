"""Methods that steer a base model at sampling time alone, by asking the reward: nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Final

import torch
from torch import Tensor

from molvm.errors import ConfigError, UnknownNameError
from molvm.models.base import BaseModel, FlowModel, require_steerable
from molvm.rewards.base import Reward, SampleReward
from molvm.rewards.pools import require_sendable
from molvm.runs.assembly import isolated_reward
from molvm.runs.config import RewardSection
from molvm.runs.drawing import Draw, Drawn, Progress
from molvm.runs.exact import require_lawful, warn_of_poor_groups
from molvm.sde import (
    Control,
    FeynmanKacOptions,
    SamplingOptions,
    SoftValue,
    SvddOptions,
    feynman_kac_particles,
    learned_value,
    posterior_mean_value,
    soft_value_decoding,
)
from molvm.sde.soft_value import LogTarget
from molvm.training.worth import worth


@dataclass(frozen=True)
class BestOfOptions:
    """How best-of-N is run.

    Args:
        particles: N samples of the base, of which the best is kept.

    Raises:
        ConfigError: Fewer than two.
    """

    particles: int = 4

    def __post_init__(self) -> None:
        if self.particles < 2:
            raise ConfigError(f"The number of particles is {self.particles}.", allowed="a whole number from 2")


MethodOptions = SvddOptions | FeynmanKacOptions | BestOfOptions

METHODS: Final[Mapping[str, type[SvddOptions] | type[FeynmanKacOptions] | type[BestOfOptions]]] = {
    "svdd": SvddOptions,
    "feynman-kac": FeynmanKacOptions,
    "best-of": BestOfOptions,
}


def method_options(name: str, given: Mapping[str, Any]) -> MethodOptions:
    """The options of a method by its name.

    Args:
        name: One of `METHODS`.
        given: Options by name; those that are None are left out.

    Raises:
        UnknownNameError: There is no such method.
        ConfigError: It has no such option, or not with that value.
    """
    if name not in METHODS:
        raise UnknownNameError("method", name, METHODS)
    options = {key: value for key, value in given.items() if value is not None}
    allowed = [each.name for each in fields(METHODS[name])]
    for key in options:
        if key not in allowed:
            raise ConfigError(f"The method {name} has no option {key}.", allowed=", ".join(allowed))
    return METHODS[name](**options)


@dataclass(frozen=True)
class Inference:
    """A method, and what it asks.

    Args:
        options: Of the method.
        reward: What is asked.
        strength: λ; best-of-N and the best of SVDD's candidates do not depend on it.
        value: A learned value function of this reward and strength, for SVDD; None for the posterior mean.
        section: Where the reward is computed, how long it may take, and what a failure is worth.

    Raises:
        ConfigError: Something is missing that the method needs, or it has no use for what is given.
        RewardError: The reward cannot be sent to worker processes.
    """

    options: MethodOptions
    reward: Reward
    strength: float | None = None
    value: Control | None = None
    section: RewardSection = field(default_factory=RewardSection)

    def __post_init__(self) -> None:
        require_lawful(self.reward)
        if isinstance(self.reward, SampleReward):
            require_sendable(self.reward, self.section.workers)
        if self.floor is None:
            raise ConfigError(
                f"The reward {self.reward.name} does not say what a failure is worth.",
                remedy="a floor, in the reward's unit: --floor",
            )
        best = isinstance(self.options, BestOfOptions) or getattr(self.options, "pick", None) == "argmax"
        if self.strength is None and not best:
            raise ConfigError("The method weights by exp(λr) and needs to know λ.", remedy="--strength")
        if self.strength is not None and not 0 < self.strength < float("inf"):
            raise ConfigError(f"The strength λ is {self.strength}.", allowed="a positive finite number")
        if self.value is not None and not isinstance(self.options, SvddOptions):
            raise ConfigError("Only SVDD takes a learned value.", remedy="--method svdd, or no --value")

    @property
    def floor(self) -> float | None:
        """What a failure is worth: as set, or as the reward says."""
        return self.reward.floor if self.section.floor is None else self.section.floor

    @contextmanager
    def target(self) -> Iterator[Target]:
        """λr of decoded samples, computed in worker processes that live as long as the context."""
        scorer, close = isolated_reward(self.reward, self.section)
        try:
            yield Target(self, scorer)
        finally:
            close()

    def draw(self, model: BaseModel, options: SamplingOptions, base: Draw, log_target: LogTarget) -> Draw:
        """Batches of samples.

        Args:
            model: The base model.
            options: How its SDE is simulated.
            base: How it is sampled without a method.
            log_target: λr, of `target`.

        Raises:
            ModelError: The model has no SDE, and the method chooses on the way.
            ConfigError: There is no noise.
        """
        if isinstance(self.options, BestOfOptions):
            return _best_of(model, base, self.options.particles, log_target)
        if options.noise_level == 0:
            raise ConfigError("Without noise all candidates are one, and there is nothing to choose.")
        flow = require_steerable(model)
        if isinstance(self.options, SvddOptions):
            guess = posterior_mean_value(flow, log_target)
            value = guess if self.value is None else learned_value(flow, self.value, log_target)
            return _svdd(flow, options, self.options, value)
        return _feynman_kac(flow, options, self.options, posterior_mean_value(flow, log_target))


class Target:
    """λr of samples, and how many have been asked for.

    Attributes:
        asked: Samples that the reward was asked about.
    """

    def __init__(self, inference: Inference, scorer: Reward) -> None:
        self._strength = 1.0 if inference.strength is None else inference.strength
        self._floor, self._scorer = inference.floor or 0.0, scorer
        self.asked = 0

    def __call__(self, samples: Sequence[Any]) -> Tensor:
        """In nats, shape (count,)."""
        self.asked += len(samples)
        outcomes = self._scorer(samples)
        return self._strength * worth(outcomes, self._scorer.direction, self._floor)


def _best_of(model: BaseModel, base: Draw, particles: int, log_target: LogTarget) -> Draw:
    def draw(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        drawn = base(_repeated(condition, particles), count * particles, generator, on_step)
        return _kept(drawn.terminal, log_target(model.decode(drawn.terminal)).view(count, particles).argmax(dim=1))

    return draw


def _svdd(model: FlowModel, options: SamplingOptions, svdd: SvddOptions, value: SoftValue) -> Draw:
    grid, stepper = options.grid(model.schedules), options.stepper(model)

    def draw(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        noise = model.noise(condition, count, generator)
        terminal = soft_value_decoding(
            model, noise, grid, value, svdd, generator=generator, stepper=stepper, on_step=on_step
        )
        return Drawn(terminal, _unknown(count), _unknown(count))

    return draw


def _feynman_kac(model: FlowModel, options: SamplingOptions, steering: FeynmanKacOptions, value: SoftValue) -> Draw:
    grid, stepper = options.grid(model.schedules), options.stepper(model)

    def draw(condition: Tensor | None, count: int, generator: torch.Generator, on_step: Progress | None) -> Drawn:
        noise = model.noise(_repeated(condition, steering.particles), count * steering.particles, generator)
        found = feynman_kac_particles(
            model, noise, grid, value, steering, generator=generator, stepper=stepper, on_step=on_step
        )
        warn_of_poor_groups(found.log_weights)
        shares = torch.softmax(found.log_weights, dim=1)
        return _kept(found.terminal, torch.multinomial(shares, 1, generator=generator).squeeze(1))

    return draw


def _repeated(condition: Tensor | None, particles: int) -> Tensor | None:
    return None if condition is None else condition.repeat_interleave(particles)


def _kept(terminal: Any, chosen: Tensor) -> Drawn:
    """One sample of each group, by its place in it."""
    count = len(chosen)
    kept = chosen + len(terminal) // count * torch.arange(count)
    return Drawn(terminal.select(kept), _unknown(count), _unknown(count))


def _unknown(count: int) -> Tensor:
    """What the path has cost of a sample that was chosen among others: no number."""
    return torch.full((count,), torch.nan)
