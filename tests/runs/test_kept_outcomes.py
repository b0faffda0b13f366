"""What was paid for is known the next time, unless it is not wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from molvm.chem.io import read_molecules
from molvm.datasets.home import HOME_VARIABLE
from molvm.runs import kept_outcomes as module
from molvm.runs.kept_outcomes import kept_outcomes
from molvm.runs.scoring import score


def test_the_folder_is_the_named_one_or_in_molvm_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path / "named"))
    cache = kept_outcomes()
    assert cache is not None
    assert cache.folder == tmp_path / "named"
    monkeypatch.delenv(module.FOLDER_VARIABLE)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    cache = kept_outcomes()
    assert cache is not None
    assert cache.folder == tmp_path / "home" / "outcomes"
    assert kept_outcomes(False) is None


def test_a_second_score_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path / "outcomes"))
    (tmp_path / "in.smi").write_text("CCO ethanol\nO water\nC methane\n")
    molecules = [record.molecule for record in read_molecules(tmp_path / "in.smi") if record.molecule is not None]
    first = score(molecules, "homo", workers=1)
    assert len(list((tmp_path / "outcomes").rglob("*.json"))) == 3
    again = score(molecules, "homo", workers=1)
    # To the last digit of the seconds: they were not measured again.
    assert again.rows() == first.rows()
    assert score(molecules, "homo(spin=0, solvent=water)", workers=1).values("homo") != first.values("homo")
    assert len(list((tmp_path / "outcomes").rglob("*.json"))) == 6
    fresh = score(molecules, "homo", workers=1, cache=False)
    assert fresh.values("homo") == pytest.approx(first.values("homo"), rel=1e-9)
