from __future__ import annotations

from pathlib import Path

from molvm.rewards.ledger import Ledger


def test_each_entry_has_what_was_noted_last() -> None:
    ledger = Ledger()
    first, second, untouched = ledger.ticket(), ledger.ticket(), ledger.ticket()
    for index in (0, 1, 7):
        second.note(index)
    first.note(3)
    assert [ledger.index(ticket) for ticket in (first, second, untouched)] == [3, 7, 0]
    assert [ledger.begun(ticket) for ticket in (first, second, untouched)] == [True, True, False]
    ledger.close()
    assert not Path(first.path).exists()
