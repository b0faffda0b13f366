"""ReFL: the reward's gradient at the endpoint that a late state promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from molvm.errors import ConfigError
from molvm.gradients import Worth
from molvm.models.adaptation import Adaptation
from molvm.models.base import FlowModel
from molvm.models.images.denoiser import DenoiserModel
from molvm.objectives.base import Rollout
from molvm.objectives.chosen_steps import StepChoice, check_share
from molvm.objectives.gradient_objective import GradientObjective
from molvm.objectives.residual_objective import Ingredients, path_metrics
from molvm.values.control import ControlNet


@dataclass(frozen=True)
class ReflOptions:
    """How it is run; the defaults are those of its authors' program, but for the bound, which belongs to their reward.

    Args:
        late_share: Share of the steps at the end of which one, drawn at random each round, is learned from.
        bound: Reward, in its own unit, above which a sample teaches nothing; None for none. The paper's is 2, of
            ImageReward.
        kl_weight: What the control's cost counts beside λr, both in nats. The program has none, and lacks the
            pretraining loss of the paper, which stood in its place.

    Raises:
        ConfigError: A number out of range.
    """

    late_share: float = 0.25
    bound: float | None = None
    kl_weight: float = 0.0

    def __post_init__(self) -> None:
        check_share("late_share", self.late_share)
        if self.bound is not None and not math.isfinite(self.bound):
            raise ConfigError(f"bound is {self.bound}.", allowed="a finite number, or none")
        if not 0 <= self.kl_weight < math.inf:
            raise ConfigError(f"kl_weight is {self.kl_weight}.", allowed="a finite number from 0")


class Refl(GradientObjective[ReflOptions]):
    """Reward feedback learning (Xu, Liu, Wu, Tong, Li, Ding, Tang, Dong, 2023, Algorithm 1) on a residual control.

    One late step a round is differentiated: from its state the controlled model promises the endpoint
    x̂₁ − (β²/α) g(x, t), and the loss is −λr of that endpoint, kept below a bound, and, as the paper's pretraining loss
    would, a multiple of what the control costs. Its law is not p*: it ends where the reward is largest.

    Args:
        control: What is trained, and steers.
        model: The base model.
        worth: The reward with its gradient; None where nothing is going to be trained.
        options: How.
    """

    name: ClassVar[str] = "refl"
    title = "ReFL"

    def __init__(
        self, control: ControlNet, model: FlowModel, worth: Worth | None, options: ReflOptions | None = None
    ) -> None:
        chosen = options or ReflOptions()
        super().__init__(control, model, worth, chosen, StepChoice(0.0, chosen.late_share))
        self._k = 0

    @classmethod
    def of(cls, control: ControlNet, options: ReflOptions, ingredients: Ingredients, worth: Worth | None) -> Self:
        """The algorithm with the reward's gradient.

        Raises:
            ConfigError: Denoiser and decoder are differentiated at once, and only one of them is on the device.
        """
        model = ingredients.model
        apart = isinstance(model, DenoiserModel) and model.denoiser.placement.offload
        if apart and worth is not None and worth.decodes and isinstance(control.features, Adaptation):
            raise ConfigError(
                f"{cls.title} differentiates the decoder and the weights of {model.name} at once, and with "
                "model.offload one of them is not on the device.",
                remedy="model.offload = false; objective.trains = residual; or adjoint-matching, vgg-flow or draft",
            )
        return super().of(control, options, ingredients, worth)

    def prepare(self, rollout: Rollout) -> Mapping[str, float]:
        """Draw the step.

        Returns:
            kl (mean ½∫|u|²) and the `PathDiagnostics`.
        """
        self._k = self.choice.one_late(rollout.trajectory.steps)
        return path_metrics(rollout)

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss over every `parts`-th of the paths.

        Returns:
            loss, in λ and standard deviations of the reward; promised, the reward of the endpoints.
        """
        path, k = rollout.trajectory, self._k
        places = torch.arange(len(rollout.rewards))
        chosen = places[part::parts] if part < len(places) else places
        x, t = path.states[k].select(chosen), path.times[k].to(path.terminal.dtype).expand(len(chosen))
        endpoint = self.model.predict_endpoint(x, t).to(dtype=x.dtype).project()
        lever = self.model.schedules.collect(lambda each: each.beta(t) ** 2 / each.alpha(t))
        bound = math.inf if self.options.bound is None else self.worth.sign * self.options.bound

        def portion(index: Tensor) -> tuple[Tensor, tuple[float]]:
            field = self.control(x.select(index), t[index])
            shift = field.to(dtype=x.dtype).scale({name: each[index] for name, each in lever.items()})
            promised = self.worth(endpoint.select(index) - shift)
            cost = path.steps * field.scale(path.transitions[k].leverage).squared_norm() / 2
            loss = (self.options.kl_weight * cost - rollout.strength * promised.clamp(max=bound)).sum()
            reward = self.worth.sign * float(promised.detach().sum()) / len(chosen)
            return loss / (self.control.unit * len(chosen)), (reward,)

        found = self.add(portion, x)
        return dict(zip(("loss", "promised"), found, strict=True))
