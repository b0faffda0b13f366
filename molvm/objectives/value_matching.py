"""Value Matching: regress V on the cost that the current control has still to pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.objectives.base import Rollout, check_strength
from molvm.objectives.diagnostics import path_diagnostics
from molvm.schedules import Schedules
from molvm.states import State
from molvm.values.base import ValueNet


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
        chunk: How many time points share one forward and backward pass. Any value gives the same gradients; a larger
            one is faster and needs more memory.

    Raises:
        ConfigError: A number out of range.
    """

    gate: bool = True
    ito: bool = False
    baseline_window: float = 256.0
    baseline_ito: bool = True
    terminal_weight: float = 0.0
    chunk: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.baseline_window < float("inf"):
            raise ConfigError(f"baseline_window is {self.baseline_window}.", allowed="0 or a positive finite number")
        if not 0 <= self.terminal_weight < float("inf"):
            raise ConfigError(f"terminal_weight is {self.terminal_weight}.", allowed="0 or a positive finite number")
        if self.chunk < 1:
            raise ConfigError(f"chunk is {self.chunk}.", allowed="a whole number from 1")


class ValueMatching:
    """Value Matching, Alg. 1 with the loss of Eq. 10 and the weight of Eq. 50.

    On paths of the current control u = −σ∇V the targets are Ĵ_k = ½∫_{t_k}^1 |u|² ds − λ r(x₁), with no gradient
    through them, and the loss is Σ_k dt_k w(t_k) ½ (V(x_k, t_k) − Ĵ_k)², averaged over the paths, with
    w = 1/(λ² (1 + ½∫_t^1 σ²)), the mean over the modalities. (Alg. 1 omits λ before r; Eq. 10 has it.)

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
    def control(self) -> ValueNet:
        """The value function."""
        return self.value

    def parameters(self) -> Iterable[nn.Parameter]:
        """The network's parameters."""
        return self.value.parameters()

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Learn V₀ from a fresh rollout, and report.

        Returns:
            kl (mean ½∫|u|²), and the `PathDiagnostics`.

        Raises:
            ConfigError: The rollout was made for another λ.
        """
        self._check_strength(rollout)
        self._learn_baseline(rollout)
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

        Returns:
            loss, and value_error (root mean square of V − Ĵ over paths and times).

        Raises:
            DivergenceError: The loss is not finite.
            ConfigError: The rollout was made for another λ, or kept its terminal state alone.
        """
        trajectory = rollout.trajectory
        self._check_strength(rollout)
        if len(trajectory.states) != trajectory.steps + 1:
            raise ConfigError("Value Matching needs all states of a trajectory.", remedy="simulate(keep_states=True)")
        device = self.value.conditions.device
        targets = self._targets(rollout).to(device=device, dtype=self.value.dtype)
        weights = parts * self._weights(trajectory.times).to(targets)
        loss, squared_error = 0.0, 0.0
        points = torch.nonzero(weights).flatten()[part::parts].tolist()
        for first in range(0, len(points), self.options.chunk):
            chosen = points[first : first + self.options.chunk]
            states = [trajectory.states[k] for k in chosen]
            error = self._errors(states, trajectory.times[chosen], targets[chosen])
            share = (weights[chosen, None] * error.square()).sum() / (2 * targets.shape[1])
            # A pass for each chunk: the memory does not grow with the number of steps.
            torch.autograd.backward(share)
            loss += float(share.detach())
            squared_error += float(error.detach().square().sum())
        if not torch.isfinite(torch.tensor(loss)):
            raise DivergenceError(
                f"The Value Matching loss is {loss}.",
                remedy="a smaller strength or learning rate, more steps, or a gated value network",
            )
        return {
            "loss": loss,
            "value_error": (squared_error / max(1, len(points) * targets.shape[1])) ** 0.5,
        }

    def after_step(self) -> None:
        """Nothing to do."""

    def state_dict(self) -> dict[str, Tensor]:
        """The network and the table V₀."""
        return {name: tensor.detach() for name, tensor in self.value.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Other names or shapes than this value function has.
        """
        try:
            self.value.load_state_dict(dict(state))
        except RuntimeError as error:
            raise CheckpointError(
                f"The saved value function does not fit this one: {error}",
                remedy="the configuration that the checkpoint was written with",
            ) from error

    def _check_strength(self, rollout: Rollout) -> None:
        if rollout.strength != self.value.strength:
            raise ConfigError(f"The rollout has λ = {rollout.strength}, the value function {self.value.strength}.")

    def _targets(self, rollout: Rollout) -> Tensor:
        """Ĵ at each point of the grid, shape (K+1, B)."""
        trajectory = rollout.trajectory
        targets = trajectory.cost_to_go() - (rollout.strength * rollout.rewards).to(trajectory.running_cost)
        return targets + trajectory.ito_to_go() if self.options.ito else targets

    def _weights(self, times: Tensor) -> Tensor:
        """dt_k w(t_k) of each point of the grid, shape (K+1,); zero at the end unless a terminal weight is set."""
        steps = times.diff()
        steps = torch.cat([steps, steps[-1:] * self.options.terminal_weight])
        return steps * self.value.schedules.value_weight(times) / self.value.strength**2

    def _errors(self, states: list[State], times: Tensor, targets: Tensor) -> Tensor:
        """V − Ĵ, shape (points, B)."""
        device = self.value.conditions.device
        batch = type(states[0]).cat(states) if len(states) > 1 else states[0]
        t = times.to(device=device, dtype=self.value.dtype).repeat_interleave(targets.shape[1])
        values: Tensor = self.value(batch.to(device=device), t)
        return values.reshape(targets.shape) - targets

    def _learn_baseline(self, rollout: Rollout) -> None:
        if self.options.baseline_window == 0:
            return
        estimates = -rollout.log_weights
        if not self.options.baseline_ito:
            estimates = estimates - rollout.trajectory.ito.sum(dim=0)
        device = self.value.conditions.device
        self.value.update_baseline(rollout.condition, estimates.to(device), self.options.baseline_window)
