"""Any program as an engine: what it is told, what it may answer, and how it fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molvm.chem.engines.external import External, ExternalForceField, xyz_text
from molvm.chem.engines.external_answer import read_electronic, read_energy_and_gradient
from molvm.chem.engines.tblite import TBLite, TBLiteForceField
from molvm.chem.molecule import Molecule
from molvm.chem.relaxers import Relaxer
from molvm.chem.units import ANGSTROM_PER_BOHR, DEBYE_PER_ATOMIC_UNIT
from molvm.errors import ConfigError, EngineError

ENGINE = Path(__file__).parents[3] / "examples" / "engine.py"

ECHO = """
import json, pathlib, sys
print("Welcome to the program")
print(json.dumps({"protocol": 1, "energy": 0.0, "failure": repr(sys.argv[1:]) + pathlib.Path(sys.argv[1]).read_text()}))
"""

WATER = np.array([[0.0, 0.0, 0.0], [1.81, 0.0, 0.0], [-0.45, 1.76, 0.0]])

OXYGEN_AND_HYDROGENS = np.array([8, 1, 1], dtype=np.uint8)


@pytest.fixture(scope="module")
def engine() -> External:
    """The worked example."""
    return External((sys.executable, str(ENGINE), "{xyz}", "{charge}", "{unpaired}", "{task}"))


def running(program: str, time_limit: float = 60.0) -> External:
    return External((sys.executable, "-c", program, "{xyz}", "{charge}", "{unpaired}", "{task}"), 2, time_limit)


def answer(**further: Any) -> bytes:
    return json.dumps({"protocol": 1, "energy": -5.0, **further}).encode()


# --- The example, which asks tblite, against tblite in this process -----------------------------------------------


def test_the_example_agrees_with_the_built_in_engine(engine: External, small: list[Molecule]) -> None:
    for molecule in small[5:20:7]:
        positions = molecule.positions / ANGSTROM_PER_BOHR
        theirs, ours = (each(molecule.elements, positions, 0) for each in (engine, TBLite()))
        np.testing.assert_allclose(theirs.dipole, ours.dipole, rtol=0, atol=1e-8)
        assert (theirs.energy, theirs.homo, theirs.lumo) == pytest.approx((ours.energy, ours.homo, ours.lumo), abs=1e-9)


def test_its_gradient_and_its_charge_are_those_of_tblite(engine: External) -> None:
    for elements, charge in ((OXYGEN_AND_HYDROGENS, 0), (np.array([8, 1, 9], dtype=np.uint8), 1)):
        surface = TBLiteForceField(elements, WATER, charge)
        energy, gradient = surface.energy_and_gradient(WATER)
        their_energy, theirs = ExternalForceField(engine, elements, charge).energy_and_gradient(WATER)
        assert their_energy == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(theirs, gradient, atol=1e-7)


def test_it_relaxes_to_where_the_built_in_method_does(engine: External, small: list[Molecule]) -> None:
    ours, theirs = Relaxer("gfn2")(small[0]), Relaxer("external", engine=engine)(small[0])
    assert theirs.converged
    assert theirs.n_steps == ours.n_steps
    assert theirs.energy == pytest.approx(ours.energy, abs=1e-8)
    np.testing.assert_allclose(theirs.positions, ours.positions, atol=1e-5)


# --- What it is told ------------------------------------------------------------------------------------------------


def test_the_placeholders_are_filled_and_the_file_is_the_molecule() -> None:
    with pytest.raises(EngineError) as caught:
        running(ECHO)(OXYGEN_AND_HYDROGENS, WATER, -1)
    assert "['molecule.xyz', '-1', '2', 'energy']" in str(caught.value)
    assert "H 0.957" in str(caught.value)
    with pytest.raises(EngineError, match="'gradient'"):
        ExternalForceField(running(ECHO), OXYGEN_AND_HYDROGENS, 0).energy_and_gradient(WATER)


def test_positions_survive_the_file_to_the_last_digit() -> None:
    positions = np.random.default_rng(0).normal(size=(3, 3)) * 1e-3
    lines = xyz_text(OXYGEN_AND_HYDROGENS, positions).splitlines()
    assert lines[:2] == ["3", ""]
    assert [line.split()[0] for line in lines[2:]] == ["O", "H", "H"]
    np.testing.assert_array_equal(np.array([line.split()[1:] for line in lines[2:]], dtype=float), positions)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("program",), r"not told the file, \{xyz\}"),
        (("program", "{xyz}", "{spin}"), r"unknown placeholder \{spin\}.*\{unpaired\}"),
    ],
)
def test_a_command_that_cannot_work_is_refused(argv: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        External(argv)


@pytest.mark.parametrize("time_limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_that_is_none_is_refused(time_limit: float) -> None:
    with pytest.raises(ConfigError, match="time limit"):
        External(("program", "{xyz}"), time_limit=time_limit)


def test_braces_that_are_no_placeholders_stay() -> None:
    program = "import json, sys; print(json.dumps({'protocol': 1, 'failure': sys.argv[2]}))"
    engine = External((sys.executable, "-c", program, "{xyz}", '{"basis": "{task}"}'))
    with pytest.raises(EngineError, match=r'\{"basis": "energy"\}'):
        engine(OXYGEN_AND_HYDROGENS, WATER, 0)


# --- How it fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no licence')", "exit status 1; it said: no licence"),
        ("import os; os.abort()", "exit status -6"),
        ("while True: print('x' * 65536)", "more output than is allowed"),
        ("", "said nothing"),
        ("print('SCF DONE')", "no JSON: 'SCF DONE'"),
        ("print('[1]')", "no JSON object"),
        ("""print('{"energy": 1}')""", 'another protocol.*"protocol": 1'),
        ("""print('{"protocol": 1, "failure": "no convergence"}')""", "failed: no convergence"),
    ],
)
def test_every_failure_is_an_engine_error(program: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        running(program)(OXYGEN_AND_HYDROGENS, WATER, 0)


def test_too_long_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="longer than its time limit"):
        running("import time; time.sleep(60)", 0.5)(OXYGEN_AND_HYDROGENS, WATER, 0)


@pytest.mark.parametrize(
    ("further", "words"),
    [
        ({"energy": "low"}, "numbers for 'energy'"),
        ({"energy": None}, "energy"),
        ({"energy": float("nan")}, "energy .*not finite"),
        ({"dipole": [1, 2]}, r"dipole of shape \(2,\).*\(3,\)"),
        ({"dipole": [0, 0, float("inf")]}, "dipole .*not finite"),
        ({"dipole_debye": "big"}, "numbers for 'dipole_debye'"),
        ({"orbital_energies": [-1.0, 0.5]}, "2 orbitals and 0 occupations"),
        ({"orbital_energies": 3, "orbital_occupations": 3}, "orbital_energies of shape"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(further: dict[str, Any], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        read_electronic("it", answer(**further), 0)


@pytest.mark.parametrize("gradient", [None, [[0, 0, 0]], [[0, 0, float("nan")]] * 2, "steep"])
def test_a_gradient_that_is_none_is_refused(gradient: object) -> None:
    with pytest.raises(EngineError, match="gradient"):
        read_energy_and_gradient("it", answer(gradient=gradient), 2)


def test_what_is_left_out_is_not_a_number() -> None:
    bare = read_electronic("it", answer(), 0)
    assert bare.energy == -5.0
    assert np.isnan([*bare.dipole, bare.gap, bare.homo, bare.lumo]).all()


def test_units() -> None:
    in_debye = read_electronic("it", answer(dipole_debye=[0, 0, DEBYE_PER_ATOMIC_UNIT]), 0)
    np.testing.assert_allclose(in_debye.dipole, [0, 0, 1], rtol=1e-15)
    orbitals = read_electronic("it", answer(orbital_energies=[-0.5, -0.25, 0.1], orbital_occupations=[2, 2, 0]), 0)
    assert (orbitals.homo, orbitals.lumo, orbitals.gap) == (-0.25, 0.1, 0.35)
