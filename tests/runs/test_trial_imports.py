"""Imports that fail, crash or hang are told apart from those that work, and hide none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from molvm.runs.trial_imports import try_imports

MODULES = {
    "sound_before": "print('imported sound_after as noise may claim')",
    "without_a_part": "import a_part_that_is_not_there",
    "crashing": "import os; os.abort()",
    "sound_between": "value = 1",
    "leaving": "raise SystemExit(3)",
    "hanging": "import time; time.sleep(600)",
    "sound_after": "",
}


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_each_is_judged_by_itself() -> None:
    found = try_imports(list(MODULES), seconds=2)
    assert [name for name, trouble in found.items() if trouble is None] == [
        "sound_before",
        "sound_between",
        "sound_after",
    ]
    assert found["without_a_part"] == "ModuleNotFoundError: No module named 'a_part_that_is_not_there'"
    assert found["crashing"] == "its import ends with -6"
    assert found["leaving"] == "SystemExit: 3"
    assert str(found["hanging"]).startswith("its import takes more than")


def test_nothing_to_try() -> None:
    assert try_imports([]) == {}
