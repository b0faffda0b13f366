"""Value Matching: regress V on the cost that the current control has still to pay."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.objectives.base import Rollout, check_strength
from molvm.objectives.diagnostics import path_diagnostics
from molvm.objectives.replay import Points, ReplayMemory
from molvm.schedules import Schedules
from molvm.sde import Trajectory
from molvm.states import State, map_in_lanes, rows_in_lanes
from molvm.values.base import PRIOR_COUNT, ValueNet

AVERAGE_RAMP: Final = 10.0
"""The average of s weights decays by at most (1 + s)/(ramp + s), so that early weights are forgotten soon."""

TIMES_OBSERVED_AT_ONCE: Final = 10
"""Time points of a rollout that the network is shown in one pass."""


@dataclass(frozen=True)
class ValueMatchingOptions:
    """How Value Matching is run.

    Args:
        gate: Let the network's part of V vanish at t = 0. The paper does not; ungated nets can diverge.
        ito: Add the Itô integral ∫_t^1 u·dB, of mean zero, to the targets: the same fixed point, but at the optimum the
            targets' variance, 2 KL-to-go without it, vanishes. The paper does not.
        baseline_window: Samples of one condition over which V₀(c) is averaged: few follow a moving policy, many average
            more noise away. 0 leaves it at zero, as in the paper, whose weight w(0) = 0 does not train V(·, 0).
        baseline_ito: Add the Itô integral to the estimates of V₀(c): the same mean, and no variance at the optimum.
        terminal_weight: Weight of the regression at t = 1, in units of the last step's. The paper's Eq. 10 has no such
            term (its integral ends there); no control is ever taken from V(·, 1), and a discontinuous reward makes the
            network spend its capacity on a jump.
        replay: Learn from points drawn at random from so many of the last rollouts, this one included, instead of the
            current one alone: 0, as in the paper. Targets are those of the control that made the path; their fixed
            point is the same, and a paid-for reward is learned from many times.
        replay_points: Points of each path that are remembered.
        horizon: Regress V(x_t, t) on the cost up to about t + horizon and V there, by the average of the weights if
            there is one: the same fixed point, and far less noise where little is decided yet. 1, as in the paper, to
            regress it on the cost to the end and the reward.
        average: Decay of a moving average of the network over the gradient steps. The average steers; 0, as in the
            paper, for the last weights.
        chunk: How many time points of all paths are gathered at once to be learned from. Any value gives the same
            gradients; a larger one needs more memory. A network that has `trained_at_once` is given portions of about
            so many samples of them, on all cores.

    Raises:
        ConfigError: A number out of range.
    """

    gate: bool = True
    ito: bool = False
    baseline_window: float = 256.0
    baseline_ito: bool = True
    terminal_weight: float = 0.0
    replay: int = 0
    replay_points: int = 10
    horizon: float = 1.0
    average: float = 0.0
    chunk: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.baseline_window < float("inf"):
            raise ConfigError(f"baseline_window is {self.baseline_window}.", allowed="0 or a positive finite number")
        if not 0 <= self.terminal_weight < float("inf"):
            raise ConfigError(f"terminal_weight is {self.terminal_weight}.", allowed="0 or a positive finite number")
        if not 0 < self.horizon <= 1:
            raise ConfigError(f"horizon is {self.horizon}.", allowed="a number above 0, up to 1")
        if not 0 <= self.average < 1:
            raise ConfigError(f"average is {self.average}.", allowed="a number from 0 to below 1")
        if self.replay < 0:
            raise ConfigError(f"replay is {self.replay}.", allowed="a whole number from 0")
        for name in ("replay_points", "chunk"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 1")


class ValueMatching:
    """Value Matching, Alg. 1 with the loss of Eq. 10 and the weight of Eq. 50.

    On paths of the current control u = −σ∇V the targets are Ĵ_k = ½∫_{t_k}^1 |u|² ds − λ r(x₁), with no gradient
    through them, and the loss is Σ_k dt_k w(t_k) ½ (V(x_k, t_k) − Ĵ_k)², averaged over the paths, with
    w = 1/(λ² (1 + ½∫_t^1 σ²)), the mean over the modalities. (Alg. 1 omits λ before r; Eq. 10 has it.) Once the spread
    of the rewards is known it stands beside λ, so that losses and gradients do not depend on the reward's unit.

    Args:
        value: The value function that is trained, and steers.
        options: How.

    Raises:
        ConfigError: The value function's λ is not positive and finite.
    """

    name = "value_matching"
    keeps_noise = False

    def __init__(self, value: ValueNet, options: ValueMatchingOptions | None = None) -> None:
        check_strength(value.strength)
        self.value = value
        self.options = options or ValueMatchingOptions(gate=value.gated)
        self.average = AveragedModel(value, avg_fn=self._averaged) if self.options.average else None
        self.memory = ReplayMemory(self.options.replay, self.options.replay_points) if self.options.replay else None

    @classmethod
    def build(
        cls,
        features: nn.Module,
        schedules: Schedules,
        strength: float,
        *,
        conditions: Sequence[int] | None = None,
        options: ValueMatchingOptions | None = None,
    ) -> ValueMatching:
        """Wrap a network into a value function as the options say; arguments as for `ValueNet`."""
        chosen = options or ValueMatchingOptions()
        check_strength(strength)
        return cls(ValueNet(features, schedules, strength, conditions=conditions, gated=chosen.gate), chosen)

    @property
    def keeps_endpoints(self) -> bool:
        """Whether the network reads the base model's predictions."""
        return self.value.reads == "endpoint"

    @property
    def control(self) -> ValueNet:
        """The value function, its weights averaged if the options say so."""
        return self.value if self.average is None else cast(ValueNet, self.average.module)

    def parameters(self) -> Iterable[nn.Parameter]:
        """The network's parameters."""
        return self.value.parameters()

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Learn V₀ and the scales of things from a fresh rollout, remember it, and report.

        Returns:
            kl (mean ½∫|u|²), and the `PathDiagnostics`.

        Raises:
            ConfigError: The rollout was made for another λ, or kept its terminal state alone.
        """
        self._check(rollout)
        self.value.settle_scale(rollout.rewards)
        for times in torch.split(self._times(rollout.trajectory), TIMES_OBSERVED_AT_ONCE):
            points = self._points(rollout, times)
            self.value.observe(points.states, points.times)
        self._learn_baseline(rollout)
        self._share_buffers()
        if self.memory is not None:
            self._remember(rollout, self.memory)
        return {
            "kl": float(rollout.trajectory.path_cost.mean()),
            **asdict(path_diagnostics(rollout.log_weights, rollout.condition)),
        }

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss, and report.

        Args:
            rollout: Paths of the current control and their rewards.
            part: Which of the parts, from 0.
            parts: So many parts are dealt the points of the time grid in turn; the mean of their losses is the loss.
                With a memory each part is as many points of it, and only the expectation of the loss is the same.

        Returns:
            loss, and value_error (root mean square of V − Ĵ over the points).

        Raises:
            DivergenceError: The loss is not finite.
            ConfigError: The rollout was made for another λ, or kept its terminal state alone.
        """
        self._check(rollout)
        loss, squared_error, seen = 0.0, 0.0, 0
        # A pass for each batch of points: what is held at once does not grow with the number of steps.
        for points in self._batches(rollout, part, parts):
            share, squares = self._backward(points, parts / (2 * len(rollout.rewards)))
            loss += share
            squared_error += squares
            seen += len(points)
        if not math.isfinite(loss):
            raise DivergenceError(
                f"The Value Matching loss is {loss}.",
                remedy="a smaller strength or learning rate, more steps, or a gated value network",
            )
        return {"loss": loss, "value_error": (squared_error / max(1, seen)) ** 0.5}

    def after_step(self) -> None:
        """Move the average of the weights."""
        if self.average is not None:
            self.average.update_parameters(self.value)

    def start_from(self, value: ValueNet) -> None:
        """Take over what another value function of the same base and reward has learned; its λ may be another.

        V₀ is kept in units of λ, as a first guess that soon fades, and so is the network's part.

        Raises:
            CheckpointError: Its network has another shape.
        """
        try:
            self.value.load_state_dict(value.state_dict())
        except RuntimeError as error:
            raise CheckpointError(
                f"The value function to start from does not fit this one: {error}",
                remedy="the same value.size and value.reads as in its run",
            ) from error
        self.value.baseline_count.clamp_(max=PRIOR_COUNT)
        if self.average is not None:
            self.average.module.load_state_dict(self.value.state_dict())

    def state_dict(self) -> dict[str, Tensor]:
        """The network and the table V₀; the average and the memory if there are."""
        parts = {"value": self.value, "average": self.average, "memory": self.memory}
        return {
            f"{part}.{name}": tensor.detach()
            for part, holder in parts.items()
            if holder is not None
            for name, tensor in holder.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Other names or shapes than this value function has.
        """
        try:
            self.value.load_state_dict(_part(state, "value"))
            if self.average is not None:
                self.average.load_state_dict(_part(state, "average"))
        except RuntimeError as error:
            raise CheckpointError(
                f"The saved value function does not fit this one: {error}",
                remedy="the configuration that the checkpoint was written with",
            ) from error
        if self.memory is not None:
            self.memory.load_state_dict(_part(state, "memory"))

    def _check(self, rollout: Rollout) -> None:
        if rollout.strength != self.value.strength:
            raise ConfigError(f"The rollout has λ = {rollout.strength}, the value function {self.value.strength}.")
        if len(self._inputs(rollout.trajectory)) != rollout.trajectory.steps + 1:
            kept = "endpoints" if self.keeps_endpoints else "states"
            raise ConfigError(f"Value Matching needs all {kept} of a trajectory.", remedy=f"simulate(keep_{kept}=True)")

    def _inputs(self, trajectory: Trajectory) -> tuple[State, ...]:
        """What the network is given at each time of the grid."""
        return (*trajectory.endpoints, trajectory.terminal) if self.keeps_endpoints else trajectory.states

    def _times(self, trajectory: Trajectory) -> Tensor:
        """The indices of the times of the grid that have a weight."""
        return torch.nonzero(self._weights(trajectory.times)).flatten()

    def _batches(self, rollout: Rollout, part: int, parts: int) -> Iterator[Points]:
        """What one of the parts of the loss is made of: points of the memory, if there is one, else of the rollout."""
        times, count = self._times(rollout.trajectory)[part::parts], len(rollout.rewards)
        if self.memory is not None:
            yield from self.memory.draw(len(times) * count, at_once=self.options.chunk * count)
        else:
            for some in torch.split(times, self.options.chunk):
                yield self._points(rollout, some)

    def _remember(self, rollout: Rollout, memory: ReplayMemory) -> None:
        """Remember some of all points, taken out time by time so that they never lie side by side."""
        times, count = self._times(rollout.trajectory), len(rollout.rewards)
        chosen = memory.choose(len(times) * count, count)
        memory.add(
            Points.cat(
                [
                    self._points(rollout, times[k : k + 1]).select(chosen[chosen // count == k] % count)
                    for k in range(len(times))
                ]
            )
        )

    def _points(self, rollout: Rollout, times: Tensor) -> Points:
        """The points of all paths at some times, given by their indices in the grid."""
        trajectory, count = rollout.trajectory, len(rollout.rewards)
        inputs, ahead, to_go = self._inputs(trajectory), self._ahead(trajectory.times)[times], self._cost_to_go(rollout)
        # Where the path ends nothing is left to pay but the reward, which then belongs to this stretch.
        beyond = torch.where((ahead < trajectory.steps)[:, None], to_go[ahead], 0.0)
        return Points(
            _joined(inputs, times),
            None if self.options.horizon == 1 else _joined(inputs, ahead),
            trajectory.times[times].repeat_interleave(count),
            trajectory.times[ahead].repeat_interleave(count),
            (to_go[times] - beyond).flatten(),
            self._weights(trajectory.times)[times].repeat_interleave(count),
        )

    def _ahead(self, times: Tensor) -> Tensor:
        """To each time of the grid the index of the first one that is at least the horizon later, or of the last."""
        last = len(times) - 1
        if self.options.horizon == 1:
            return torch.full((last + 1,), last)
        # A hair less, so that rounding does not decide whether a time that is just as far counts.
        later = torch.searchsorted(times, times + (1 - 1e-6) * self.options.horizon)
        return later.clamp(max=last)

    def _cost_to_go(self, rollout: Rollout) -> Tensor:
        """Ĵ at each point of the grid, shape (K+1, B)."""
        trajectory = rollout.trajectory
        costs = trajectory.cost_to_go() - (rollout.strength * rollout.rewards).to(trajectory.running_cost)
        return costs + trajectory.ito_to_go() if self.options.ito else costs

    def _weights(self, times: Tensor) -> Tensor:
        """dt_k w(t_k) of each point of the grid, shape (K+1,); zero at the end unless a terminal weight is set."""
        steps = times.diff()
        steps = torch.cat([steps, steps[-1:] * self.options.terminal_weight])
        return steps * self.value.schedules.value_weight(times) / self.value.unit**2

    def _backward(self, points: Points, factor: float) -> tuple[float, float]:
        """Add the gradients of factor Σ w (V − Ĵ)²; that number, and Σ (V − Ĵ)²."""
        targets, loss, squared_error = self._targets(points), 0.0, 0.0
        parameters = [parameter for parameter in self.value.parameters() if parameter.requires_grad]
        states = points.states
        portions = [torch.arange(len(states))] if self._at_once is None else states.portions(self._at_once)

        def portion(index: Tensor) -> tuple[Sequence[Tensor | None], float, float]:
            some = points.select(index)
            squares = (self._values(self.value, some.states, some.times) - targets[index].to(self.value.dtype)).square()
            share = factor * (some.weights.to(squares) * squares).sum()
            # torch.autograd.grad, because two threads must not add to the same .grad.
            gradients = torch.autograd.grad(share, parameters, allow_unused=True)
            return gradients, float(share.detach()), float(squares.detach().sum())

        for gradients, share, squares in map_in_lanes(portion, portions, states.device):
            loss += share
            squared_error += squares
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return loss, squared_error

    @property
    def _at_once(self) -> int | None:
        """About how many points the network is given in one pass; None for all."""
        return getattr(self.value.features, "trained_at_once", None)

    @torch.no_grad()
    def _targets(self, points: Points) -> Tensor:
        """Ĵ, shape (M,): the costs, and what the value function says of the points where the path goes on."""
        going_on = torch.nonzero(points.times_ahead < 1).flatten()
        if points.ahead is None or len(going_on) == 0:
            return points.costs
        ahead, times = points.ahead.select(going_on), points.times_ahead[going_on]
        values = rows_in_lanes(torch.no_grad()(partial(self._values, self.control)), ahead, times, self._at_once)
        return points.costs.index_add(0, going_on, values.to(points.costs))

    def _values(self, value: ValueNet, states: State, times: Tensor) -> Tensor:
        device = value.conditions.device
        values: Tensor = value(states.to(device=device), times.to(device, value.dtype))
        return values

    def _learn_baseline(self, rollout: Rollout) -> None:
        if self.options.baseline_window == 0:
            return
        estimates = -rollout.log_weights
        if not self.options.baseline_ito:
            estimates = estimates - rollout.trajectory.ito.sum(dim=0)
        device = self.value.conditions.device
        self.value.update_baseline(rollout.condition, estimates.to(device), self.options.baseline_window)

    def _share_buffers(self) -> None:
        """The average has the tables and scales of the value function; only its weights are its own."""
        if self.average is not None:
            for mine, new in zip(self.average.module.buffers(), self.value.buffers(), strict=True):
                mine.copy_(new)

    def _averaged(self, mean: Tensor, weight: Tensor, count: Tensor | int) -> Tensor:
        """The average after another weight, `count` have gone into it."""
        decay = min(self.options.average, (1 + float(count)) / (AVERAGE_RAMP + float(count)))
        return torch.lerp(mean, weight, 1 - decay)


def _joined(inputs: Sequence[State], points: Tensor) -> State:
    """The inputs of all paths at some points of the grid, one time after the other."""
    chosen = [inputs[k] for k in points.tolist()]
    joined: State = type(chosen[0]).cat(chosen)
    return joined


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
