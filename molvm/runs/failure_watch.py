"""Ends a run in which the reward fails on nearly everything: nothing can be learned from failures."""

from __future__ import annotations

from collections import Counter

from molvm.errors import RewardError
from molvm.runs.config import RewardSection
from molvm.training.trainer import Iteration


class FailureWatch:
    """Counts rounds in a row in which too many molecules failed.

    Args:
        settings: How many are too many, and for how many rounds that may go on.
    """

    def __init__(self, settings: RewardSection) -> None:
        self.settings = settings
        self.rounds = 0
        self._stages: Counter[str] = Counter()
        self._latest: dict[str, str] = {}

    @property
    def gives_up(self) -> bool:
        """Whether it has gone on for too long."""
        return self.rounds >= self.settings.patience

    def observe(self, iteration: Iteration) -> None:
        """Take in a round."""
        failures = [outcome.failure for outcome in iteration.outcomes if outcome.failure is not None]
        if len(failures) < self.settings.max_failures * len(iteration.outcomes):
            self.rounds = 0
            self._stages.clear()
            return
        self.rounds += 1
        # Reasons name atoms, so that those of one kind differ.
        self._stages.update(failure.stage for failure in failures)
        self._latest |= {failure.stage: failure.reason for failure in failures}

    def error(self) -> RewardError:
        """What went wrong, and where most often."""
        (stage, count), *_ = self._stages.most_common(1)
        return RewardError(
            f"At least {self.settings.max_failures:.0%} of the samples failed in each of the last {self.rounds} "
            f"rounds, {count} of {self._stages.total()} times at {stage}; the last of these: {self._latest[stage]}.",
            remedy="`molvm score` on a few of them; if they are broken, more sampling.steps or a smaller "
            "training.strength; reward.max_failures and reward.patience say when to give up",
        )
