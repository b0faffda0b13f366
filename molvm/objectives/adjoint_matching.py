"""Adjoint Matching: a control learned by regression on adjoints, and the adjoint methods it is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor

from molvm.errors import ConfigError
from molvm.gradients import Worth
from molvm.models.base import FlowModel
from molvm.objectives.adjoint import BaseStep, ControlledStep, StepBack, adjoints, denoised_end
from molvm.objectives.base import Rollout
from molvm.objectives.chosen_steps import StepChoice, check_share
from molvm.objectives.gradient_objective import GradientObjective
from molvm.objectives.residual_objective import path_metrics
from molvm.sde import Trajectory
from molvm.states import State
from molvm.values.control import ControlNet

AdjointName = Literal["lean", "basic", "continuous", "discrete"]


@dataclass(frozen=True)
class AdjointMatchingOptions:
    """How it is run; the defaults are those of the paper's flow models (its Appendix G), but for the clipping.

    Args:
        adjoint: "lean", the method. The ablations differentiate the control and its cost too: "basic" regresses on
            that adjoint, "discrete" descends the simulated cost itself, "continuous" pairs a control with the adjoint
            at the beginning of its step, as if steps were infinitely short.
        reward_at: Where ∇r is taken: at the "denoised" endpoint, or at the "sample" itself, with its last noise.
        early_share: Share of the steps that are drawn from those before the late, one of each of equal stretches.
        late_share: Share of the steps at the end that are always learned from, one step at least.
        clip_loss: Loss of one step of one path a unit of time, in units of λ² and the reward's variance, above which it
            teaches nothing; None for no such limit. The paper has 1.6 λ², and 1600 λ² for the continuous adjoint, of
            rewards with a variance of about one.

    Raises:
        ConfigError: A number out of range, or another adjoint.
    """

    adjoint: AdjointName = "lean"
    reward_at: Literal["denoised", "sample"] = "denoised"
    early_share: float = 0.25
    late_share: float = 0.25
    clip_loss: float | None = None

    def __post_init__(self) -> None:
        if self.adjoint not in get_args(AdjointName):
            raise ConfigError(f"adjoint is {self.adjoint!r}.", allowed=", ".join(get_args(AdjointName)))
        if self.reward_at not in ("denoised", "sample"):
            raise ConfigError(f"reward_at is {self.reward_at!r}.", allowed="denoised, sample")
        check_share("early_share", self.early_share)
        check_share("late_share", self.late_share)
        if self.clip_loss is not None and not 0 < self.clip_loss < math.inf:
            raise ConfigError(f"clip_loss is {self.clip_loss}.", allowed="a positive finite number, or none")


class AdjointMatching(GradientObjective[AdjointMatchingOptions]):
    """Adjoint Matching (Domingo-Enrich, Drozdzal, Karrer, Chen, 2025, Eq. 37 and Algorithm 1) on a residual control.

    On paths of the current control the lean adjoint goes back from ã_K = −λ∇r over the steps of the base alone, and the
    control w of step k, in units of its noise, is regressed on −noise · ã_{k+1}: the loss is ½|w + noise ã|², over λ²
    and the reward's variance. The adjoint at the end of the step is what the step can change; with that at its
    beginning few steps apply too little of the tilt. The step is the simulated one, so the Jacobian is that of the
    chain, and the control that is learned belongs to the chain, whatever the number of its steps.

    Args:
        control: What is trained, and steers.
        model: The base model.
        worth: The reward with its gradient; None where nothing is going to be trained.
        options: How.
    """

    name: ClassVar[str] = "adjoint_matching"
    title = "Adjoint Matching"

    def __init__(
        self, control: ControlNet, model: FlowModel, worth: Worth | None, options: AdjointMatchingOptions | None = None
    ) -> None:
        chosen = options or AdjointMatchingOptions()
        super().__init__(control, model, worth, chosen, StepChoice(chosen.early_share, chosen.late_share))
        self._targets: list[State] = []
        self._chosen: list[int] = []

    def prepare(self, rollout: Rollout) -> Mapping[str, float]:
        """Go back along the paths, and note what the controls should have been.

        Returns:
            kl (mean ½∫|u|²) and the `PathDiagnostics`.
        """
        path = rollout.trajectory
        found = adjoints(path, self._end(rollout), self._step_back())
        self._chosen = self.choice.draw(path.steps)
        # found[k] is the adjoint at the end of step k; at its beginning it has one more step behind it.
        if self.options.adjoint == "continuous":
            found = [self._before_the_first(path, found[0]), *found[:-1]]
        self._targets = [adjoint.scale(step.noise) for step, adjoint in zip(path.transitions, found, strict=True)]
        return path_metrics(rollout)

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss over every `parts`-th of the chosen steps.

        Returns:
            loss; clipped, the share of steps of paths that teach nothing.
        """
        steps = self._chosen[part::parts] or self._chosen
        totals = [0.0, 0.0]
        for k in steps:
            found = self._backward(rollout, k, 1 / (len(steps) * len(rollout.rewards)))
            totals = [total + number for total, number in zip(totals, found, strict=True)]
        return dict(zip(("loss", "clipped"), totals, strict=True))

    def _end(self, rollout: Rollout) -> State:
        """The adjoint −λ∇r at the end of the paths."""
        path = rollout.trajectory
        at = denoised_end(self.model, path) if self.options.reward_at == "denoised" else path.terminal
        return self.worth.gradient(at).scale(-rollout.strength)

    def _step_back(self) -> StepBack:
        if self.options.adjoint == "lean":
            return BaseStep(self.model)
        return ControlledStep(self.model, self.control, cost=True)

    def _before_the_first(self, path: Trajectory, adjoint: State) -> State:
        x = path.states[0]
        return self._step_back()(path.transitions[0], x, path.times[0].to(x.dtype).expand(len(x)), adjoint)

    def _backward(self, rollout: Rollout, k: int, factor: float) -> tuple[float, ...]:
        path, target = rollout.trajectory, self._targets[k]
        x, duration = path.states[k], float(path.times[k + 1] - path.times[k])
        limit = math.inf if self.options.clip_loss is None else self.options.clip_loss * duration

        def portion(index: Tensor) -> tuple[Tensor, tuple[float]]:
            field = self.control(x.select(index), path.times[k].expand(len(index)))
            moved, aim = field.scale(path.transitions[k].leverage), target.select(index).to(dtype=field.dtype)
            if self.options.adjoint == "discrete":
                # The derivative of the simulated cost: of this step's own, and by the adjoint of all that follows.
                return factor * ((moved.squared_norm() / 2 - moved.inner(aim)) / self.control.unit**2).sum(), (0.0,)
            loss = (moved - aim).squared_norm() / self.control.unit**2
            kept = loss <= limit
            return factor * (loss * kept / 2).sum(), (factor * float((~kept).sum()),)

        return self.add(portion, x)
