"""What came of scoring, in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from molvm.rewards.base import Outcome


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How many molecules were scored, their mean, and how many failed at each stage."""
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    return {
        "molecules": len(outcomes),
        "scored": len(values),
        "mean": sum(values) / len(values) if values else None,
        "unit": outcomes[0].unit if outcomes else "",
        "failures": dict(Counter(outcome.failure.stage for outcome in outcomes if outcome.failure is not None)),
    }


def summary_line(name: str, outcomes: Sequence[Outcome]) -> str:
    """How many molecules have a value, its mean, and what the others failed at.

    Args:
        name: The reward's name.
        outcomes: Of all molecules.
    """
    values = [outcome.value for outcome in outcomes if outcome.value is not None]
    stages = Counter(outcome.failure.stage for outcome in outcomes if outcome.failure is not None)
    line = f"{name}: {len(values)} of {len(outcomes)} scored"
    if values:
        unit = f" {outcomes[0].unit}" if outcomes[0].unit else ""
        line += f", mean {sum(values) / len(values):.4g}{unit}"
    if stages:
        line += "; failed at " + ", ".join(f"{stage} {count}" for stage, count in stages.most_common())
    elif not outcomes:
        line += ", there was nothing to score"
    if outcomes and not values:
        failure = next(outcome.failure for outcome in outcomes if outcome.failure is not None)
        line += f". The first reason: {failure.reason}"
    return line
