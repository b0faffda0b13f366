"""Laws of everything that a pipeline computes."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from properties import ELECTRONIC, PROPERTIES, computed, failure, from_smiles
from test_shipped import load_broken_versions, turned

from molvm.chem.engines.base import Electronic
from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.engines.tblite import TBLite
from molvm.chem.free_atoms import free_atom_energy
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria
from molvm.errors import EngineError
from molvm.rewards import isolated, make_reward, parse_reward, reward_names

__all__ = ["computed"]

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", PROPERTIES)
def test_no_broken_molecule_has_a_value(name: str, drug_like: list[Molecule], small: list[Molecule]) -> None:
    rewards = [make_reward(name)]
    if name != "strain":
        rewards.append(make_reward(name, relaxation="none"))
    for molecule in (drug_like[0], small[5]):
        versions = load_broken_versions()(molecule)
        assert len(versions) >= 17
        for reward in rewards:
            for version, outcome in zip(versions, reward(list(versions.values())), strict=True):
                assert outcome.failure is not None, version
                assert outcome.failure.kind in {"invalid", "rejected", "failed"}, version


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
@pytest.mark.parametrize("name", PROPERTIES)
def test_no_failure_is_above_a_valid_molecule(name: str, direction: str, small: list[Molecule]) -> None:
    reward = make_reward(name, direction=direction)
    assert name in reward_names()
    assert reward.direction == direction
    outcomes = reward(small[::5])
    assert all(outcome.ok for outcome in outcomes), [outcome.failure for outcome in outcomes]
    if reward.floor is not None:
        assert direction == "maximise"
        assert all(outcome.value >= reward.floor for outcome in outcomes)  # type: ignore[operator]


def test_declared_defaults() -> None:
    declared = {
        name: (reward.unit, reward.direction, reward.floor)
        for name, reward in ((name, make_reward(name)) for name in PROPERTIES)
    }
    assert declared == {
        "dipole": ("D", "maximise", 0.0),
        "homo": ("eV", "maximise", None),
        "lumo": ("eV", "minimise", None),
        "gap": ("eV", "maximise", 0.0),
        "energy_per_atom": ("Eh", "minimise", None),
        "atomisation_energy": ("eV", "maximise", 0.0),
        "solvation_energy": ("kcal/mol", "minimise", None),
        "strain": ("kcal/mol", "minimise", None),
        "polarisability": ("a₀³", "maximise", 0.0),
    }


@pytest.mark.parametrize("name", ELECTRONIC)
def test_values_do_not_depend_on_the_frame(name: str, small: list[Molecule]) -> None:
    reward = make_reward(name, relaxation="none")
    for seed, molecule in enumerate(small[1::9]):
        first, second = reward([molecule, turned(molecule, seed)])
        assert first.value == pytest.approx(second.value, rel=1e-4, abs=0.1 if name == "solvation_energy" else 2e-3)


def test_rewards_of_equal_pipelines_share_every_step(computed: Counter[str], small: list[Molecule]) -> None:
    molecule = replace(small[5])
    free_atom_energy.cache_clear()
    for name in PROPERTIES:
        assert make_reward(name).__call__([molecule])[0].ok
    # In vacuum, in water; and one a free element.
    assert computed == {"relaxation": 1, "single point": 2 + len(set(molecule.elements.tolist()))}
    make_reward("gap", direction="minimise")([molecule])
    assert computed["single point"] == 2 + len(set(molecule.elements.tolist()))
    make_reward("gap", relaxation="none")([molecule])
    make_reward("gap")([replace(molecule)])
    assert computed["relaxation"] == 3


def test_shared_values_are_those_computed_alone(small: list[Molecule]) -> None:
    molecule = replace(small[7])
    together = [make_reward(name)([molecule])[0].value for name in PROPERTIES]
    alone = [make_reward(name)([replace(molecule)])[0].value for name in PROPERTIES]
    # The engines add up in an order that depends on the number of threads.
    assert together == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("name", ELECTRONIC)
def test_an_engine_that_fails_fails_by_name(name: str, small: list[Molecule], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Electronic:
        raise EngineError("on demand")

    monkeypatch.setattr(TBLite, "__call__", fails)
    assert failure(name, replace(small[3])) == ("failed", "single point")


@pytest.mark.parametrize("name", ELECTRONIC)
def test_an_engine_that_breaks_is_a_reward_error(
    name: str, small: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TBLite, "__call__", lambda *_: 1 // 0)
    assert failure(name, replace(small[3]))[0] == "reward_error"


@pytest.mark.parametrize("name", ELECTRONIC)
@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1e6, 1e6])
def test_nonsense_from_an_engine_is_no_value(
    name: str, nonsense: float, small: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(engine: TBLite, *_: object) -> Electronic:
        # The solvent and the field must make a difference that is nonsense as well.
        there = nonsense * (1.0 + (engine.solvent is not None) + sum(engine.field or (0.0,)))
        return Electronic(there, np.full(3, there), there, there, there)

    monkeypatch.setattr(TBLite, "__call__", answers)
    free_atom_energy.cache_clear()
    outcome = make_reward(name)([replace(small[3])])[0]
    free_atom_energy.cache_clear()
    assert outcome.failure is not None, outcome.value
    assert outcome.failure.kind == "failed"
    assert outcome.failure.stage in {"range", "orbitals", "dipole"}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_relaxation_that_does_not_converge_is_a_failure(name: str, small: list[Molecule]) -> None:
    reward = make_reward(name)
    hasty = replace(reward, pipeline=replace(reward.pipeline, criteria=Criteria(max_steps=1)))  # type: ignore[type-var, attr-defined]
    outcome = hasty([replace(small[9])])[0]
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.stage) == ("failed", "relaxation")
    assert "not converged after 1 steps" in outcome.failure.reason


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_force_field_that_fails_is_a_failure(
    name: str, small: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> tuple[float, np.ndarray, np.ndarray]:
        raise EngineError("on demand")

    monkeypatch.setattr(GFNFF, "energy_and_gradient", fails)
    assert failure(name, replace(small[3])) == ("failed", "relaxation")


@pytest.mark.parametrize("name", PROPERTIES)
def test_molecules_out_of_scope_fail_by_name(name: str) -> None:
    for smiles, stage in (("O.O", "connected"), ("[CH3]", "valences")):
        assert failure(name, smiles)[1] == stage


def test_a_geometry_that_contradicts_its_bonds_is_rejected_without_relaxation_too() -> None:
    ethane = from_smiles("CC")
    for factor, stage in ((1.22, "shape"), (1.25, "topology")):
        stretched = replace(ethane, positions=factor * ethane.positions)
        assert failure("homo(relaxation=none)", stretched) == ("rejected", stage)


@pytest.mark.parametrize("name", PROPERTIES)
def test_rewards_are_values_that_workers_can_be_sent(name: str) -> None:
    reward = make_reward(name)
    assert pickle.loads(pickle.dumps(reward)) == reward  # noqa: S301 - what the line itself pickled
    assert make_reward(name, relaxation="gfn2") != reward


def test_workers_compute_the_same(small: list[Molecule]) -> None:
    molecules = small[1:4]
    reward = make_reward("gap")
    with isolated(reward, 1) as pool:
        assert [o.value for o in pool(molecules)] == pytest.approx([o.value for o in reward(molecules)], rel=1e-9)


def test_the_positions_of_an_outcome_are_its_own(small: list[Molecule]) -> None:
    molecule, reward = replace(small[5]), make_reward("gap", keep_positions=True)
    first = reward([molecule])[0].positions
    assert first is not None
    kept = first.copy()
    first[:] = 0.0
    np.testing.assert_array_equal(reward([molecule])[0].positions, kept)


def test_details_and_positions(small: list[Molecule]) -> None:
    outcome = parse_reward("homo(relaxation=mmff, keep_positions=true)")([small[5]])[0]
    assert set(outcome.details) == {
        "mmff_energy",
        "gradient_norm",
        "relaxation_steps",
        "relaxation_seconds",
        "energy",
        "single_point_seconds",
        "gap",
    }
    assert outcome.positions is not None
    assert outcome.positions.shape == small[5].positions.shape
    outcome = parse_reward("homo(relaxation=none)")([small[5]])[0]
    assert set(outcome.details) == {"energy", "single_point_seconds", "gap"}
    assert outcome.positions is None
