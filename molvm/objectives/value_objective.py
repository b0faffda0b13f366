"""What the algorithms have in common that regress a value function on points of paths, and steer by it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Final, Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from molvm.errors import CheckpointError, ConfigError, DivergenceError
from molvm.objectives.accumulate import add_gradients, learned_in
from molvm.objectives.base import Rollout, check_strength
from molvm.objectives.base_bound import BaseBound
from molvm.objectives.diagnostics import path_diagnostics
from molvm.objectives.replay import Memory, Points, ReplayMemory
from molvm.sde import Control, Trajectory
from molvm.states import State
from molvm.values.base import PRIOR_COUNT, ValueNet

AVERAGE_RAMP: Final = 10.0
"""The average of s weights decays by at most (1 + s)/(ramp + s), so that early weights are forgotten soon."""

TIMES_OBSERVED_AT_ONCE: Final = 10
"""Time points of a rollout that the network is shown in one pass."""


@dataclass(frozen=True)
class ValueObjectiveOptions:
    """What can be chosen of every such algorithm.

    Args:
        gate: Let the network's part of V vanish at t = 0. The paper does not; ungated nets can diverge.
        baseline_window: Samples of one condition over which V₀(c) is averaged; 0 leaves it at zero.
        average: Decay of a moving average of the network over the gradient steps. The average steers; 0, as in the
            paper, for the last weights.
        replay: Learn from points drawn at random from so many of the last rollouts, this one included, instead of the
            current one alone: 0, as in the paper. A paid-for reward is then learned from many times.
        replay_points: Points of each path that are remembered.
        chunk: How many time points of all paths are gathered at once to be learned from. Any value gives the same
            gradients; a larger one needs more memory. A network that has `trained_at_once` is given portions of about
            so many samples of them, on all cores.

    Raises:
        ConfigError: A number out of range.
    """

    gate: bool = True
    baseline_window: float = 256.0
    average: float = 0.0
    replay: int = 0
    replay_points: int = 10
    chunk: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.baseline_window < float("inf"):
            raise ConfigError(f"baseline_window is {self.baseline_window}.", allowed="0 or a positive finite number")
        if not 0 <= self.average < 1:
            raise ConfigError(f"average is {self.average}.", allowed="a number from 0 to below 1")
        if self.replay < 0:
            raise ConfigError(f"replay is {self.replay}.", allowed="a whole number from 0")
        for name in ("replay_points", "chunk"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}.", allowed="a whole number from 1")


OptionsT = TypeVar("OptionsT", bound=ValueObjectiveOptions)


class ValueObjective(ABC, Generic[OptionsT]):
    """A loss Σ_k dt_k w_k ℓ(V(x_k, t_k), Ĵ_k), averaged over the paths, with no gradient through the targets Ĵ.

    A subclass is a choice of the paths (`behaviour`), of w, ℓ and Ĵ, and of how V₀(c) is estimated.

    Args:
        value: The value function that is trained, and steers.
        options: How.

    Raises:
        ConfigError: The value function's λ is not positive and finite.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """How messages call the algorithm."""

    guess_count: ClassVar[float] = PRIOR_COUNT
    """How many samples a V₀ is worth that another value function has left."""

    keeps_noise = False
    keeps_increments = False

    def __init__(self, value: ValueNet, options: OptionsT) -> None:
        check_strength(value.strength)
        self.value = value
        self.options = options
        self.average = AveragedModel(value, avg_fn=self._averaged) if options.average else None
        self.memory: Memory | None = self._new_memory() if options.replay else None
        self.base = BaseBound(len(value.conditions))

    @property
    def keeps_endpoints(self) -> bool:
        """Whether the network reads the base model's predictions."""
        return self.value.reads == "endpoint"

    @property
    def control(self) -> ValueNet:
        """The value function, its weights averaged if the options say so."""
        return self.value if self.average is None else cast(ValueNet, self.average.module)

    @property
    @abstractmethod
    def behaviour(self) -> Control | None:
        """What steers the rollouts that it learns from; None for the base model alone."""

    def parameters(self) -> Iterable[nn.Parameter]:
        """The network's parameters."""
        return self.value.parameters()

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        """Learn V₀ and the scales of things from a fresh rollout, remember it, and report.

        Returns:
            kl (mean ½∫|u|²), the `PathDiagnostics`, both of the rollout; base_excess, by how many nats samples of the
            base put log Z above what steered paths say of it, large where modes are missed, and base_samples, how many
            such samples there are (`BaseExcess`).

        Raises:
            ConfigError: The rollout was made for another λ, or kept its terminal state alone.
        """
        self._check(rollout)
        self.value.settle_scale(rollout.rewards)
        if self.value.observes:
            self._show(rollout)
        if self.options.baseline_window:
            self._learn_baseline(rollout)
        self._share_buffers()
        if self.memory is not None:
            self._remember(rollout)
        return {
            "kl": float(rollout.trajectory.path_cost.mean()),
            **asdict(path_diagnostics(rollout.log_weights, rollout.condition)),
            **self._hold_against_base(rollout),
        }

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        """Add the gradients of the loss, and report.

        Args:
            rollout: Paths of `behaviour` and their rewards.
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
            share, squares = self._backward(points, parts / len(rollout.rewards))
            loss += share
            squared_error += squares
            seen += len(points)
        if not math.isfinite(loss):
            raise DivergenceError(
                f"The {self.title} loss is {loss}.",
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
                remedy="the same value.size, value.reads and value.handed as in its run",
            ) from error
        self.value.baseline_count.clamp_(max=self.guess_count)
        if self.average is not None:
            self.average.module.load_state_dict(self.value.state_dict())

    def state_dict(self) -> dict[str, Tensor]:
        """The network, the table V₀ and the bound of the base; the average and the memory if there are."""
        parts = {"value": self.value, "average": self.average, "memory": self.memory, "base": self.base}
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
            self.base.load_state_dict(_part(state, "base"))
            if self.average is not None:
                self.average.load_state_dict(_part(state, "average"))
        except RuntimeError as error:
            raise CheckpointError(
                "The saved value function does not fit the network of these settings in this version of molvm.",
                remedy="the settings, or the version of molvm in the run's manifest.json, that it was saved with",
            ) from error
        if self.memory is not None:
            self.memory.load_state_dict(_part(state, "memory"))

    @abstractmethod
    def _weights(self, times: Tensor) -> Tensor:
        """dt_k w_k of each point of the grid, shape (K+1,)."""

    @abstractmethod
    def _losses(self, values: Tensor, targets: Tensor) -> Tensor:
        """ℓ of each point, shape (M,)."""

    @abstractmethod
    def _cost_to_go(self, rollout: Rollout) -> Tensor:
        """Ĵ at each point of the grid, shape (K+1, B)."""

    @abstractmethod
    def _learn_baseline(self, rollout: Rollout) -> None:
        """Move V₀(c) towards what the rollout says of it."""

    def _check(self, rollout: Rollout) -> None:
        if rollout.strength != self.value.strength:
            raise ConfigError(f"The rollout has λ = {rollout.strength}, the value function {self.value.strength}.")
        if len(self._inputs(rollout.trajectory)) != rollout.trajectory.steps + 1:
            kept = "endpoints" if self.keeps_endpoints else "states"
            raise ConfigError(f"{self.title} needs all {kept} of a trajectory.", remedy=f"simulate(keep_{kept}=True)")

    def _inputs(self, trajectory: Trajectory) -> tuple[State, ...]:
        """What the network is given at each time of the grid."""
        return (*trajectory.endpoints, trajectory.terminal) if self.keeps_endpoints else trajectory.states

    def _inputs_at(self, trajectory: Trajectory, times: Tensor) -> State:
        """The inputs of all paths at some times of the grid, one time after the other."""
        inputs = self._inputs(trajectory)
        chosen = [inputs[k] for k in times.tolist()]
        joined: State = type(chosen[0]).cat(chosen)
        return joined

    def _show(self, rollout: Rollout) -> None:
        """Show the network what the paths have visited."""
        for times in torch.split(self._times(rollout.trajectory), TIMES_OBSERVED_AT_ONCE):
            points = self._points(rollout, times)
            self.value.observe(points.states, points.times)

    def _hold_against_base(self, rollout: Rollout) -> dict[str, float]:
        """What samples of the base have to say of steered paths; paths that nothing steers are such samples."""
        index = self.value.condition_index(rollout.condition, len(rollout.rewards)).cpu()
        log_weights = rollout.log_weights.cpu()
        if not bool(rollout.trajectory.path_cost.any()):
            self.base.add(index, log_weights)
            return {}
        excess = self.base.excess(index, log_weights)
        return {} if excess is None else {"base_excess": excess.nats, "base_samples": excess.samples}

    def _times(self, trajectory: Trajectory) -> Tensor:
        """The indices of the times of the grid that have a weight."""
        return torch.nonzero(self._weights(trajectory.times)).flatten()

    def _batches(self, rollout: Rollout, part: int, parts: int) -> Iterator[Points]:
        """What one of the parts of the loss is made of: points of the memory, if there is one, else of the rollout."""
        times, count = self._times(rollout.trajectory)[part::parts], len(rollout.rewards)
        if len(times) == 0:
            return  # more parts than times: some have nothing to learn from
        if self.memory is not None:
            yield from self.memory.draw(len(times) * count, at_once=self.options.chunk * count)
        else:
            for some in torch.split(times, self.options.chunk):
                yield self._points(rollout, some)

    def _new_memory(self) -> Memory:
        return ReplayMemory(self.options.replay, self.options.replay_points)

    def _remember(self, rollout: Rollout) -> None:
        """Remember some of all points, taken out a few times after the other so that they never lie side by side."""
        memory = cast(ReplayMemory, self.memory)
        times, count = self._times(rollout.trajectory), len(rollout.rewards)
        chosen, size = memory.choose(len(times) * count, count), self.options.chunk * count
        memory.add(
            Points.cat(
                [
                    self._points(rollout, some).select(chosen[chosen // size == part] % size)
                    for part, some in enumerate(torch.split(times, self.options.chunk))
                ]
            )
        )

    def _points(self, rollout: Rollout, times: Tensor) -> Points:
        """The points of all paths at some times, given by their indices in the grid, and what is paid until t = 1."""
        trajectory, count = rollout.trajectory, len(rollout.rewards)
        return Points(
            self._inputs_at(trajectory, times),
            None,
            trajectory.times[times].repeat_interleave(count),
            trajectory.times[-1].repeat(len(times) * count),
            self._cost_to_go(rollout)[times].flatten(),
            self._weights(trajectory.times)[times].repeat_interleave(count),
        )

    def _backward(self, points: Points, factor: float) -> tuple[float, float]:
        """Add the gradients of factor Σ w ℓ(V, Ĵ); that number, and Σ (V − Ĵ)²."""
        targets, states = self._targets(points), points.states
        parameters = [parameter for parameter in self.value.parameters() if parameter.requires_grad]

        def portion(index: Tensor) -> tuple[Tensor, tuple[float]]:
            some = points.select(index)
            values = self._values(self.value, some.states, some.times)
            wanted = targets[index].to(values)
            share = factor * (some.weights.to(values) * self._losses(values, wanted)).sum()
            return share, (float((values.detach() - wanted).square().sum()),)

        loss, squared_error = add_gradients(portion, learned_in(states, self.value.features), parameters, states.device)
        return loss, squared_error

    @property
    def _at_once(self) -> int | None:
        """About how many points the network is given in one pass; None for all."""
        return getattr(self.value.features, "trained_at_once", None)

    def _targets(self, points: Points) -> Tensor:
        """Ĵ, shape (M,), without a graph: the costs, if they are those until the end."""
        return points.costs

    def _values(self, value: ValueNet, states: State, times: Tensor) -> Tensor:
        device = value.conditions.device
        values: Tensor = value(states.to(device=device), times.to(device, value.dtype))
        return values

    def _share_buffers(self) -> None:
        """The average has the tables and scales of the value function; only its weights are its own."""
        if self.average is not None:
            for mine, new in zip(self.average.module.buffers(), self.value.buffers(), strict=True):
                mine.copy_(new)

    def _averaged(self, mean: Tensor, weight: Tensor, count: Tensor | int) -> Tensor:
        """The average after another weight, `count` have gone into it."""
        decay = min(self.options.average, (1 + float(count)) / (AVERAGE_RAMP + float(count)))
        return torch.lerp(mean, weight, 1 - decay)


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
