from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from properties import PROPERTIES

from molvm.chem.engines.tblite import ALPB_SOLVENTS, TBLite
from molvm.chem.engines.xtb import XTBPython
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, MissingDependencyError, MolVMError, RewardError
from molvm.rewards import make_reward, parse_reward
from molvm.rewards.base import time_needed
from molvm.rewards.pipeline import Pipeline, require_packages

PROGRAM = ("true", "{xyz}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relaxation": "uff"}, "no relaxation named 'uff'.*gfnff"),
        ({"single_point": "gfn0"}, "no single point named 'gfn0'.*gfn1, gfn2"),
        ({"engine": "orca"}, "no engine named 'orca'.*tblite, xtb"),
        ({"solvent": "watr"}, "no ALPB solvent named 'watr'.*Did you mean 'water'"),
        ({"engine": "xtb", "solvent": "water"}, "'xtb'.*water.*not ALPB.*engine=tblite"),
        ({"relaxation": "mmff", "charge": 1}, "'mmff' takes neither charge nor spin"),
        ({"relaxation": "mmff", "spin": 2}, "'mmff' takes neither charge nor spin"),
        ({"charge": 99}, "charge is 99.*from -8 to 8"),
        ({"charge": 0.5}, "charge is 0.5.*whole"),
        ({"spin": -1}, "spin .* is -1.*from 0 to 8"),
        ({"spin": True}, "spin .* is True.*whole"),
        ({"engine": "external"}, "engine 'external', and the program None.*engine=external, program="),
        ({"relaxation": "external"}, "relaxation is 'external'.*the program None"),
        ({"engine": "external", "solvent": "water", "program": PROGRAM}, "neither a single_point nor a solvent"),
        ({"engine": "external", "single_point": "gfn1", "program": PROGRAM}, "neither a single_point"),
        ({"program": PROGRAM}, "engine 'tblite', and the program .*only there"),
        ({"engine": "external", "program": ["true"]}, "not told the file"),
        ({"engine": "external", "program": PROGRAM, "time_limit": 0}, "time limit"),
        ({"time_limit": 7}, "time limit of 7 s is that of a program"),
    ],
)
def test_settings_that_cannot_be_met_are_refused_when_it_is_made(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Pipeline(**settings)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        make_reward("homo", **settings)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("dipole(charge=1)", "'dipole' is one of neutral molecules.*[+]1"),
        ("atomisation_energy(charge=-1)", "'atomisation_energy' is one of neutral molecules"),
        ("atomisation_energy(solvent=water)", "vacuum.*'water'"),
        ("solvation_energy(solvent=none)", "needs a solvent.*solvent=water"),
        ("strain(relaxation=none)", "relaxation is 'none'.*gfnff, gfn2, mmff or external"),
        ("strain(solvent=water)", "unexpected keyword argument 'solvent'"),
        ("homo(direction=up)", "direction 'up'.*maximise or minimise"),
        ("dipole(direction=up)", "direction 'up'.*maximise or minimise"),
    ],
)
def test_settings_that_a_property_cannot_meet_are_refused_too(expression: str, message: str) -> None:
    with pytest.raises(RewardError, match=message):
        parse_reward(expression)


@pytest.mark.parametrize("name", [name for name in PROPERTIES if name != "dipole"])
def test_a_missing_package_is_said_when_it_is_made(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.pipeline.find_spec", lambda package: None if package == "gfnff" else package)
    with pytest.raises(MissingDependencyError, match=f"'{name}'.*gfnff"):
        make_reward(name)
    if name != "strain":
        make_reward(name, relaxation="mmff")


@pytest.mark.parametrize(
    ("settings", "packages"),
    [
        ({}, ("gfnff", "tblite")),
        ({"relaxation": "mmff"}, ("tblite",)),
        ({"relaxation": "none", "engine": "xtb"}, ("xtb",)),
        ({"engine": "external", "program": PROGRAM}, ("gfnff",)),
        ({"relaxation": "external", "program": PROGRAM}, ("gfnff", "tblite")),
        ({"relaxation": "gfn2", "engine": "xtb"}, ("gfnff", "tblite", "xtb")),
    ],
)
def test_packages_are_those_that_are_used(settings: dict[str, object], packages: tuple[str, ...]) -> None:
    assert Pipeline(**settings).packages() == packages  # type: ignore[arg-type]


def test_the_remedy_of_a_missing_package_is_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    require_packages(("numpy",), "homo")
    monkeypatch.setattr("molvm.rewards.pipeline.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"molvm\[xtb\]"):
        require_packages(("xtb",), "homo")


def test_it_is_a_value() -> None:
    pipeline = Pipeline("gfn2", "gfn1", "tblite", "dmso", 1, 1)
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline  # noqa: S301 - what the line itself pickled
    assert hash(pipeline) == hash(replace(pipeline))
    assert Pipeline(None).relaxation == "none"
    assert parse_reward("homo(relaxation=none)").pipeline == Pipeline("none")  # type: ignore[attr-defined]


def test_the_calculator_is_set_up_as_told(small: list[Molecule]) -> None:
    for solvent in ALPB_SOLVENTS:
        assert Pipeline(solvent=solvent, spin=2).calculator() == TBLite("gfn2", solvent, 2)
    assert Pipeline(single_point="gfn1", engine="xtb", spin=2).calculator() == XTBPython("gfn1", 2)
    assert Pipeline().total_charge(small[0]) == 0
    assert Pipeline(charge=-1).total_charge(small[0]) == -1


def test_pipelines_of_different_spin_share_a_relaxation_that_knows_none() -> None:
    assert Pipeline(spin=2).relaxer == Pipeline().relaxer
    assert Pipeline("gfn2", spin=2).relaxer != Pipeline("gfn2").relaxer
    assert Pipeline(solvent="water").relaxer == Pipeline().relaxer


def test_every_refusal_says_what_to_do() -> None:
    for settings in ({"relaxation": "uff"}, {"engine": "xtb", "solvent": "water"}, {"charge": 99}):
        with pytest.raises(MolVMError) as caught:
            Pipeline(**settings)  # type: ignore[arg-type]
        assert caught.value.allowed or caught.value.remedy


def test_a_program_is_found_when_it_is_made_and_never_taken_for_what_it_was() -> None:
    reward = make_reward("dipole", engine="external", program="true {xyz}", time_limit=7)
    assert Path(reward.pipeline.program[0]).is_absolute()  # type: ignore[attr-defined]
    assert reward.cached_as is None  # type: ignore[attr-defined]
    with pytest.raises(RewardError, match="not found"):
        make_reward("dipole", engine="external", program="no-such-program-of-molvm {xyz}")


def test_a_molecule_may_take_as_long_as_all_its_runs() -> None:
    def seconds(name: str, **settings: object) -> float:
        return time_needed(make_reward(name, program="true {xyz}", time_limit=7, **settings))

    assert time_needed(make_reward("dipole")) == 0
    assert seconds("dipole", engine="external") == 7
    assert seconds("atomisation_energy", engine="external") == 77
    assert seconds("strain", relaxation="external") > 7 * 300


def test_a_program_without_dipoles_or_orbitals_fails_what_needs_them(small: list[Molecule]) -> None:
    program = [sys.executable, "-c", """print('{"protocol": 1, "energy": -5.0}')""", "{xyz}"]
    stages = {}
    for name in ("dipole", "gap", "energy_per_atom"):
        outcome = make_reward(name, relaxation="none", engine="external", program=program)([small[0]])[0]
        stages[name] = (outcome.failure.kind, outcome.failure.stage) if outcome.failure else outcome.value
    assert stages == {"dipole": ("failed", "dipole"), "gap": ("failed", "orbitals"), "energy_per_atom": -5.0 / 3}
