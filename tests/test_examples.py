"""The worked examples do what they say, through the real command line."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def scores(reward: str, out: Path, ligands: Path = EXAMPLES / "ligands.smi") -> dict[str, dict[str, str]]:
    command = [sys.executable, "-m", "molvm", "score", str(ligands), "--reward", reward, "--out", str(out)]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, "--workers", "1"], cwd=EXAMPLES.parent, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    with out.open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_a_decorated_function(tmp_path: Path) -> None:
    rows = scores("examples/functions.py:out_of_plane", tmp_path / "scores.csv")
    distances = {name: float(row["out_of_plane"]) for name, row in rows.items()}
    assert 0 < distances["caffeine"] < 0.5 < distances["ibuprofen"]


def test_a_plain_function(tmp_path: Path) -> None:
    rows = scores("examples/functions.py:heteroatoms", tmp_path / "scores.csv")
    assert {name: float(row["heteroatoms"]) for name, row in rows.items()} == {
        "aspirin": 4,
        "caffeine": 6,
        "ibuprofen": 2,
    }


def test_a_job_for_slurm() -> None:
    """The script that Slurm would get, made without Slurm."""
    options = ["--cores", "8", "--memory", "16GB", "--walltime", "12:00:00", "--queue", "cpu", "--account", "chem"]
    command = [sys.executable, "-W", "error", "examples/slurm_cluster.py", "--show", *options]
    prologue = ["--prologue", "source venv/bin/activate"]
    done = subprocess.run([*command, *prologue], cwd=EXAMPLES.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    script = done.stdout
    for line in ("-p cpu", "-A chem", "--cpus-per-task=8", "--mem=15G", "-t 12:00:00"):
        assert f"#SBATCH {line}\n" in script
    *_, before, worker = script.strip().splitlines()
    assert before == "source venv/bin/activate"
    assert "dask_worker tcp://" in worker
    assert "--nthreads 8 " in worker
    assert worker.endswith("--memory-limit 0 --no-dashboard")


def test_a_program(tmp_path: Path) -> None:
    reward = "command('python examples/program.py', name=gyration, unit=Å, direction=minimise)"
    rows = scores(reward, tmp_path / "scores.csv")
    assert {name: float(row["gyration"]) for name, row in rows.items()} == pytest.approx(
        {"aspirin": 2.9, "caffeine": 2.7, "ibuprofen": 3.4}, abs=0.6
    )


def test_an_engine_of_one_s_own_gives_the_same_dipole(tmp_path: Path) -> None:
    program = "python examples/engine.py {xyz} {charge} {unpaired} {task}"
    ligands = tmp_path / "ligands.smi"
    ligands.write_text("O water\nCC(=O)N acetamide\n")
    external = f"dipole(engine=external, program={program!r}, time_limit=300)"
    theirs, ours = (scores(each, tmp_path / f"{len(each)}.csv", ligands) for each in (external, "dipole"))
    assert float(theirs["acetamide"]["dipole"]) > 3
    assert {name: float(row["dipole"]) for name, row in theirs.items()} == pytest.approx(
        {name: float(row["dipole"]) for name, row in ours.items()}, abs=1e-6
    )
