"""The memory of whole past paths, from which any control can be judged as if it had made them.

A path is made by a control v and by noise dB; kept is their sum dW = v dt + dB. By Itô's formula for V along it,

    V(x_t, t) = −λr(x₁) + ∫_t^1 u·dW − ½∫_t^1 |u|² dt

on every path, whatever made it, if u = −σ∇V is the optimal control; and a V whose own u fulfils this in the mean is the
value function. Along the simulated chain the integrals are the log likelihood ratio of the chain that u steers to the
base. Targets of old paths are computed anew each round for the control of now, so that none is out of date, and at the
optimum they have no variance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from molvm.errors import CheckpointError
from molvm.objectives.replay import Points, state_from, tensors_of
from molvm.sde import Steering, Trajectory
from molvm.states import State

SEED: Final = 0x7061746873
"""Of the memory's draws."""

FRESH_SHARE: Final = 0.5
"""Of what is learned from, drawn from the newest rollout: points of older ones lie where another control led."""

TENSORS: Final = ("times", "weights", "rewards")


@dataclass(frozen=True, eq=False)
class RememberedPaths:
    """B paths of K steps, time after time.

    Attributes:
        points: x at the first K times, K·B of them; their costs are the targets, once a control has judged them.
        increments: dW of the step that begins there, in units of its noise.
        leverage: Modality to what a gradient of one shifts that step by, in units of its noise, shape (K·B,).
        rewards: λr of the paths, shape (B,), in nats.
    """

    points: Points
    increments: State
    leverage: Mapping[str, Tensor]
    rewards: Tensor

    @classmethod
    def of(cls, trajectory: Trajectory, rewards: Tensor, weights: Tensor) -> RememberedPaths:
        """Remember paths that have kept their states and increments.

        Args:
            trajectory: The paths.
            rewards: λr, shape (B,).
            weights: Of the squared errors at the first K times, shape (K,).
        """
        steps, count = trajectory.steps, len(rewards)
        kind = type(trajectory.terminal)
        times = trajectory.times[:-1].repeat_interleave(count)
        per_step = [transition.leverage for transition in trajectory.transitions]
        return cls(
            Points(
                kind.cat(trajectory.states[:-1]),
                None,
                times,
                trajectory.times[-1].repeat(steps * count),
                torch.zeros_like(times),
                weights.repeat_interleave(count),
            ),
            kind.cat(trajectory.increments),
            {
                name: torch.tensor([float(each[name]) for each in per_step]).repeat_interleave(count)
                for name in trajectory.terminal.parts
            },
            rewards,
        )

    def judged_by(self, control: Steering) -> RememberedPaths:
        """The same paths with the targets of a control, at the first K times."""
        points, count = self.points, len(self.rewards)
        drift = control.gradient(points.states, points.times.to(points.states.dtype)).scale(self.leverage)
        # In units of the noise ū is −drift.
        paid = -drift.inner(self.increments) - drift.squared_norm() / 2
        to_go = paid.reshape(-1, count).flip(0).cumsum(dim=0).flip(0)
        return replace(self, points=replace(points, costs=(to_go - self.rewards.to(to_go)).flatten()))


class PathMemory:
    """The newest rollouts whole, and points of them to be learned from.

    Args:
        rollouts: How many are remembered.
    """

    def __init__(self, rollouts: int) -> None:
        self.rollouts = rollouts
        self.generator = torch.Generator().manual_seed(SEED)
        self.paths: list[RememberedPaths] = []
        self._saved: Mapping[str, Tensor] | None = None

    def add(self, paths: RememberedPaths, control: Steering) -> None:
        """Remember paths, forget the oldest ones, and judge all by this control."""
        self._restore(type(paths.points.states))
        self.paths = [each.judged_by(control) for each in [*self.paths, paths][-self.rollouts :]]

    def draw(self, count: int, at_once: int) -> Iterator[Points]:
        """Points drawn uniformly, with replacement: half of them of the newest rollout, if there are others.

        Raises:
            IndexError: The memory is empty.
        """
        if not self.paths:
            raise IndexError("The memory is empty.")
        *older, newest = (each.points for each in self.paths)
        fresh = round(FRESH_SHARE * count) if older else count
        yield from self._draw([newest], fresh, at_once)
        yield from self._draw(older, count - fresh, at_once)

    def state_dict(self) -> dict[str, Tensor]:
        """Everything in it but the targets, which the next control makes anew, and the state of its generator."""
        state = {"generator": self.generator.get_state()}
        if not self.paths:
            return state | dict(self._saved or {})
        for number, paths in enumerate(self.paths):
            found = {"times": paths.points.times, "weights": paths.points.weights, "rewards": paths.rewards}
            found |= {f"leverage.{name}": each for name, each in paths.leverage.items()}
            found |= tensors_of("states", paths.points.states) | tensors_of("increments", paths.increments)
            state |= {f"{number}.{name}": each for name, each in found.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Something is missing.
        """
        saved = dict(state)
        numbers = {name.partition(".")[0] for name in saved if name != "generator"}
        wanted = {f"{number}.{name}" for number in numbers for name in TENSORS}
        if "generator" not in saved or not wanted <= saved.keys():
            raise CheckpointError(f"The memory of past paths is not whole: it has {', '.join(sorted(saved))}.")
        self.generator.set_state(saved.pop("generator"))
        self.paths, self._saved = [], saved or None

    def _draw(self, among: Sequence[Points], count: int, at_once: int) -> Iterator[Points]:
        if count == 0:
            return
        ends = torch.tensor([len(each) for each in among]).cumsum(dim=0)
        drawn = torch.randint(int(ends[-1]), (count,), generator=self.generator)
        for some in torch.split(drawn, at_once):
            # In the order of the rollouts, of which each is asked once.
            owner = torch.searchsorted(ends, some, right=True)
            yield Points.cat(
                [
                    points.select(some[owner == number] - (int(ends[number]) - len(points)))
                    for number, points in enumerate(among)
                    if bool((owner == number).any())
                ]
            )

    def _restore(self, kind: type[State]) -> None:
        """Build the paths that a checkpoint has brought: only a fresh rollout tells of what kind they are."""
        if self._saved is None:
            return
        saved, self._saved = self._saved, None
        for number in sorted({int(name.partition(".")[0]) for name in saved}):
            mine = {
                name.removeprefix(f"{number}."): each for name, each in saved.items() if name.startswith(f"{number}.")
            }
            states, increments = (state_from(mine, name, kind) for name in ("states", "increments"))
            if states is None or increments is None:
                raise CheckpointError(f"Rollout {number} of the memory of past paths has no states.")
            times = mine["times"]
            points = Points(states, None, times, torch.ones_like(times), torch.zeros_like(times), mine["weights"])
            leverage = {
                name.removeprefix("leverage."): each for name, each in mine.items() if name.startswith("leverage.")
            }
            self.paths.append(RememberedPaths(points, increments, leverage, mine["rewards"]))
