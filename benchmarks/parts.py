"""What benchmarks of methods share: parts that are made once and kept, and numbers as they are written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from molvm.durable import replace_text
from molvm.evaluation.intervals import Estimate
from molvm.rewards.base import Outcome

Row = dict[str, Any]

EVALUATION_SEED = 1_000_003
"""Added to the seed of a part, unlike any seed of training."""


@dataclass(frozen=True)
class Part:
    """One method with one setting of the grid, one reward, one seed."""

    reward: str
    method: str
    seed: int
    setting: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """Of its file and its run."""
        said = "".join(f"-{key}={value:g}" for key, value in self.setting)
        return f"{self.reward}-{self.method}{said}-seed={self.seed}"


def keep_to_one_protocol(work: Path, mine: Mapping[str, Any]) -> None:
    """Write down what is the same for all parts in a folder, and refuse another protocol there."""
    path = work / "protocol.json"
    if path.exists() and (its := json.loads(path.read_text())) != mine:
        raise SystemExit(f"The parts in {work} were made by another protocol, {its}: another --work.")
    replace_text(path, json.dumps(mine) + "\n")


def kept(path: Path, make: Callable[[], Row]) -> Row:
    """What a part has given: from its file, or made now and kept there."""
    if path.exists():
        found: Row = json.loads(path.read_text())
        return found
    row = make()
    replace_text(path, json.dumps(row, indent=1) + "\n")
    return row


def credited(outcome: Outcome, floor: float) -> float:
    """The reward; failures, and what is worse than the floor, at the floor."""
    return floor if outcome.value is None else max(outcome.value, floor)


def plain(estimate: Estimate) -> dict[str, float | None]:
    """As JSON has it."""
    ends = {key: getattr(estimate, key) for key in ("value", "low", "high")}
    return {key: value if np.isfinite(value) else None for key, value in ends.items()} | {"count": estimate.count}


def mean(rows: Iterable[Mapping[str, Any]], key: str) -> float | None:
    """Of a column, of numbers or of estimates; None if one lacks it."""
    values = [row[key]["value"] if isinstance(row[key], dict) else row[key] for row in rows]
    return None if any(value is None for value in values) else float(np.mean(values))
