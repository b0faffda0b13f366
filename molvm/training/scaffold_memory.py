"""How often a run has been paid for a scaffold, and what is no longer paid for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from molvm.chem.scaffold import scaffold_smiles
from molvm.errors import CheckpointError
from molvm.rewards.base import Direction, Outcome
from molvm.rewards.diversity import PerScaffold


class ScaffoldMemory:
    """Makes molecules of a scaffold that was paid for often enough worth as much as a failure.

    Args:
        settings: How often a scaffold is paid for, and from which value on.
        direction: Which way the reward is better.
        floor: What a failure is worth, in the reward's unit.
    """

    name = "scaffolds"

    def __init__(self, settings: PerScaffold, direction: Direction, floor: float) -> None:
        self.settings = settings
        self.sign = 1.0 if direction == "maximise" else -1.0
        self.floor = floor
        self.counts: Counter[str] = Counter()

    def __call__(
        self, samples: Sequence[Any], outcomes: Sequence[Outcome], rewards: Tensor
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Arguments and results as for `Adjustment`."""
        unpaid = [
            index
            for index, (sample, outcome) in enumerate(zip(samples, outcomes, strict=True))
            if outcome.value is not None and not self._pays(sample, outcome.value)
        ]
        adjusted = rewards.clone()
        adjusted[unpaid] = torch.minimum(adjusted[unpaid], rewards.new_tensor(self.sign * self.floor))
        return adjusted, {"unpaid": len(unpaid) / len(outcomes), "scaffolds": float(len(self.counts))}

    def state_dict(self) -> dict[str, Tensor]:
        """The counts as JSON in UTF-8, one byte an element."""
        text = json.dumps(self.counts, sort_keys=True)
        return {"counts": torch.tensor(list(text.encode()), dtype=torch.uint8)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            CheckpointError: There are no counts.
        """
        try:
            self.counts = Counter(json.loads(bytes(state["counts"].tolist())))
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                "The checkpoint does not say which scaffolds were paid for.",
                remedy="the reward that the run began with",
            ) from error

    def _pays(self, sample: Any, value: float) -> bool:
        """Whether the molecule is paid for; if so it counts."""
        if self.settings.minimum is not None and self.sign * (value - self.settings.minimum) < 0:
            return True
        scaffold = scaffold_smiles(sample, generic=self.settings.generic)
        if scaffold is None:
            return True
        if self.counts[scaffold] >= self.settings.count:
            return False
        self.counts[scaffold] += 1
        return True
