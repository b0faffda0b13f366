from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.chem.engines.base import Electronic
from molvm.chem.engines.tblite import TBLite
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria
from molvm.chem.relaxers import Relaxer
from molvm.chem.validity import STRICT
from molvm.rewards import make_reward
from molvm.rewards.stages import (
    StageFailure,
    TimedSinglePoint,
    converged,
    pass_gate,
    relaxation_details,
    relaxed,
    single_point,
)


def test_a_gate_lets_pass_or_says_why(small: list[Molecule]) -> None:
    pass_gate(small[0], STRICT)
    with pytest.raises(StageFailure) as caught:
        pass_gate(replace(small[5], bonds=[], orders=[]), STRICT)  # type: ignore[arg-type]
    assert (caught.value.failure.kind, caught.value.failure.stage) == ("invalid", "valences")


def test_changed_bonds_end_a_molecule_only_where_they_matter(small: list[Molecule]) -> None:
    molecule = replace(small[2], positions=1.4 * small[2].positions)
    assert converged(molecule, Relaxer("none")).changed_bonds
    with pytest.raises(StageFailure, match="contradicts the bond"):
        relaxed(molecule, Relaxer("none"))


def test_a_relaxation_that_gave_up_gives_up_again_at_once(small: list[Molecule]) -> None:
    molecule = replace(small[9])
    for _ in range(2):
        with pytest.raises(StageFailure, match="not converged after 1 steps"):
            converged(molecule, Relaxer(criteria=Criteria(max_steps=1)))


def test_details_name_the_method(small: list[Molecule]) -> None:
    assert relaxation_details(Relaxer("none"), converged(small[0], Relaxer("none"))) == {}
    relaxation = converged(small[0], Relaxer("mmff"))
    details = relaxation_details(Relaxer("mmff"), relaxation)
    assert details["mmff_energy"] == relaxation.energy


def test_a_single_point_is_made_at_the_relaxed_positions(small: list[Molecule]) -> None:
    molecule, relaxer = replace(small[3]), Relaxer()
    relaxation = relaxed(molecule, relaxer)
    point = single_point(molecule, relaxer, relaxation, TBLite(), 0)
    assert single_point(molecule, relaxer, relaxation, TBLite(), 0) is point
    there = replace(molecule, positions=relaxation.positions)
    none = Relaxer("none")
    again = single_point(there, none, relaxed(there, none), TBLite(), 0)
    assert again.electronic.energy == pytest.approx(point.electronic.energy, abs=1e-9)
    assert single_point(molecule, relaxer, relaxation, TBLite(), 1) is not point


def test_a_missing_gap_is_no_detail() -> None:
    details = TimedSinglePoint(Electronic(-1.0, np.zeros(3), float("nan")), 0.1).details()
    assert details == {"energy": -1.0, "single_point_seconds": 0.1}


@pytest.mark.parametrize(
    "name", ["dipole", "gap", "atomisation_energy", "strain", "solvation_energy", "polarisability"]
)
@pytest.mark.parametrize("relaxation", ["gfnff", "none"])
def test_a_folded_molecule_has_no_properties(name: str, relaxation: str) -> None:
    """Methane with its hydrogens on one side would stay so under GFN-FF, with a dipole of 5 D."""
    methane = parse_smiles("C", "methane", {}).molecule
    assert methane is not None
    apart = 0.36 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    folded = np.vstack([np.zeros(3), np.column_stack([apart, np.full(4, 1.03)])])
    settings = {} if name == "strain" else {"relaxation": relaxation}
    outcome = make_reward(name, **settings)([replace(methane, positions=folded)])[0]
    assert outcome.failure is not None
    assert outcome.failure.stage == "shape"


def test_what_a_relaxation_leaves_must_have_the_bonds() -> None:
    ethane = parse_smiles("CC", "ethane", {}).molecule
    assert ethane is not None
    methyl = [1, *(j for i, j in ethane.bonds.tolist() if i == 1)]
    axis = ethane.positions[1] - ethane.positions[0]
    positions = np.array(ethane.positions)
    positions[methyl] += axis * (2.25 / np.linalg.norm(axis) - 1.0)
    with pytest.raises(StageFailure) as caught:
        relaxed(replace(ethane, positions=positions), Relaxer())
    assert caught.value.failure.stage == "topology"


def test_what_a_relaxation_leaves_must_have_the_shape() -> None:
    """Benzene with a hydrogen inside its ring has all its bonds, and no others."""
    benzene = parse_smiles("c1ccccc1", "benzene", {}).molecule
    assert benzene is not None
    positions = np.array(benzene.positions)
    positions[6] = 2.0 * positions[0] - positions[6]
    assert [0, 6] in benzene.bonds.tolist()
    with pytest.raises(StageFailure) as caught:
        relaxed(replace(benzene, positions=positions), Relaxer())
    assert caught.value.failure.stage == "shape"
