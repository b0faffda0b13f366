"""What samples of the base say of log Z: the one bound that does not trust the control.

Weights of steered paths are blind to modes that the control never visits: there effective sample size and gap look as
they do at the optimum. Samples that nothing has steered are not, and the first rollouts are such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

FADING: Final = 0.9
"""What is left of steered weights after another round: they hold for any control, but not for rewards that change."""


@dataclass(frozen=True)
class BaseExcess:
    """What samples of the base have to say of steered paths.

    Args:
        nats: By how much the base's bound lies above what the paths say of log Z, in the mean over the paths.
        samples: Effective number of samples of the base behind the bound, summed over the conditions.
    """

    nats: float
    samples: float


class BaseBound:
    """log Z_c from below within each condition c: log of the mean of exp(λr) over samples of the base.

    The expectation of such a logarithm is at most log Z_c (Jensen). It holds for the rewards that it was made of: where
    a run adjusts them, as constraints do, those of the first rollouts.

    Args:
        conditions: How many values the condition can take; 1 without one.
    """

    def __init__(self, conditions: int) -> None:
        self._base, self._steered = _Weights(conditions), _Weights(conditions)

    def add(self, index: Tensor, log_weights: Tensor) -> None:
        """Take in samples of the base.

        Args:
            index: Of their conditions, shape (B,).
            log_weights: λr, shape (B,), in nats.
        """
        self._base.add(index, log_weights)

    def excess(self, index: Tensor, log_weights: Tensor) -> BaseExcess | None:
        """Take in steered paths, and hold the base's samples against those of the last rounds.

        Args:
            index: Of the conditions of the paths, shape (B,).
            log_weights: log dP*/dP^u + log Z of each path, shape (B,).

        Returns:
            None where no condition of the paths has been seen from the base.
        """
        self._steered.fade(FADING)
        self._steered.add(index, log_weights)
        paths = torch.bincount(index, minlength=len(self._base.counts)) * (self._base.counts > 0)
        if not bool(paths.any()):
            return None
        apart = torch.where(paths > 0, self._base.log_means() - self._steered.log_means(), 0.0)
        samples = torch.where(paths > 0, self._base.effective(), 0.0)
        return BaseExcess(float((paths * apart).sum() / paths.sum()), float(samples.sum()))

    def state_dict(self) -> dict[str, Tensor]:
        """The sums of weights."""
        parts = {"base": self._base, "steered": self._steered}
        return {f"{part}.{name}": tensor for part, weights in parts.items() for name, tensor in vars(weights).items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            RuntimeError: It has other names or shapes.
        """
        if state.keys() == {"sums", "counts"}:
            state = self._from_sums_alone(state)
        own = self.state_dict()
        if state.keys() != own.keys() or any(state[name].shape != own[name].shape for name in own):
            raise RuntimeError(f"The bound of the base has {', '.join(state) or 'nothing'}, of another shape or name.")
        for name, tensor in state.items():
            own[name].copy_(tensor)

    def _from_sums_alone(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What checkpoints before `squares` hold, as one effective sample, which nothing is concluded from."""
        squares = 2 * state["sums"]
        return {**self.state_dict(), **{f"base.{name}": each for name, each in state.items()}, "base.squares": squares}


class _Weights:
    """Sums over samples of each condition: log Σw, log Σw², and how many."""

    def __init__(self, conditions: int) -> None:
        self.sums, self.squares = (torch.full((conditions,), -torch.inf, dtype=torch.float64) for _ in range(2))
        self.counts = torch.zeros(conditions, dtype=torch.float64)

    def add(self, index: Tensor, log_weights: Tensor) -> None:
        for row in sorted(set(index.tolist())):
            group = log_weights.double()[index == row]
            self.sums[row] = torch.logaddexp(self.sums[row], torch.logsumexp(group, dim=0))
            self.squares[row] = torch.logaddexp(self.squares[row], torch.logsumexp(2 * group, dim=0))
            self.counts[row] += len(group)

    def fade(self, share: float) -> None:
        log_share = torch.tensor(share, dtype=torch.float64).log()
        self.sums += log_share
        self.squares += log_share
        self.counts *= share

    def log_means(self) -> Tensor:
        return self.sums - self.counts.log()

    def effective(self) -> Tensor:
        return torch.exp(2 * self.sums - self.squares)
