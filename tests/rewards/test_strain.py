from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from properties import failure, from_smiles, value

from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria
from molvm.chem.relaxers import RelaxationMethod, Relaxer
from molvm.evaluation.strain import Strain

METHODS: tuple[RelaxationMethod, ...] = ("mmff", "gfnff", "gfn2")


@pytest.mark.parametrize("method", METHODS)
def test_it_is_positive_and_vanishes_at_a_minimum(method: RelaxationMethod, small: list[Molecule]) -> None:
    for molecule in small[1::8]:
        before = value(f"strain(relaxation={method})", molecule)
        assert before > 0.0
        bottom = Relaxer(method, Criteria(energy=1e-7, gradient=1e-4))(molecule).positions
        after = value(f"strain(relaxation={method})", replace(molecule, positions=bottom))
        assert 0.0 <= after < 2e-3, molecule.id


def test_the_more_a_geometry_is_disturbed_the_more_strain() -> None:
    molecule = from_smiles("CCO")
    bottom = Relaxer()(molecule).positions
    noise = np.random.default_rng(0).normal(size=bottom.shape)
    strains = [value("strain", replace(molecule, positions=bottom + size * noise)) for size in (0.0, 0.03, 0.06)]
    assert strains == sorted(strains)
    assert strains[2] > 5.0


def test_with_gfnff_it_is_that_of_the_evaluation(small: list[Molecule]) -> None:
    # Sums of several threads come in any order, so that a search may end a little elsewhere within its criteria.
    for molecule in small[::7]:
        assert value("strain", replace(molecule)) == pytest.approx(Strain().outcome(molecule).value, abs=5e-3)


def test_a_molecule_that_falls_apart_has_none() -> None:
    ethane = from_smiles("CC")
    methyl = [1, *(j for i, j in ethane.bonds.tolist() if i == 1)]
    axis = ethane.positions[1] - ethane.positions[0]
    positions = np.array(ethane.positions)
    positions[methyl] += axis * (2.25 / np.linalg.norm(axis) - 1.0)
    assert failure("strain", replace(ethane, positions=positions)) == ("invalid", "shape")
