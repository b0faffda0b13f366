from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from molvm.chem.molecule import Molecule
from molvm.errors import EvaluationError
from molvm.evaluation.energy import energy_divergence, energy_histogram, mmff_energy


def test_rotation_and_translation_change_no_energy(sound: list[Molecule]) -> None:
    turn = Rotation.from_euler("xyz", [0.3, 1.1, -2.0]).as_matrix()
    for molecule in sound:
        moved = replace(molecule, positions=molecule.positions @ turn.T + [5.0, -3.0, 1.0])
        assert mmff_energy(moved) == pytest.approx(mmff_energy(molecule), rel=1e-8, abs=1e-8)


def test_stretching_a_bond_costs_energy(make: Callable[..., Molecule]) -> None:
    methane = make("C")
    positions = methane.positions.copy()
    positions[1] += 0.5 * (positions[1] - positions[0])
    stretched, relaxed = mmff_energy(replace(methane, positions=positions)), mmff_energy(methane)
    assert stretched is not None
    assert relaxed is not None
    assert stretched > relaxed + 10


def test_what_does_not_sanitise_or_is_not_finite_has_no_energy(make: Callable[..., Molecule]) -> None:
    methane = make("C")
    assert mmff_energy(replace(methane, orders=np.full(4, 3))) is None
    assert mmff_energy(replace(methane, positions=np.full((5, 3), np.nan))) is None
    assert mmff_energy(replace(methane, elements=[0, 1, 1, 1, 1])) is None


def test_a_histogram_is_of_the_energies_within_its_range() -> None:
    shares = energy_histogram([-1e6, 0.0, 0.0, 100.0, 1e6])
    assert shares.sum() == pytest.approx(1.0)
    assert sorted(shares[shares > 0]) == pytest.approx([1 / 3, 2 / 3])
    with pytest.raises(EvaluationError, match="-200 to 500"):
        energy_histogram([1e6])


def test_the_divergence_is_nought_for_the_same_and_the_root_of_ln_2_for_the_disjoint() -> None:
    first, second = np.linspace(0, 50, 100), np.linspace(200, 250, 100)
    assert energy_divergence(first, energy_histogram(first)) == pytest.approx(0.0, abs=1e-8)
    assert energy_divergence(first, energy_histogram(second)) == pytest.approx(math.sqrt(math.log(2)))


def test_a_reference_of_other_bins_is_refused() -> None:
    with pytest.raises(EvaluationError, match="199"):
        energy_divergence([1.0], np.ones(200) / 200)
