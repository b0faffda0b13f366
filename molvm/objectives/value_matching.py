"""Value Matching: regress V on the cost that the current control has still to pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Self, get_args

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.objectives.base import Rollout
from molvm.objectives.path_memory import PathMemory, RememberedPaths
from molvm.objectives.replay import Memory, Points
from molvm.objectives.value_objective import ValueObjective, ValueObjectiveOptions
from molvm.schedules import Schedules
from molvm.states import rows_in_lanes
from molvm.values.base import ValueNet

Weighting = Literal["paper", "none"]


@dataclass(frozen=True)
class ValueMatchingOptions(ValueObjectiveOptions):
    """How Value Matching is run, beside what `ValueObjectiveOptions` says.

    V₀(c) is a mean over a window: few samples follow a moving policy, many average more noise away. At zero, as in the
    paper, it stays untrained, for the weight w(0) is 0. A memory's targets are those of the control that made the path;
    their fixed point is the same.

    Args:
        ito: Add the Itô integral ∫_t^1 u·dB, of mean zero, to the targets: the same fixed point, but at the optimum the
            targets' variance, 2 KL-to-go without it, vanishes. The paper does not.
        baseline_ito: Add the Itô integral to the estimates of V₀(c): the same mean, and no variance at the optimum.
        terminal_weight: Weight of the regression at t = 1, in units of the last step's. The paper's Eq. 10 has no such
            term (its integral ends there); no control is ever taken from V(·, 1), and a discontinuous reward makes the
            network spend its capacity on a jump.
        horizon: Regress V(x_t, t) on the cost up to about t + horizon and V there, by the average of the weights if
            there is one: the same fixed point, and far less noise where little is decided yet. 1, as in the paper, to
            regress it on the cost to the end and the reward.
        trace: A time over which targets forget the path: at each later time of it they take V there, by the average of
            the weights if there is one, for what follows, the more the further off. 0 for the path alone. The same
            fixed point, and less noise; a horizon forgets all at once. It takes `ito` and the end of the path
            (`horizon` 1, no `retarget`).
        retarget: Remember whole paths, and learn from all of their points with the targets that the control of now has
            on them (`PathMemory`), half of them from the newest rollout; `replay_points` is not used then. It takes
            `ito`, the end of the path (`horizon` 1, no terminal weight), and a network that reads states. The control
            of now is the one where a step begins, also where the run's looks ahead.
        weighting: "paper" for the weight of Eq. 50, "none" for 1/λ² at all times: its ablation, which tends to diverge.

    Raises:
        ConfigError: A number out of range.
    """

    ito: bool = False
    baseline_ito: bool = True
    terminal_weight: float = 0.0
    horizon: float = 1.0
    weighting: Weighting = "paper"
    trace: float = 0.0
    retarget: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.terminal_weight < float("inf"):
            raise ConfigError(f"terminal_weight is {self.terminal_weight}.", allowed="0 or a positive finite number")
        if not 0 < self.horizon <= 1:
            raise ConfigError(f"horizon is {self.horizon}.", allowed="a number above 0, up to 1")
        if self.weighting not in get_args(Weighting):
            raise ConfigError(f"weighting is {self.weighting!r}.", allowed=", ".join(get_args(Weighting)))
        if not 0 <= self.trace < float("inf"):
            raise ConfigError(f"trace is {self.trace}.", allowed="0 or a positive finite number")
        if self.trace and not (self.ito and self.horizon == 1 and not self.retarget):
            raise ConfigError(
                f"trace is {self.trace:g} with ito = {self.ito}, horizon = {self.horizon:g} and retarget = "
                f"{self.retarget}.",
                allowed="ito = true, horizon = 1 and retarget = false",
            )
        if self.retarget and not (self.replay and self.ito and self.horizon == 1 and self.terminal_weight == 0):
            raise ConfigError(
                f"retarget is true with replay = {self.replay}, ito = {self.ito}, horizon = {self.horizon:g} and "
                f"terminal_weight = {self.terminal_weight:g}.",
                allowed="replay from 1, ito = true, horizon = 1 and terminal_weight = 0",
            )


class ValueMatching(ValueObjective[ValueMatchingOptions]):
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
    title = "Value Matching"

    def __init__(self, value: ValueNet, options: ValueMatchingOptions | None = None) -> None:
        super().__init__(value, options or ValueMatchingOptions(gate=value.gated))
        if self.options.retarget and value.reads == "endpoint":
            raise ConfigError(
                "retarget is true, and the value network reads the base's endpoints: what its control would have been "
                "on old paths takes the base's gradient at each of their points.",
                remedy="value.reads = state, or retarget = false",
            )

        self._traces: tuple[Rollout, Tensor] | None = None

    @property
    def keeps_increments(self) -> bool:  # type: ignore[override] # a constant elsewhere
        """Whether rollouts must carry control and noise of each step in one: where old paths are judged anew."""
        return self.options.retarget

    @classmethod
    def build(
        cls,
        features: nn.Module,
        schedules: Schedules,
        strength: float,
        *,
        conditions: Sequence[int] | None = None,
        options: ValueMatchingOptions | None = None,
    ) -> Self:
        """Wrap a network into a value function as the options say; arguments as for `ValueNet`."""
        chosen = options or ValueMatchingOptions()
        return cls(ValueNet(features, schedules, strength, conditions=conditions, gated=chosen.gate), chosen)

    @property
    def behaviour(self) -> ValueNet:
        """The control itself: Value Matching learns on its own paths."""
        return self.control

    def _losses(self, values: Tensor, targets: Tensor) -> Tensor:
        """½ (V − Ĵ)²."""
        return (values - targets).square() / 2

    def _weights(self, times: Tensor) -> Tensor:
        """dt_k w(t_k); zero at the end unless a terminal weight is set."""
        steps = times.diff()
        steps = torch.cat([steps, steps[-1:] * self.options.terminal_weight]) / self.value.unit**2
        return steps * self.value.schedules.value_weight(times) if self.options.weighting == "paper" else steps

    def _cost_to_go(self, rollout: Rollout) -> Tensor:
        """Ĵ = ½∫|u|² − λr, and the Itô integral if the options say so."""
        if self.options.trace:
            # Once a rollout, not again after each gradient step on it.
            if self._traces is None or self._traces[0] is not rollout:
                self._traces = rollout, self._traced(rollout)
            return self._traces[1]
        trajectory = rollout.trajectory
        costs = trajectory.cost_to_go() - (rollout.strength * rollout.rewards).to(trajectory.running_cost)
        return costs + trajectory.ito_to_go() if self.options.ito else costs

    def _traced(self, rollout: Rollout) -> Tensor:
        """G_k = what step k pays + (1 − e^(−dt/trace)) V_{k+1} + e^(−dt/trace) G_{k+1}, back from −λr."""
        path, count = rollout.trajectory, len(rollout.rewards)
        paid = path.running_cost + path.ito
        keep = torch.exp(-path.times.diff() / self.options.trace).to(paid)
        returns = [-(rollout.strength * rollout.rewards).to(paid)]
        inputs, value = self._inputs(path), torch.no_grad()(partial(self._values, self.control))
        for k in reversed(range(path.steps)):
            ahead = returns[-1]
            if k < path.steps - 1:
                t = path.times[k + 1].expand(count)
                values = rows_in_lanes(value, inputs[k + 1], t, self._at_once)
                ahead = torch.lerp(values.to(paid), ahead, keep[k])
            returns.append(paid[k] + ahead)
        return torch.stack(returns[::-1])

    def _new_memory(self) -> Memory:
        return PathMemory(self.options.replay) if self.options.retarget else super()._new_memory()

    def _remember(self, rollout: Rollout) -> None:
        if not isinstance(self.memory, PathMemory):
            super()._remember(rollout)
            return
        path = rollout.trajectory
        if len(path.increments) != path.steps:
            raise ConfigError(f"{self.title} needs the increments of a trajectory.", remedy="keep_increments=True")
        rewards, weights = rollout.strength * rollout.rewards, self._weights(path.times)[:-1]
        self.memory.add(RememberedPaths.of(path, rewards, weights), self.control)

    def _points(self, rollout: Rollout, times: Tensor) -> Points:
        """The points at some times; with a horizon, what is paid up to there, and where that is."""
        points = super()._points(rollout, times)
        if self.options.horizon == 1:
            return points
        trajectory, count = rollout.trajectory, len(rollout.rewards)
        ahead = self._ahead(trajectory.times)[times]
        # Where the path ends nothing is left to pay but the reward, which then belongs to this stretch.
        beyond = torch.where((ahead < trajectory.steps)[:, None], self._cost_to_go(rollout)[ahead], 0.0)
        return replace(
            points,
            ahead=self._inputs_at(trajectory, ahead),
            times_ahead=trajectory.times[ahead].repeat_interleave(count),
            costs=points.costs - beyond.flatten(),
        )

    def _ahead(self, times: Tensor) -> Tensor:
        """To each time of the grid the index of the first one that is at least the horizon later, or of the last."""
        # A hair less, so that rounding does not decide whether a time that is just as far counts.
        later = torch.searchsorted(times, times + (1 - 1e-6) * self.options.horizon)
        return later.clamp(max=len(times) - 1)

    @torch.no_grad()
    def _targets(self, points: Points) -> Tensor:
        """Ĵ, shape (M,): the costs, and what the value function says of the points where the path goes on."""
        going_on = torch.nonzero(points.times_ahead < 1).flatten()
        if points.ahead is None or len(going_on) == 0:
            return points.costs
        ahead, times = points.ahead.select(going_on), points.times_ahead[going_on]
        values = rows_in_lanes(torch.no_grad()(partial(self._values, self.control)), ahead, times, self._at_once)
        return points.costs.index_add(0, going_on, values.to(points.costs))

    def _learn_baseline(self, rollout: Rollout) -> None:
        """V₀(c) is the mean of Ĵ₀."""
        estimates = -rollout.log_weights
        if not self.options.baseline_ito:
            estimates = estimates - rollout.trajectory.ito.sum(dim=0)
        device = self.value.conditions.device
        self.value.update_baseline(rollout.condition, estimates.to(device), self.options.baseline_window)
