"""What a server does before it is asked."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import EngineError
from molvm.rewards.base import Outcome
from molvm.studio import judging, server, warming
from molvm.studio.closeup import Closeup

NEEDED = {"altair", "molvm.runs.config", "molvm.studio.molecule_table", "pandas", "pyarrow.parquet", "rdkit.Chem"}


def test_methane_has_been_looked_at_from_all_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judging.Judge()
    monkeypatch.setattr(judging, "_made", lambda: judge)
    try:
        outcome = warming.warm_up()
        assert outcome is not None
        assert outcome.value == pytest.approx(0.68, abs=0.1)  # kcal/mol from ETKDG's geometry to GFN-FF's
        assert judging.shared_judge().ask(Closeup(), Molecule.from_smiles("C")).done()
    finally:
        judge.close()


def test_what_pages_import_is_imported() -> None:
    program = (
        "import sys\nfrom molvm.studio import judging, warming\n"
        "class Nobody:\n    def ask(self, reward, molecule, patience):\n        raise RuntimeError\n"
        "judging._made = Nobody\nassert warming.warm_up() is None\nprint(' '.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) >= NEEDED
    assert "torch" not in loaded


def test_a_server_starts_although_nothing_can_be_warmed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(pause: float) -> Outcome:
        raise EngineError("no engine")

    monkeypatch.setattr(warming, "_look_at_methane", fail)
    thread = warming.warm_up_beside()
    thread.join(10)
    assert thread.daemon
    assert warming.warm_up() is None


def test_it_is_warmed_up_beside_streamlit(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr("molvm.studio.warming.warm_up_beside", lambda: done.append("warming up"))
    monkeypatch.setattr("streamlit.web.cli.main", lambda prog_name: done.append(f"{prog_name} {sys.argv}"))
    monkeypatch.setattr(sys, "argv", ["server.py", "run", "app.py"])
    server.main()
    assert done == ["warming up", "streamlit ['streamlit', 'run', 'app.py']"]


def test_whoever_asks_first_the_judge_is_the_same() -> None:
    with ThreadPoolExecutor(8) as threads:
        judges = set(threads.map(lambda _: judging.shared_judge(), range(32)))
    assert len(judges) == 1
