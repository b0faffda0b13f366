"""VGG-Flow: a velocity matched to a learned value gradient, for rewards with a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self, get_args

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.gradients import Worth
from molvm.models.base import FlowModel
from molvm.models.parameterise import Parameterisation, from_endpoint, to_endpoint
from molvm.objectives.accumulate import add_gradients, learned_in
from molvm.objectives.base import Rollout
from molvm.objectives.chosen_steps import StepChoice, check_share
from molvm.objectives.gradient_objective import GradientObjective
from molvm.objectives.residual_objective import Ingredients
from molvm.sde import Trajectory
from molvm.states import State
from molvm.values.adapted_control import AdaptedVelocity
from molvm.values.control import ControlNet
from molvm.values.velocity_control import VelocityControl

RewardSchedule = Literal["linear", "quadratic", "constant"]
Jacobian = Literal["vjp", "jvp"]

REWARD_SCHEDULES: Final[Mapping[RewardSchedule, Callable[[Tensor], Tensor]]] = {
    "linear": lambda t: t,
    "quadratic": torch.square,
    "constant": torch.ones_like,
}
"""How much of the reward's gradient the value gradient begins with, η_t; 1 at the end of each."""


@dataclass(frozen=True)
class VggFlowOptions:
    """How it is run; the defaults are those of the paper and of its released run.

    Args:
        reward_schedule: η_t, the share of the reward's gradient at the denoised endpoint that the value gradient begins
            with. The authors' program has quadratic by default and linear in its run; linear converges faster.
        jacobian: The term of the base in the value gradient's equation: "vjp", (∂v)ᵀ g as it is derived, or "jvp",
            (∂v) g by finite differences as it is published; the same for a velocity that is a gradient.
        consistency_weight: Of the equation's residual.
        boundary_weight: Of what the network gives at t = 1, where the value gradient is the reward's.
        difference: Step in time of the finite differences.
        clip_quantile: Rewards' gradients are shortened to this quantile of the last update's lengths; None leaves them.
        early_share: Share of the steps that are drawn from those before the last, one of each of equal stretches; the
            last step is always learned from.

    Raises:
        ConfigError: A number out of range, or an unknown name.
    """

    reward_schedule: RewardSchedule = "linear"
    jacobian: Jacobian = "vjp"
    consistency_weight: float = 1.0
    boundary_weight: float = 1e3
    difference: float = 1e-3
    clip_quantile: float | None = 0.8
    early_share: float = 0.25

    def __post_init__(self) -> None:
        for name, allowed in (("reward_schedule", get_args(RewardSchedule)), ("jacobian", get_args(Jacobian))):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} is {getattr(self, name)!r}.", allowed=", ".join(allowed))
        for name in ("consistency_weight", "boundary_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a finite number from 0")
        if not 0 < self.difference <= 0.1:
            raise ConfigError(f"difference is {self.difference}.", allowed="a number above 0, up to 0.1")
        if self.clip_quantile is not None and not 0 < self.clip_quantile <= 1:
            raise ConfigError(f"clip_quantile is {self.clip_quantile}.", allowed="above 0, up to 1; or none")
        check_share("early_share", self.early_share)


class VggFlow(GradientObjective[VggFlowOptions]):
    """Value Gradient Guidance for flow matching (Liu, Xiao, Domingo-Enrich, Liu, Zhang, 2025) on a residual velocity.

    The flow is steered as an ordinary differential equation at the cost |v − v_base|²/(2β); the value gradient g obeys

        ∂g/∂t + (∂g)(v_base − βg) + (∂v_base)ᵀ g = 0,   g(x, 1) = −∇r(x),

    and v − v_base = −βg is optimal. With β = λ, the strength, everything is written for G = βg, in units of velocity:
    G = −η_t β∇r(x̂₁) + n(x, t), where x̂₁ is the endpoint by the current velocity and held fixed, and n is learned.
    Three losses: |Δv + G|² for the velocity, the squared residual of the equation, by one finite difference along the
    steered flow, and |n|² at t = 1. Times are drawn within the chosen steps, and states between their ends: at
    the times of the grid alone the networks would be free between them, where steps are long.

    Its law is not p*: paths have no noise, and what is penalised is a length and not a relative entropy. A Gaussian
    base of covariance S and a reward c · x give a shift of β(π/2)√S c, and S as it was.

    Args:
        control: What is trained, and steers.
        field: The network n.
        model: The base model.
        worth: The reward with its gradient; None where nothing is going to be trained.
        options: How.
    """

    name: ClassVar[str] = "vgg_flow"
    title = "VGG-Flow"
    noise_level = 0.0

    def __init__(
        self,
        control: ControlNet,
        field: nn.Module,
        model: FlowModel,
        worth: Worth | None,
        options: VggFlowOptions | None = None,
    ) -> None:
        chosen = options or VggFlowOptions()
        super().__init__(control, model, worth, chosen, StepChoice(chosen.early_share, late_share=0.0))
        self.field, self.limit = field, _Limit()
        self._places: dict[int, tuple[State, Tensor]] = {}
        self._generator = torch.Generator()
        self._lengths: list[Tensor] = []

    residual = VelocityControl
    adapted = AdaptedVelocity

    @classmethod
    def of(cls, control: ControlNet, options: VggFlowOptions, ingredients: Ingredients, worth: Worth | None) -> Self:
        """The algorithm with the reward's gradient."""
        return cls(control, ingredients.field(), ingredients.model, worth, options)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The velocity, n, the number of rounds and the longest gradient."""
        return {**super().networks, "field": self.field, "limit": self.limit}

    def prepare(self, rollout: Rollout) -> Mapping[str, float]:
        """Choose the steps.

        Returns:
            velocity_cost, the mean ∫|Δv|² along the paths, whose half over β is what the reward is weighed against.
        """
        path = rollout.trajectory
        chosen = self.choice.draw(path.steps)
        self._generator = self.choice.generator()
        self._places = {k: self._within(path, k) for k in chosen}
        return {"velocity_cost": self._velocity_cost(path)}

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss over every `parts`-th of the chosen steps.

        Returns:
            loss, and its parts matching, consistency and boundary.
        """
        steps = list(self._places)[part::parts] or list(self._places)
        count = len(rollout.rewards)
        totals = [0.0] * 4
        for k in steps:
            found = self._of_step(rollout, k, 1 / (len(steps) * count))
            totals = [total + number for total, number in zip(totals, (*found, 0.0), strict=True)]
        end = self._of_end(rollout.trajectory.terminal, 1 / count)
        totals = [totals[0] + end[0], *totals[1:3], end[1]]
        return dict(zip(("loss", "matching", "consistency", "boundary"), totals, strict=True))

    def after_step(self) -> None:
        """Settle how long gradients may be in the next step."""
        self.limit.settle(torch.cat(self._lengths), self.options.clip_quantile)
        self._lengths = []

    @torch.no_grad()
    def _velocity_cost(self, path: Trajectory) -> float:
        total = 0.0
        for x, t, duration in zip(path.states[:-1], path.times[:-1], path.times.diff().tolist(), strict=True):
            total += duration * float(self.control(x, t.expand(len(x))).squared_norm().mean())
        return total

    def _within(self, path: Trajectory, k: int) -> tuple[State, Tensor]:
        """States between the ends of a step, and their times, shape (B,), drawn for each path."""
        start, end = path.states[k], path.states[k + 1]
        first, last = float(path.times[k]), min(float(path.times[k + 1]), 1 - 2 * self.options.difference)
        t = first + (last - first) * torch.rand(len(start), generator=self._generator, dtype=start.dtype)
        return start + (end - start).scale((t - first) / float(path.times[k + 1] - path.times[k])), t

    def _of_step(self, rollout: Rollout, k: int, factor: float) -> tuple[float, float, float]:
        """Loss, matching and consistency of a step."""
        strength, options = rollout.strength, self.options
        (x, t), step = self._places[k], options.difference
        velocity = self._base_velocity(x, t)
        known = self._known(x, t, velocity, strength)
        with torch.no_grad():
            guess = known + self._learned(x, t)
            flow = velocity - guess
            ahead, later = x + flow.scale(step), t + step
            known_ahead = self._known(ahead, later, self._base_velocity(ahead, later), strength)
            change = (known_ahead - known).scale(1 / step) + self._along_base(x, t, velocity, guess)

        def portion(index: Tensor) -> tuple[Tensor, tuple[float, float]]:
            here, there = (each.select(index) for each in (x, ahead))
            matching = (self.control(here, t[index]) + guess.select(index).to(dtype=self.control.dtype)).squared_norm()
            learned, learned_ahead = self._learned(here, t[index]), self._learned(there, later[index])
            residual = (learned_ahead - learned).scale(1 / step) + change.select(index).to(dtype=learned.dtype)
            consistency = residual.squared_norm()
            unit = factor / self.control.unit**2
            loss = unit * (matching + options.consistency_weight * consistency).sum()
            return loss, (unit * float(matching.detach().sum()), unit * float(consistency.detach().sum()))

        found = self.add(portion, x)
        return found[0], found[1], found[2]

    def _of_end(self, x: State, factor: float) -> tuple[float, ...]:
        """The boundary's loss, weighted and plain."""
        t = torch.ones(len(x), dtype=x.dtype)

        def portion(index: Tensor) -> tuple[Tensor, tuple[float]]:
            plain = factor / self.control.unit**2 * self._learned(x.select(index), t[index]).squared_norm().sum()
            return self.options.boundary_weight * plain, (float(plain.detach()),)

        return add_gradients(portion, learned_in(x, self.field), list(self.field.parameters()), x.device)

    def _learned(self, x: State, t: Tensor) -> State:
        """N(x, t) with its graph."""
        dtype = next(self.field.parameters()).dtype
        field: State = self.field(x.to(dtype=dtype), t.to(dtype)).project()
        return field.scale(self.control.unit)

    @torch.no_grad()
    def _base_velocity(self, x: State, t: Tensor) -> State:
        endpoint = self.model.predict_endpoint(x, t).to(dtype=x.dtype).project()
        return from_endpoint(Parameterisation.VELOCITY, x, endpoint, self.model.schedules, t.to(x.dtype))

    @torch.no_grad()
    def _known(self, x: State, t: Tensor, velocity: State, strength: float) -> State:
        """−η_t β∇r at the endpoint of the current velocity, the gradient of each sample shortened to the limit."""
        now = velocity + self.control(x, t).to(dtype=x.dtype)
        endpoint = to_endpoint(Parameterisation.VELOCITY, x, now, self.model.schedules, t.to(x.dtype))
        gradient = self.worth.gradient(endpoint)
        length = gradient.squared_norm().sqrt()
        self._lengths.append(length)
        share = (self.limit.length / length.clamp(min=torch.finfo(length.dtype).tiny)).clamp(max=1.0)
        return gradient.scale(-strength * share * REWARD_SCHEDULES[self.options.reward_schedule](t))

    def _along_base(self, x: State, t: Tensor, velocity: State, guess: State) -> State:
        """(∂v_base)ᵀ G, or (∂v_base) G by a finite difference."""
        if self.options.jacobian == "vjp":
            schedules = self.model.schedules

            def along(endpoint: State, t: Tensor, x: State, guess: State) -> Tensor:
                to = endpoint.dtype
                found = from_endpoint(Parameterisation.VELOCITY, x.to(dtype=to), endpoint, schedules, t.to(to))
                return found.inner(guess.to(dtype=to))

            # Of the velocity x is a part itself; what the endpoint is differentiated for leaves that out.
            _, through = self.model.differentiate_endpoint(x, t, along, x, guess)
            direct = guess.scale(schedules.collect(lambda each: each.beta_dot(t) / each.beta(t)))
            return direct + through.to(dtype=x.dtype)
        size = self.options.difference / (guess.squared_norm() / _dimension(x)).sqrt().clamp(min=1e-12)
        moved = self._base_velocity(x + guess.scale(size), t)
        return (moved - velocity).scale(1 / size)


class _Limit(nn.Module):
    """The longest gradient of a reward that is not shortened."""

    length: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("length", torch.tensor(math.inf))

    def settle(self, lengths: Tensor, quantile: float | None) -> None:
        """Take the quantile of these lengths, shape (n,)."""
        if quantile is not None:
            self.length.copy_(torch.quantile(lengths.float(), quantile))


def _dimension(x: State) -> Tensor:
    count: Tensor = sum(x.degrees_of_freedom().values())  # type: ignore[assignment]
    return count
