"""What DDPO, DPOK and CT-PPO share: each step of the chain is a Gaussian policy, learned from by clipped ratios."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.objectives.accumulate import add_gradients, learned_in
from molvm.objectives.base import Rollout
from molvm.objectives.residual_objective import Ingredients, ResidualObjective, path_metrics
from molvm.sde import Transition
from molvm.states import State
from molvm.values.control import ControlNet


@dataclass(frozen=True)
class PolicyGradientOptions:
    """How far a round of samples may be trusted.

    Args:
        clip_range: By how much the ratio of densities may differ from 1 before it is clipped.
        log_density: "mean" over the degrees of freedom, for which the clip range is meant, or their "sum".

    Raises:
        ConfigError: A number that is not positive, or another log density.
    """

    clip_range: float = 1e-4
    log_density: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        require_positive("clip_range", self.clip_range)
        if self.log_density not in ("mean", "sum"):
            raise ConfigError(f"log_density is {self.log_density!r}.", allowed="mean, sum")


def require_positive(name: str, value: float) -> None:
    """Refuse an option.

    Raises:
        ConfigError: It is not positive and finite.
    """
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} is {value}.", allowed="a positive finite number")


PolicyOptionsT = TypeVar("PolicyOptionsT", bound=PolicyGradientOptions)


class PolicyGradient(ResidualObjective[PolicyOptionsT]):
    """Policy gradients on a residual control: a step of the chain is the policy N(mean − shift g(x_k, t_k), noise²).

    With advantages A_k the loss is the mean over steps and paths of max(−A_k ρ, −A_k clip(ρ)) and of what a method
    adds, where ρ is the ratio of the densities of the step that was taken, now and when it was taken.

    Args:
        control: What is trained, and steers.
        options: How.
    """

    added: tuple[str, ...] = ()
    """The metrics that `addition` tells beside its part of the loss."""

    def __init__(self, control: ControlNet, options: PolicyOptionsT) -> None:
        super().__init__(control, options)
        self._taken: list[State] = []

    @classmethod
    def build(cls, control: ControlNet, options: PolicyOptionsT, ingredients: Ingredients) -> Self:
        """The algorithm of a run.

        Raises:
            ConfigError: A step of the run has no noise.
        """
        require_density(cls.name, ingredients.steps)
        return cls.of(control, options, ingredients)

    @classmethod
    def of(cls, control: ControlNet, options: PolicyOptionsT, ingredients: Ingredients) -> Self:  # noqa: ARG003
        """The algorithm, of a model whose steps have densities."""
        return cls(control, options)

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Note the controls that the paths took.

        Returns:
            kl (mean ½∫|u|²) and the `PathDiagnostics`.

        Raises:
            ConfigError: The rollout lacks states or noise, or a step has none.
        """
        path = rollout.trajectory
        if len(path.noises) != path.steps or len(path.states) != path.steps + 1:
            raise ConfigError(
                f"The objective {self.name} needs all states and the noise of a trajectory.", remedy="keep_noise=True"
            )
        for step in path.transitions:
            require_density(self.name, step)
        steered = bool(path.path_cost.any())
        self._taken = [self._control_of(rollout, k) if steered else _nothing(path.states[k]) for k in range(path.steps)]
        self.control.settle_scale(rollout.rewards)
        return path_metrics(rollout)

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss over every `parts`-th step.

        Returns:
            loss; ratio_error, the mean |ρ − 1|; clipped, the share of ratios that are; and what the method adds.
        """
        steps = range(rollout.trajectory.steps)[part::parts]
        names = ("loss", "ratio_error", "clipped", *self.added)
        totals = [0.0] * len(names)
        for k in steps:
            found = self._backward(rollout, k, 1 / (len(steps) * len(rollout.rewards)))
            totals = [total + number for total, number in zip(totals, found, strict=True)]
        return dict(zip(names, totals, strict=True))

    @abstractmethod
    def advantages_of(self, rollout: Rollout, k: int) -> Tensor:
        """By how much better than expected it went after step k, shape (B,)."""

    def addition(self, rollout: Rollout, k: int, index: Tensor, field: State) -> tuple[Tensor, tuple[Tensor, ...]]:  # noqa: ARG002
        """What a method adds to the loss of step k.

        Args:
            rollout: The paths.
            k: The step.
            index: Of the paths that are learned from at once, shape (b,).
            field: Their g now, with its graph.

        Returns:
            Its part of the loss and the numbers that `added` names, each of shape (b,).
        """
        return field.squared_norm().new_zeros(len(index)), ()

    def log_ratio(self, transition: Transition, noise: State, taken: State, field: State) -> Tensor:
        """Log ρ of a step, summed over the degrees of freedom, shape (B,).

        Args:
            transition: How the step was made.
            noise: ε that it took.
            taken: g when it was taken.
            field: g now, with its graph.
        """
        moved = (field - taken).scale(transition.leverage)
        # −½|ε + moved|² + ½|ε|² without the difference of large numbers: exactly 0 where nothing has moved.
        return -moved.inner(noise.to(dtype=moved.dtype)) - moved.squared_norm() / 2

    def by_dimensions(self, numbers: Tensor, x: State) -> Tensor:
        """Log densities and their like as the options count them: summed over the degrees of freedom, or their mean."""
        return numbers / sum(x.degrees_of_freedom().values()) if self.options.log_density == "mean" else numbers

    def _control_of(self, rollout: Rollout, k: int) -> State:
        """G at step k, from the same portions as when it is learned from, so that the first ratio is exactly 1."""
        x, t = rollout.trajectory.states[k], rollout.trajectory.times[k].expand(len(rollout.rewards))
        portions = learned_in(x, self.control.features)
        with torch.no_grad():
            return x.reassembled(portions, [self.control(x.select(some), t[some]) for some in portions])

    def _backward(self, rollout: Rollout, k: int, factor: float) -> tuple[float, ...]:
        path, advantages = rollout.trajectory, self.advantages_of(rollout, k)
        x, noise, taken, clip = path.states[k], path.noises[k], self._taken[k], self.options.clip_range

        def portion(index: Tensor) -> tuple[Tensor, tuple[float, ...]]:
            some = x.select(index)
            field = self.control(some, path.times[k].expand(len(index)))
            log_ratio = self.log_ratio(path.transitions[k], noise.select(index), taken.select(index), field)
            ratio = torch.exp(self.by_dimensions(log_ratio, some))
            mine = advantages[index].to(ratio)
            losses = torch.maximum(-mine * ratio, -mine * ratio.clamp(1 - clip, 1 + clip))
            more, told = self.addition(rollout, k, index, field)
            off = (ratio.detach() - 1).abs()
            numbers = tuple(factor * float(each.detach().sum()) for each in (off, off > clip, *told))
            return factor * (losses + more).sum(), numbers

        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return add_gradients(portion, learned_in(x, self.control.features), parameters, x.device)


def require_density(objective: str, steps: Transition) -> None:
    """Refuse steps without noise: a policy that always does the same has no density that could be compared.

    Args:
        objective: What would learn from them.
        steps: One step or several.

    Raises:
        ConfigError: Some noise is zero, as of the last step of samplers that end without noise.
    """
    for name, noise in steps.noise.items():
        if not bool((torch.as_tensor(noise) > 0).all()):
            raise ConfigError(
                f"The objective {objective} needs the density of each step, and a step of the modality {name!r} has no "
                "noise.",
                allowed="steps that all have noise, as sampling.transition = euler_maruyama makes",
                remedy="that transition, or the objective value-matching or classifier-guidance",
            )


def _nothing(x: State) -> State:
    return x.map(torch.zeros_like)
