"""What samples of the base say of log Z: the one bound that does not trust the control.

Weights of steered paths are blind to modes that the control never visits: there effective sample size and gap look as
they do at the optimum. Samples that nothing has steered are not, and the first rollouts are such.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from molvm.objectives.diagnostics import log_mean_exp


class BaseBound:
    """log Z_c from below within each condition c: log of the mean of exp(λr) over samples of the base.

    The expectation of such a logarithm is at most log Z_c (Jensen). It holds for the rewards that it was made of: where
    a run adjusts them, as constraints do, those of the first rollouts.

    Args:
        conditions: How many values the condition can take; 1 without one.
    """

    def __init__(self, conditions: int) -> None:
        self.sums = torch.full((conditions,), -torch.inf, dtype=torch.float64)
        self.counts = torch.zeros(conditions, dtype=torch.float64)

    def add(self, index: Tensor, log_weights: Tensor) -> None:
        """Take in samples of the base.

        Args:
            index: Of their conditions, shape (B,).
            log_weights: λr, shape (B,), in nats.
        """
        for row in set(index.tolist()):
            group = log_weights.double()[index == row]
            self.sums[row] = torch.logaddexp(self.sums[row], torch.logsumexp(group, dim=0))
            self.counts[row] += len(group)

    def excess(self, index: Tensor, log_weights: Tensor) -> float | None:
        """By how many nats the base's bound lies above what steered paths say of log Z, in the mean over the paths.

        Args:
            index: Of the conditions of the paths, shape (B,).
            log_weights: log dP*/dP^u + log Z of each path, shape (B,).

        Returns:
            None where no condition of the paths has been seen from the base.
        """
        known = [row for row in sorted(set(index.tolist())) if self.counts[row] > 0]
        above, paths = 0.0, 0
        for row in known:
            group = log_weights.double()[index == row]
            bound = float(self.sums[row] - self.counts[row].log())
            above += len(group) * (bound - float(log_mean_exp(group)))
            paths += len(group)
        return above / paths if paths else None

    def state_dict(self) -> dict[str, Tensor]:
        """Sums and counts."""
        return {"sums": self.sums, "counts": self.counts}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            RuntimeError: It has other names or shapes.
        """
        if state.keys() != {"sums", "counts"} or state["sums"].shape != self.sums.shape:
            raise RuntimeError(f"The bound of the base has {', '.join(state) or 'nothing'}, of another shape or name.")
        self.sums, self.counts = state["sums"].clone(), state["counts"].clone()
