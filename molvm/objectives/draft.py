"""DRaFT: the reward's gradient through the last steps of the chain, or through all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from molvm.errors import ConfigError
from molvm.gradients import Worth
from molvm.models.base import FlowModel
from molvm.objectives.adjoint import ControlledStep, adjoints
from molvm.objectives.base import Rollout
from molvm.objectives.chosen_steps import StepChoice
from molvm.objectives.gradient_objective import GradientObjective
from molvm.objectives.residual_objective import path_metrics
from molvm.schedules import interpolate
from molvm.sde import Trajectory
from molvm.states import State
from molvm.values.control import ControlNet


@dataclass(frozen=True)
class DraftOptions:
    """How it is run; the defaults are those of DRaFT-1.

    Args:
        last_steps: K, the number of steps at the end that are differentiated; 0 for all of them.
        renoised: DRaFT-LV with so many noisy copies of each sample beside it, which share its gradient; 0 for none. The
            paper takes 2, with one step.

    Raises:
        ConfigError: A negative number, or copies of more than the last step.
    """

    last_steps: int = 1
    renoised: int = 0

    def __post_init__(self) -> None:
        for name in ("last_steps", "renoised"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 0")
        if self.renoised and self.last_steps != 1:
            raise ConfigError(
                f"Samples are noised anew for the last step, and last_steps is {self.last_steps}.",
                remedy="objective.last_steps = 1, or objective.renoised = 0",
            )


@dataclass(frozen=True, eq=False)
class _Piece:
    """A step that was taken, and what its end is to be moved along: the gradient of −λr there."""

    k: int
    x: State
    direction: State


class Draft(GradientObjective[DraftOptions]):
    """Direct reward fine-tuning (Clark, Vicol, Swersky, Fleet, 2024) on a residual control.

    The loss is −r of the samples, differentiated with respect to the control in the last K steps of the chain. Going
    back over stored states, each step computed again, is checkpointing of every step: all steps need the memory of one.

    Nothing keeps the samples near the base, so that its law is not p*: it ends where the reward is largest.

    Args:
        control: What is trained, and steers.
        model: The base model.
        worth: The reward with its gradient; None where nothing is going to be trained.
        options: How.
    """

    name: ClassVar[str] = "draft"
    title = "DRaFT"

    def __init__(
        self, control: ControlNet, model: FlowModel, worth: Worth | None, options: DraftOptions | None = None
    ) -> None:
        super().__init__(control, model, worth, options or DraftOptions(), StepChoice(0.0, 0.0))
        self._pieces: list[_Piece] = []

    def prepare(self, rollout: Rollout) -> Mapping[str, float]:
        """Go back along the paths, with the control in them.

        Returns:
            kl (mean ½∫|u|²) and the `PathDiagnostics`.
        """
        path = rollout.trajectory
        back = ControlledStep(self.model, self.control, cost=False)
        end = self.worth.gradient(path.terminal).scale(-1.0)
        directions = adjoints(path, end, back, min(self.options.last_steps, path.steps) or None)
        first = path.steps - len(directions)
        self._pieces = [_Piece(first + k, path.states[first + k], each) for k, each in enumerate(directions)]
        self._pieces += self._noised_anew(path)
        return path_metrics(rollout)

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of −r by way of every `parts`-th of the steps.

        Returns:
            loss, the change of −r that the control makes to first order, in standard deviations of the reward.
        """
        pieces = self._pieces[part::parts] or self._pieces
        share = len(pieces) / len(self._pieces)
        factor = 1 / (share * (1 + self.options.renoised) * len(rollout.rewards))
        return {"loss": sum(self._backward(rollout.trajectory, piece, factor) for piece in pieces)}

    def _backward(self, path: Trajectory, piece: _Piece, factor: float) -> float:
        step, t = path.transitions[piece.k], path.times[piece.k]

        def portion(index: Tensor) -> tuple[Tensor, tuple[()]]:
            field = self.control(piece.x.select(index), t.expand(len(index)))
            along = piece.direction.select(index).scale(step.shift).to(dtype=field.dtype)
            # −shift · g is the control's share of the step's end.
            return -factor * field.inner(along).sum() / (self.control.unit / self.control.strength), ()

        return self.add(portion, piece.x)[0]

    def _noised_anew(self, path: Trajectory) -> list[_Piece]:
        """The last step from other states that lead to the same samples."""
        generator = self.choice.generator()
        t = path.times[-2].to(path.terminal.dtype)
        step, times, found = path.transitions[-1], t.expand(len(path.terminal)), []
        for _ in range(self.options.renoised):
            noise = path.terminal.randn_like(generator)
            x = interpolate(self.model.schedules, noise, path.terminal, times)
            endpoint = self.model.predict_endpoint(x, times).to(dtype=x.dtype).project()
            end = x.scale(step.keep) + endpoint.scale(step.pull) - self.control.gradient(x, times).scale(step.shift)
            end = end + x.randn_like(generator).scale(step.noise)
            found.append(_Piece(path.steps - 1, x, self.worth.gradient(end).scale(-1.0)))
        return found
