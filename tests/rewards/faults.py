"""Molecules that are faults on demand, and what must come of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.rewards import Outcome

TIME_LIMIT = 1.5
KIND_OF_FAULT = {
    "abort": "crashed",
    "exit": "crashed",
    "stop": "crashed",
    "mimic": "crashed",
    "deadly": "crashed",
    "hang": "timeout",
    "raise": "reward_error",
    "nan": "reward_error",
    "base": "reward_error",
}


def helium(number: int, fault: str | None = None) -> Molecule:
    return Molecule(
        [2],  # type: ignore[arg-type]
        [[0.0, 0.0, 0.0]],  # type: ignore[arg-type]
        [0],  # type: ignore[arg-type]
        [],  # type: ignore[arg-type]
        [],  # type: ignore[arg-type]
        id=f"m{number}",
        properties={"value": number, "fault": fault},
    )


def batch(n: int, **faults: int) -> list[Molecule]:
    """`n` molecules in random order, with so many of each fault."""
    kinds = [kind for kind, count in faults.items() for _ in range(count)]
    drawn: list[str | None] = [*kinds, *[None] * (n - len(kinds))]
    order = np.random.default_rng(1).permutation(n)
    return [helium(number, drawn[place]) for number, place in enumerate(order)]


def assert_exact(molecules: Sequence[Molecule], outcomes: Sequence[Outcome]) -> None:
    assert [outcome.id for outcome in outcomes] == [molecule.id for molecule in molecules]
    for molecule, outcome in zip(molecules, outcomes, strict=True):
        fault = molecule.properties["fault"]
        if fault is None:
            assert outcome.value == molecule.properties["value"]
        else:
            assert outcome.failure is not None
            assert outcome.failure.kind == KIND_OF_FAULT[str(fault)], molecule.id
