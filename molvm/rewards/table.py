"""The table of scores: one row an input record, in input order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from molvm.chem.formats.record import Record
from molvm.rewards.base import Failure, Outcome, Reward

FIXED_BEFORE = ("id", "smiles")
FIXED_AFTER = ("failure", "reason", "seconds")


def score_records(reward: Reward, records: Sequence[Record]) -> list[Outcome]:
    """Outcomes of the records, one each, in order; a record without a molecule fails as `invalid`.

    Args:
        reward: Scores the molecules.
        records: What was read from a file.
    """
    scored = iter(reward([record.molecule for record in records if record.molecule is not None]))
    return [
        Outcome(record.id, None, reward.unit, failure=Failure("invalid", "reading", record.reason or ""))
        if record.molecule is None
        else next(scored)
        for record in records
    ]


def table_columns(reward_names: Sequence[str]) -> list[str]:
    """The columns of the table: id, smiles, one a reward, failure, reason, seconds."""
    return [*FIXED_BEFORE, *reward_names, *FIXED_AFTER]


def table_rows(records: Sequence[Record], outcomes: Mapping[str, Sequence[Outcome]]) -> Iterator[dict[str, object]]:
    """The rows of the table.

    Args:
        records: What was read from a file.
        outcomes: By the reward's name, one outcome a record.

    Yields:
        A row a record. A failed reward's value is missing; the failure is that of the first reward that failed.
    """
    for position, record in enumerate(records):
        results = {name: list_[position] for name, list_ in outcomes.items()}
        failure = next((result.failure for result in results.values() if result.failure is not None), None)
        yield {
            "id": record.id,
            "smiles": record.molecule.smiles() if record.molecule is not None else None,
            **{name: result.value for name, result in results.items()},
            "failure": failure.kind if failure is not None else None,
            "reason": f"{failure.stage}: {failure.reason}" if failure is not None else None,
            "seconds": round(sum(result.seconds for result in results.values()), 6),
        }
