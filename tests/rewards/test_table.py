from __future__ import annotations

from molvm.chem.formats.record import Record
from molvm.chem.formats.smiles import parse_smiles
from molvm.rewards import dipole, qed
from molvm.rewards.table import score_records, table_columns, table_rows


def test_one_row_a_record_in_order() -> None:
    records = [
        parse_smiles("CCO", "ethanol", {}),
        Record("bad", reason="unreadable"),
        parse_smiles("[NH4+]", "ammonium", {}),
    ]
    outcomes = {reward.name: score_records(reward, records) for reward in (qed(), dipole())}
    columns = table_columns(list(outcomes))
    assert columns == ["id", "smiles", "qed", "dipole", "failure", "reason", "seconds"]
    rows = list(table_rows(records, outcomes))
    assert [set(row) for row in rows] == [set(columns)] * 3
    assert [row["id"] for row in rows] == ["ethanol", "bad", "ammonium"]
    assert [row["smiles"] for row in rows] == ["CCO", None, "[NH4+]"]
    assert [row["failure"] for row in rows] == [None, "invalid", "rejected"]
    assert [row["dipole"] is None for row in rows] == [False, True, True]
    assert [row["qed"] is None for row in rows] == [False, True, False]
    assert rows[1]["reason"] == "reading: unreadable"
    assert str(rows[2]["reason"]).startswith("neutral")
