from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from molvm.chem.engines.gfnff import GFNFF
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, relax
from molvm.chem.units import ANGSTROM_PER_BOHR, KCAL_PER_MOL_PER_HARTREE
from molvm.evaluation.strain import Strain


def stretched_ethane(make: Callable[..., Molecule], length: float) -> Molecule:
    """The two methyl groups drawn apart."""
    ethane = make("CC")
    bond = ethane.positions[1] - ethane.positions[0]
    moved = [1, *(second for first, second in ethane.bonds.tolist() if first == 1)]
    positions = ethane.positions.copy()
    positions[moved] += bond * (length / np.linalg.norm(bond) - 1)
    return replace(ethane, positions=positions)


def test_a_relaxed_molecule_has_none(make: Callable[..., Molecule]) -> None:
    molecule = make("CC(=O)N")
    relaxed = replace(molecule, positions=relax(molecule, Criteria(energy=1e-8, gradient=1e-5)).positions)
    outcome = Strain().outcome(relaxed)
    assert outcome.value == pytest.approx(0.0, abs=0.01)
    assert outcome.details["rmsd_all"] == pytest.approx(0.0, abs=0.05)
    assert outcome.details["topology_kept"] == 1


def test_it_is_the_force_fields_difference_of_energies(make: Callable[..., Molecule]) -> None:
    molecule = make("CCO")
    start, end = molecule.positions / ANGSTROM_PER_BOHR, relax(molecule).positions / ANGSTROM_PER_BOHR
    field = GFNFF(molecule.elements, start)
    drop = field.energy_and_gradient(start)[0] - field.energy_and_gradient(end)[0]
    assert Strain().outcome(molecule).value == pytest.approx(drop * KCAL_PER_MOL_PER_HARTREE, abs=1e-3)


def test_turning_a_molecule_changes_nothing(make: Callable[..., Molecule]) -> None:
    molecule = make("FCC1CO1")
    turn = Rotation.from_euler("xyz", [0.3, 1.1, -2.0]).as_matrix()
    first = Strain().outcome(molecule)
    second = Strain().outcome(replace(molecule, positions=molecule.positions @ turn.T + 2.0))
    assert second.value == pytest.approx(first.value, abs=0.01)
    assert second.details["rmsd_heavy"] == pytest.approx(first.details["rmsd_heavy"], abs=0.01)


def test_stretching_a_bond_strains_and_tearing_it_changes_the_topology(make: Callable[..., Molecule]) -> None:
    values = [Strain().outcome(stretched_ethane(make, length)) for length in (1.53, 1.65, 1.8)]
    assert values[0].value < values[1].value < values[2].value  # type: ignore[operator]
    assert all(outcome.details["topology_kept"] == 1 for outcome in values)
    assert Strain().outcome(stretched_ethane(make, 2.1)).details["topology_kept"] == 0


def test_hydrogen_has_no_heavy_atom_to_move(make: Callable[..., Molecule]) -> None:
    assert "rmsd_heavy" not in Strain().outcome(make("[H][H]")).details


def test_what_cannot_be_relaxed_is_a_failure_with_a_reason(
    make: Callable[..., Molecule], remove_bond: Callable[[Molecule, int], Molecule]
) -> None:
    ethanol = make("CCO")
    cases = {
        "valences": remove_bond(ethanol, 0),
        "connected": make("CO.N"),
        "coordinates": replace(ethanol, positions=np.full((9, 3), np.nan)),
        "distances": replace(ethanol, positions=np.zeros((9, 3))),
        "size": Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[]),
    }
    for stage, molecule in cases.items():
        failure = Strain().outcome(molecule).failure
        assert failure is not None
        assert failure.stage == stage
    unfinished = Strain(criteria=Criteria(max_steps=1)).outcome(ethanol).failure
    assert unfinished is not None
    assert "not converged" in unfinished.reason
