"""DDPO: policy gradients on the steps of the chain, for any reward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from molvm.errors import CheckpointError, ConfigError
from molvm.objectives.accumulate import add_gradients, learned_in
from molvm.objectives.base import Rollout
from molvm.objectives.diagnostics import path_diagnostics
from molvm.sde import Transition
from molvm.states import State
from molvm.values.control import ControlNet

SPREAD_FLOOR = 1e-8
"""Added to the standard deviation of the rewards."""


@dataclass(frozen=True)
class DdpoOptions:
    """How DDPO is run; the defaults are those of its authors' program.

    Args:
        clip_range: By how much the ratio of densities may differ from 1 before it is clipped.
        advantage_clip: Largest advantage, in standard deviations of the batch.
        log_density: "mean" over the degrees of freedom, for which the clip range is meant, or their "sum".

    Raises:
        ConfigError: A number that is not positive, or another log density.
    """

    clip_range: float = 1e-4
    advantage_clip: float = 5.0
    log_density: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        for name in ("clip_range", "advantage_clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a positive finite number")
        if self.log_density not in ("mean", "sum"):
            raise ConfigError(f"log_density is {self.log_density!r}.", allowed="mean, sum")


class Ddpo:
    """DDPO with importance sampling (Black, Janner, Du, Kostrikov, Levine, 2024, Eq. 5) on a residual control.

    A step of the chain is the policy: N(mean − shift g(x_k, t_k), noise²). With the advantage A of the terminal reward,
    normalised within the batch, the loss is the mean over steps and paths of max(−Aρ, −A clip(ρ)), where ρ is the ratio
    of the densities of the step that was taken, now and when it was taken. It maximises E[r] and knows no λ: its law is
    not p*, and only clipping and few iterations keep it near the base.

    Args:
        control: What is trained, and steers.
        options: How.
    """

    name = "ddpo"
    keeps_noise = True
    keeps_endpoints = False

    def __init__(self, control: ControlNet, options: DdpoOptions | None = None) -> None:
        self.control, self.options = control, options or DdpoOptions()
        self._taken: list[State] = []

    @property
    def behaviour(self) -> ControlNet:
        """The control itself."""
        return self.control

    def parameters(self) -> Iterable[nn.Parameter]:
        """The control's parameters."""
        return self.control.parameters()

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Note the controls that the paths took.

        Returns:
            kl (mean ½∫|u|²) and the `PathDiagnostics`.

        Raises:
            ConfigError: The rollout lacks states or noise.
        """
        path = rollout.trajectory
        if len(path.noises) != path.steps or len(path.states) != path.steps + 1:
            raise ConfigError("DDPO needs all states and the noise of a trajectory.", remedy="keep_noise=True")
        steered = bool(path.path_cost.any())
        self._taken = [self._control_of(rollout, k) if steered else _nothing(path.states[k]) for k in range(path.steps)]
        self.control.settle_scale(rollout.rewards)
        return {
            "kl": float(path.path_cost.mean()),
            **asdict(path_diagnostics(rollout.log_weights, rollout.condition)),
        }

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss over every `parts`-th step.

        Returns:
            loss; ratio_error, the mean |ρ − 1|; clipped, the share of ratios that are.
        """
        steps = range(rollout.trajectory.steps)[part::parts]
        totals = [0.0, 0.0, 0.0]
        for k in steps:
            found = self._backward(rollout, k, 1 / (len(steps) * len(rollout.rewards)))
            totals = [total + number for total, number in zip(totals, found, strict=True)]
        return dict(zip(("loss", "ratio_error", "clipped"), totals, strict=True))

    def after_step(self) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Tensor]:
        """The control."""
        return {f"control.{name}": tensor.detach() for name, tensor in self.control.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Other names or shapes than this control has.
        """
        try:
            self.control.load_state_dict({name.removeprefix("control."): tensor for name, tensor in state.items()})
        except RuntimeError as error:
            raise CheckpointError(f"The saved control does not fit this one: {error}") from error

    def advantages(self, rewards: Tensor) -> Tensor:
        """The rewards in standard deviations from their mean, clipped, shape (B,)."""
        limit = self.options.advantage_clip
        return ((rewards - rewards.mean()) / (rewards.std(correction=0) + SPREAD_FLOOR)).clamp(-limit, limit)

    def log_ratio(self, transition: Transition, noise: State, taken: State, field: State) -> Tensor:
        """Log ρ of a step, summed over the degrees of freedom, shape (B,).

        Args:
            transition: How the step was made.
            noise: ε that it took.
            taken: g when it was taken.
            field: g now, with its graph.
        """
        per_noise = {name: shift and shift / transition.noise[name] for name, shift in transition.shift.items()}
        moved = (field - taken).scale(per_noise)
        # −½|ε + moved|² + ½|ε|² without the difference of large numbers: exactly 0 where nothing has moved.
        return -moved.inner(noise.to(dtype=moved.dtype)) - moved.squared_norm() / 2

    def _control_of(self, rollout: Rollout, k: int) -> State:
        """G at step k, from the same portions as when it is learned from, so that the first ratio is exactly 1."""
        x, t = rollout.trajectory.states[k], rollout.trajectory.times[k].expand(len(rollout.rewards))
        portions = learned_in(x, self.control.features)
        with torch.no_grad():
            return x.reassembled(portions, [self.control(x.select(some), t[some]) for some in portions])

    def _backward(self, rollout: Rollout, k: int, factor: float) -> tuple[float, ...]:
        path, advantages = rollout.trajectory, self.advantages(rollout.rewards)
        x, noise, taken = path.states[k], path.noises[k], self._taken[k]

        def portion(index: Tensor) -> tuple[Tensor, tuple[float, float]]:
            field = self.control(x.select(index), path.times[k].expand(len(index)))
            log_ratio = self.log_ratio(path.transitions[k], noise.select(index), taken.select(index), field)
            if self.options.log_density == "mean":
                log_ratio = log_ratio / sum(x.select(index).degrees_of_freedom().values())
            ratio, clip = torch.exp(log_ratio), self.options.clip_range
            mine = advantages[index].to(ratio)
            loss = torch.maximum(-mine * ratio, -mine * ratio.clamp(1 - clip, 1 + clip)).sum()
            off = (ratio.detach() - 1).abs()
            return factor * loss, (factor * float(off.sum()), factor * float((off > clip).sum()))

        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return add_gradients(portion, learned_in(x, self.control.features), parameters, x.device)


def _nothing(x: State) -> State:
    return x.map(torch.zeros_like)
