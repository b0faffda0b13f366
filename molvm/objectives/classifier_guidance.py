"""Classifier Guidance: regress exp(−V) on exp(λr) along paths of the base model alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Self, cast, get_args

import torch
from torch import Tensor, nn

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.objectives.base import Rollout
from molvm.objectives.replay import Points, ReplayMemory
from molvm.objectives.value_objective import ValueObjective, ValueObjectiveOptions
from molvm.schedules import Schedules, interpolate
from molvm.states import State
from molvm.values.base import ValueNet

Form = Literal["stable", "log_scaled", "faithful"]

SEED: Final = 0x72656E6F697365
"""Of the times and the noise of re-noised endpoints."""


@dataclass(frozen=True)
class ClassifierGuidanceOptions(ValueObjectiveOptions):
    """How Classifier Guidance is run, beside what `ValueObjectiveOptions` says.

    −V₀(c) is the logarithm of a mean of exp(λr). The base does not move, so that the window only has to forget rewards
    that do (bounds, scaffolds); a long one averages more of the noise away, of which a large λ makes much. At zero it
    is as in the paper, where the network, without a gate, learns V(·, 0) too.

    Args:
        form: Which loss, as `ClassifierGuidance` says.
        linear_above: Log weight λr + V above which the exponential of the stable form goes on as a straight line.
        renoise: Take as many points from the ends of the paths, each noised anew to a time of its own, instead of the
            paths' own points. The process forgets its start, so that these have the law of points of base paths; and
            unlike those they are independent of one another, given their ends. With a memory, the ends are remembered.

    Raises:
        ConfigError: A number out of range, or an unknown form.
    """

    baseline_window: float = 10_000.0
    form: Form = "stable"
    linear_above: float = 10.0
    renoise: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in get_args(Form):
            raise ConfigError(f"form is {self.form!r}.", allowed=", ".join(get_args(Form)))
        if not 0 < self.linear_above <= 40:
            raise ConfigError(f"linear_above is {self.linear_above}.", allowed="a number above 0, up to 40")


class ClassifierGuidance(ValueObjective[ClassifierGuidanceOptions]):
    """The baseline of the Value Matching paper, its Eq. 11: V = −log E[exp(λr) given x_t] from samples of the base.

    The losses are averages over base paths of Σ_k dt_k ℓ(V(x_k, t_k)), and each ℓ has its minimum, in expectation,
    where exp(−V) = E[exp(λr) given x_t]:

    - faithful: ½ (exp(−V) − exp(λr))² / exp(2λ), with exp(−λ) taken into both exponents. The paper's. Beyond
      λ (r − 1) = 44 its square is more than float32 holds, which is refused; far below, gradients vanish.
    - log_scaled: ½ (exp(−V − λ r_max) − exp(λr − λ r_max))², r_max the largest reward so far, kept in checkpoints. It
      multiplies the loss by one positive number for all points, which moves no minimum, and neither does a larger
      r_max. As in the paper's a point weighs exp(−2V): what is learned first is where the reward is best, and elsewhere
      hardly anything.
    - stable: g(λr + V) − V, g = exp, continued as its tangent above c. Its derivative exp(λr + V) − 1 knows no scale:
      at the minimum it is p*(x₁ | x_t)/p(x₁ | x_t) − 1. The tangent bounds it where V is still wrong, and moves the
      minimum only where an end is more than eᶜ times as likely under p*. It is divided by (λs)², s the spread of the
      rewards, so that with a small λ it is the unweighted loss of Value Matching, but for a constant.

    The targets Ĵ of the metrics are −λr: paths of the base pay nothing.

    Args:
        value: The value function that is trained, and steers what is sampled; not the paths it is trained on.
        options: How.
        predict_endpoint: The base's x̂₁(x_t, t): what a network that reads endpoints is given of re-noised points.

    Raises:
        ConfigError: The value function's λ is not positive and finite, or endpoints are read, re-noised, and unknown.
    """

    name = "classifier_guidance"
    title = "Classifier Guidance"
    behaviour = None

    # Another λ has another Z, and a guess that is too large would outweigh all samples to come.
    guess_count = 0.0

    def __init__(
        self,
        value: ValueNet,
        options: ClassifierGuidanceOptions | None = None,
        *,
        predict_endpoint: Callable[[State, Tensor], State] | None = None,
    ) -> None:
        super().__init__(value, options or ClassifierGuidanceOptions(gate=value.gated))
        if self.options.renoise and self.keeps_endpoints and predict_endpoint is None:
            raise ConfigError(
                "The value network reads endpoints, which re-noised points lack.",
                remedy="predict_endpoint of the base model, value.reads = state, or renoise = false",
            )
        self.predict_endpoint = predict_endpoint
        self.reward_max = torch.tensor(-math.inf, dtype=torch.float64)
        self.generator = torch.Generator().manual_seed(SEED)

    @classmethod
    def build(
        cls,
        features: nn.Module,
        schedules: Schedules,
        strength: float,
        *,
        conditions: Sequence[int] | None = None,
        options: ClassifierGuidanceOptions | None = None,
        predict_endpoint: Callable[[State, Tensor], State] | None = None,
    ) -> Self:
        """Wrap a network into a value function as the options say; arguments as for `ValueNet` and this class."""
        chosen = options or ClassifierGuidanceOptions()
        value = ValueNet(features, schedules, strength, conditions=conditions, gated=chosen.gate)
        return cls(value, chosen, predict_endpoint=predict_endpoint)

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """As every `ValueObjective`, and learn r_max.

        Raises:
            DivergenceError: The faithful form cannot represent a reward.
            ConfigError: The rollout was made for another λ, or kept its terminal state alone.
        """
        if self.options.form == "faithful":
            self._require_representable(rollout)
        self.reward_max = torch.maximum(self.reward_max, rollout.rewards.max().to(self.reward_max))
        return super().observe(rollout)

    def state_dict(self) -> dict[str, Tensor]:
        """As every `ValueObjective`, and r_max and the state of the generator."""
        return {**super().state_dict(), "reward_max": self.reward_max, "generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Other names or shapes than this objective has.
        """
        super().load_state_dict(state)
        if not {"reward_max", "generator"} <= state.keys():
            raise CheckpointError("The saved Classifier Guidance has no largest reward or no generator.")
        self.reward_max = state["reward_max"].clone()
        self.generator.set_state(state["generator"])

    def _losses(self, values: Tensor, targets: Tensor) -> Tensor:
        if self.options.form == "stable":
            return stable_loss(values, targets, self.options.linear_above)
        scale = self.value.strength * (1.0 if self.options.form == "faithful" else float(self.reward_max))
        return (torch.exp(-values - scale) - torch.exp(-targets - scale)).square() / 2

    def _weights(self, times: Tensor) -> Tensor:
        """dt_k, zero at the end; in the stable form over (λs)²."""
        steps = torch.cat([times.diff(), times.new_zeros(1)])
        return steps / self.value.unit**2 if self.options.form == "stable" else steps

    def _cost_to_go(self, rollout: Rollout) -> Tensor:
        """−λr."""
        trajectory = rollout.trajectory
        return (-rollout.strength * rollout.rewards).to(trajectory.running_cost).expand(trajectory.steps + 1, -1)

    def _learn_baseline(self, rollout: Rollout) -> None:
        """−V₀(c) is the log of the mean of exp(λr), the weights of base paths."""
        device = self.value.conditions.device
        self.value.update_log_partition(rollout.condition, rollout.log_weights.to(device), self.options.baseline_window)

    def _remember(self, rollout: Rollout) -> None:
        if self.options.renoise:
            cast(ReplayMemory, self.memory).add(self._ends(rollout))
        else:
            super()._remember(rollout)

    def _batches(self, rollout: Rollout, part: int, parts: int) -> Iterator[Points]:
        if not self.options.renoise:
            return super()._batches(rollout, part, parts)
        count, times = len(rollout.rewards), rollout.trajectory.times
        wanted, at_once = len(self._times(rollout.trajectory)[part::parts]) * count, self.options.chunk * count
        if self.memory is not None:
            batches = self.memory.draw(wanted, at_once)
        else:
            ends = self._ends(rollout)
            batches = (ends.select(some % count) for some in torch.split(torch.arange(wanted), at_once))
        return (self._renoised(ends, float(times[0])) for ends in batches)

    def _ends(self, rollout: Rollout) -> Points:
        """The terminal points of all paths, each with the mean weight of the points of a path."""
        trajectory, count = rollout.trajectory, len(rollout.rewards)
        weight, last = self._weights(trajectory.times).sum() / trajectory.steps, trajectory.times[-1:].expand(count)
        return Points(trajectory.terminal, None, last, last, self._cost_to_go(rollout)[-1], weight.repeat(count))

    def _renoised(self, ends: Points, start: float) -> Points:
        """Points x_t = α_t x₁ + β_t ε on the way to `ends`, each t uniform between `start` and 1, each ε its own."""
        data = ends.states
        times = start + (1 - start) * torch.rand(len(ends), generator=self.generator, dtype=data.dtype)
        states = interpolate(self.value.schedules, data.randn_like(self.generator), data, times)
        if self.keeps_endpoints and self.predict_endpoint is not None:
            states = self.predict_endpoint(states, times).to(dtype=data.dtype).project()
        return replace(ends, states=states, times=times)

    def _require_representable(self, rollout: Rollout) -> None:
        largest = math.log(torch.finfo(self.value.dtype).max) / 2
        exponents = rollout.strength * (rollout.rewards - 1)
        too_large = exponents > largest
        if bool(too_large.any()):
            raise DivergenceError(
                f"The faithful form of Classifier Guidance cannot hold {int(too_large.sum())} of {len(exponents)} "
                f"rewards: with λ = {rollout.strength:g} and r = {float(rollout.rewards.max()):g} the exponent "
                f"λr − λ is {float(exponents.max()):.3g}.",
                allowed=f"an exponent up to {largest:.3g}, beyond which its square overflows",
                remedy='objective.form = "stable" or "log_scaled", or a smaller strength',
            )


def stable_loss(values: Tensor, targets: Tensor, linear_above: float) -> Tensor:
    """g(V − Ĵ) − V of each point, which is least in expectation where exp(−V) = E[exp(−Ĵ)], Ĵ = −λr.

    Args:
        values: V, shape (M,).
        targets: Ĵ, shape (M,).
        linear_above: As `ClassifierGuidanceOptions` says.
    """
    return _continued_exp(values - targets, linear_above) - values


def _continued_exp(z: Tensor, above: float) -> Tensor:
    """exp(z), continued as its tangent above a point: there its slope stays what it is, and does not become zero."""
    bent = z.clamp(max=above)
    return torch.exp(bent) * (1 + z - bent)
