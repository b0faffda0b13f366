"""Modules travel as text: what is found here is what another process imports."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from molvm.rewards.cluster.shipment import ship
from molvm.rewards.cluster.sources import carry, own_sources

FILES = {
    "mine_top.py": "import mine_helper\nfrom mine_pack.deep import near\n\ndef f():\n"
    "    import mine_late\n    return mine_helper.ONE + near.TWO + mine_late.THREE\n",
    "mine_helper.py": "import numpy\nONE = 1\n",
    "mine_late.py": "THREE = 3\n",
    "mine_pack/__init__.py": "",
    "mine_pack/deep/__init__.py": "from . import near\n",
    "mine_pack/deep/near.py": "from ..base import TWO\n",
    "mine_pack/base.py": "TWO = 2\n",
    "mine_pack/unused.py": "1 / 0\n",
    "mine_unused.py": "1 / 0\n",
}
NEEDED = set(FILES) - {"mine_unused.py", "mine_pack/unused.py"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("mine_")]:
        del sys.modules[name]


def test_all_that_a_module_imports_of_the_users_own_is_found(folder: Path) -> None:
    top = importlib.import_module("mine_top")
    found = own_sources(pickle.dumps(top.f))
    assert {name: text.decode() for name, text in found.items()} == {name: FILES[name] for name in NEEDED}


def test_what_every_machine_has_stays() -> None:
    from molvm.rewards import qed

    assert own_sources(pickle.dumps(qed())) == {}
    assert own_sources(pickle.dumps(subprocess.run)) == {}


def test_what_was_carried_is_imported_where_there_are_no_files(folder: Path) -> None:
    sources = own_sources(pickle.dumps(importlib.import_module("mine_top").f))
    program = (
        "import sys\nfrom molvm.rewards.cluster.sources import carry\n"
        f"carry({sources!r})\nimport mine_top\nprint(mine_top.f(), mine_top.__file__)\n"
        "carry({'mine_helper.py': b'ONE = 10'})\nimport mine_helper\nprint(mine_helper.ONE)\n"
        "carry({})\nprint([name for name in sys.modules if name.startswith('mine')])\n"
        "try: import mine_helper\nexcept ModuleNotFoundError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == ["6 mine_top.py", "10", "[]", "No module named 'mine_helper'"], done.stderr


def test_a_package_without_a_file_of_its_own_is_carried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine_space").mkdir()
    (folder / "mine_space" / "inner.py").write_text("def g():\n    return 5\n")
    inner = importlib.import_module("mine_space.inner")
    sources = own_sources(pickle.dumps(inner.g))
    assert set(sources) == {"mine_space/inner.py"}
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(folder)])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    carry(sources)
    assert importlib.import_module("mine_space.inner").g() == 5
    carry({})


def test_the_same_reward_is_the_same_shipment() -> None:
    from faulty_rewards import raising, tpsa

    assert ship(tpsa).digest == ship(tpsa).digest != ship(raising).digest
    assert b"__main__" not in pickle.dumps(ship(tpsa))
