"""Points of paths, and the memory of those of past rollouts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor

from molvm.errors import CheckpointError
from molvm.states import State

SEED: Final = 0x7265706C6179
"""Of the memory's own draws: which points are kept, and which are learned from."""

TENSORS: Final = ("times", "times_ahead", "costs", "weights")
"""The attributes of points that are plain tensors of shape (M,)."""


@dataclass(frozen=True, eq=False)
class Points:
    """M points of paths, and where the paths went from there.

    Attributes:
        states: x_t.
        ahead: x_t' at a later time of the same path; None if t' is always the end of the path.
        times: t.
        times_ahead: t'.
        costs: What the path pays from t to t', less λr if t' is its end, in nats.
        weights: Of the squared errors.
    """

    states: State
    ahead: State | None
    times: Tensor
    times_ahead: Tensor
    costs: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.times)

    def select(self, index: Tensor | slice) -> Points:
        """The points at `index`."""
        ahead = None if self.ahead is None else self.ahead.select(index)
        return Points(self.states.select(index), ahead, *(getattr(self, name)[index] for name in TENSORS))

    @classmethod
    def cat(cls, points: Sequence[Points]) -> Points:
        """Points joined one after the other; all know what is ahead, or none does."""
        kind = type(points[0].states)
        ahead = [each.ahead for each in points if each.ahead is not None]
        return cls(
            kind.cat([each.states for each in points]),
            kind.cat(ahead) if ahead else None,
            *(torch.cat([getattr(each, name) for each in points]) for name in TENSORS),
        )


class Memory(Protocol):
    """Of past rollouts, to be learned from."""

    def draw(self, count: int, at_once: int) -> Iterator[Points]:
        """So many points, drawn with replacement from a memory that is not empty; handed out in batches."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Everything in it that a checkpoint must hold."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Something is missing.
        """
        ...


class ReplayMemory:
    """The newest points, some of each rollout, to be drawn from at random.

    Args:
        rollouts: How many rollouts are remembered.
        per_path: How many points of each of their paths.
    """

    def __init__(self, rollouts: int, per_path: int) -> None:
        self.rollouts, self.per_path = rollouts, per_path
        self.generator = torch.Generator().manual_seed(SEED)
        self.points: Points | None = None
        self._sizes: list[int] = []
        self._saved: Mapping[str, Tensor] | None = None

    def choose(self, points: int, paths: int) -> Tensor:
        """Which of the points of a rollout of so many paths are to be remembered: rising indices."""
        return torch.randperm(points, generator=self.generator)[: self.per_path * paths].sort().values

    def add(self, points: Points) -> None:
        """Remember points of a rollout, and forget those of the oldest one."""
        self._restore(type(points.states))
        self.points = points if self.points is None else Points.cat([self.points, points])
        self._sizes.append(len(points))
        if len(self._sizes) > self.rollouts:
            self.points = self.points.select(slice(self._sizes.pop(0), None))

    def draw(self, count: int, at_once: int) -> Iterator[Points]:
        """Points drawn uniformly, with replacement, from a memory that is not empty; handed out in batches."""
        if self.points is None:
            raise IndexError("The memory is empty.")
        drawn = torch.randint(len(self.points), (count,), generator=self.generator)
        for some in torch.split(drawn, at_once):
            yield self.points.select(some)

    def state_dict(self) -> dict[str, Tensor]:
        """Everything in it, and the state of its generator."""
        state = {"generator": self.generator.get_state()}
        if self.points is None:
            return state | dict(self._saved or {})
        state |= tensors_of("states", self.points.states)
        if self.points.ahead is not None:
            state |= tensors_of("ahead", self.points.ahead)
        state |= {name: getattr(self.points, name) for name in TENSORS}
        return state | {"sizes": torch.tensor(self._sizes)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: Something is missing.
        """
        saved = dict(state)
        if "generator" not in saved or (len(saved) > 1 and not {*TENSORS, "sizes"} <= saved.keys()):
            raise CheckpointError(f"The memory of past rollouts is not whole: it has {', '.join(sorted(saved))}.")
        self.generator.set_state(saved.pop("generator"))
        self.points, self._sizes, self._saved = None, [], saved or None

    def _restore(self, kind: type[State]) -> None:
        """Build the points that a checkpoint has brought: only a fresh rollout tells of what kind they are."""
        if self._saved is None:
            return
        saved, self._saved = self._saved, None
        states, ahead = (state_from(saved, name, kind) for name in ("states", "ahead"))
        if states is not None:
            self.points = Points(states, ahead, *(saved[name] for name in TENSORS))
            self._sizes = saved["sizes"].tolist()


def tensors_of(name: str, states: State) -> dict[str, Tensor]:
    """The tensors of a state for a checkpoint, by names that begin with `name`."""
    tensors = {f"{name}.part.{part}": tensor for part, tensor in states.parts.items()}
    return tensors if states.condition is None else {**tensors, f"{name}.condition": states.condition}


def state_from(saved: Mapping[str, Tensor], name: str, kind: type[State]) -> State | None:
    """The state that `tensors_of` made these of; None if there are none of that name."""
    prefix = f"{name}.part."
    parts = {key.removeprefix(prefix): tensor for key, tensor in saved.items() if key.startswith(prefix)}
    return kind.from_parts(parts, saved.get(f"{name}.condition")) if parts else None
