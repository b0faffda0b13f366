"""The docking example: what a score is worth, what is kept, and how it fails."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.formats.smiles import parse_smiles
from molvm.rewards import Outcome, command
from tests.test_examples import EXAMPLES, scores

pytestmark = pytest.mark.skipif(importlib.util.find_spec("vina") is None, reason="Vina has no wheels here")

VINA = EXAMPLES / "vina"

Dock = Callable[..., list[Outcome]]


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grids")


@pytest.fixture(scope="module")
def dock(grids: Path) -> Dock:
    """Docks molecules given as SMILES into the shipped receptor, thoroughly enough for a test."""

    def docked(smiles: Sequence[str], *further: str) -> list[Outcome]:
        settings = ["--exhaustiveness", "1", "--size", "10", "10", "10", "--grids", str(grids), *further]
        reward = command(
            [sys.executable, str(VINA / "dock.py"), str(VINA / "receptor.pdbqt"), *settings], time_limit=300
        )
        records = [parse_smiles(each, each, {}) for each in smiles]
        return reward([record.molecule for record in records if record.molecule is not None])

    return docked


def test_what_fills_the_cage_scores_better_every_time(dock: Dock, grids: Path) -> None:
    """Vina's score is a sum over contacts: methane and naphthalene are some 4 kcal/mol apart."""
    first, second = dock(["C", "c1ccc2ccccc2c1"]), dock(["C"])
    assert all(outcome.ok for outcome in first), [outcome.failure for outcome in first]
    methane, naphthalene = (float(outcome.value or 0) for outcome in first)
    assert naphthalene < methane - 2 < -2
    # The first of them made the grid, the others found it.
    assert (second[0].value, second[0].details) == (first[0].value, first[0].details)
    assert len(list(grids.iterdir())) == 1


def test_another_box_is_another_grid(dock: Dock) -> None:
    """Far from the receptor there is nothing to bind to."""
    (outcome,) = dock(["c1ccccc1"], "--centre", "0", "0", "60", "--size", "8", "8", "8")
    assert outcome.value == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(("smiles", "words"), [("C[Se]C", "Meeko has no type"), ("CB(C)C", "Vina does not take")])
def test_an_element_without_parameters_is_a_failure_with_its_reason(dock: Dock, smiles: str, words: str) -> None:
    (outcome,) = dock([smiles])
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.stage) == ("failed", "program")
    assert words in outcome.failure.reason


def test_a_receptor_that_is_not_there_is_a_crash_that_says_so(grids: Path) -> None:
    lost = command([sys.executable, str(VINA / "dock.py"), "no-receptor.pdbqt", "--grids", str(grids)])
    molecule = parse_smiles("C", "methane", {}).molecule
    assert molecule is not None
    (outcome,) = lost([molecule])
    assert outcome.failure is not None
    assert outcome.failure.kind == "crashed"
    assert "no-receptor.pdbqt" in outcome.failure.reason


def test_the_command_line_of_the_readme(grids: Path, tmp_path: Path) -> None:
    program = f"python examples/vina/dock.py examples/vina/receptor.pdbqt --exhaustiveness 1 --grids {grids}"
    reward = f"command('{program}', name=vina, unit='kcal/mol', direction=minimise, floor=0, time_limit=300)"
    ligands = tmp_path / "ligands.smi"
    ligands.write_text("Cc1ccccc1 toluene\nC[Se]C selenide\n")
    rows = scores(reward, tmp_path / "scores.csv", ligands)
    assert -5 < float(rows["toluene"]["vina"]) < -2
    assert (rows["selenide"]["vina"], rows["selenide"]["failure"]) == ("", "failed")


@pytest.mark.slow
def test_the_shipped_receptor_is_what_its_program_builds(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(VINA / "build_receptor.py"), str(tmp_path / "receptor.pdb")], check=True)
    prepare = [str(Path(sys.executable).with_name("mk_prepare_receptor.py")), "--read_pdb", "receptor.pdb"]
    subprocess.run([*prepare, "--write_pdbqt", "receptor.pdbqt"], cwd=tmp_path, check=True, capture_output=True)
    built, shipped = (atoms(folder / "receptor.pdbqt") for folder in (tmp_path, VINA))
    assert [kind for kind, _ in built] == [kind for kind, _ in shipped]
    np.testing.assert_allclose([where for _, where in built], [where for _, where in shipped], atol=0.1)


def atoms(path: Path) -> list[tuple[str, list[float]]]:
    """The types and positions of a PDBQT file."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("ATOM")]
    return [(line[77:].strip(), [float(line[start : start + 8]) for start in (30, 38, 46)]) for line in lines]
