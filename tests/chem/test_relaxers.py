from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.chem.engines.mmff import MMFF
from molvm.chem.engines.tblite import TBLite, TBLiteForceField
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria, relax
from molvm.chem.relaxers import RelaxationMethod, Relaxer
from molvm.chem.units import ANGSTROM_PER_BOHR
from molvm.errors import EngineError

MOVING: tuple[RelaxationMethod, ...] = ("mmff", "gfnff", "gfn2")


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


@pytest.mark.parametrize("method", MOVING)
def test_it_ends_at_a_minimum_below_its_start(method: RelaxationMethod, small: list[Molecule]) -> None:
    for molecule in small[::4]:
        relaxation = Relaxer(method)(molecule)
        assert relaxation.converged, molecule.id
        assert relaxation.changed_bonds == (), molecule.id
        assert relaxation.gradient_norm <= Criteria().gradient
        assert relaxation.energy <= relaxation.start_energy
        assert relaxation.n_steps < 60, molecule.id


def test_energies_and_gradients_are_those_of_the_method(small: list[Molecule]) -> None:
    molecule = small[9]
    start = molecule.positions / ANGSTROM_PER_BOHR
    for method, surface in (("mmff", MMFF(molecule)), ("gfn2", TBLiteForceField(molecule.elements, start, 0))):
        relaxation = Relaxer(method)(molecule)  # type: ignore[arg-type]
        energy, gradient = surface.energy_and_gradient(relaxation.positions / ANGSTROM_PER_BOHR)  # type: ignore[attr-defined]
        assert relaxation.energy == pytest.approx(energy, abs=1e-6)
        assert relaxation.gradient_norm == pytest.approx(np.linalg.norm(gradient), abs=1e-4)
        assert relaxation.start_energy == pytest.approx(surface.energy_and_gradient(start)[0], abs=1e-6)  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", MOVING)
def test_relaxing_again_stays(method: RelaxationMethod, small: list[Molecule]) -> None:
    tight = Relaxer(method, Criteria(energy=1e-7, gradient=1e-4))
    for molecule in small[1:12:5]:
        first = tight(molecule)
        assert first.converged
        again = tight(replace(molecule, positions=first.positions))
        assert again.start_energy - again.energy < 2e-6
        np.testing.assert_allclose(again.positions, first.positions, atol=0.02)


def test_gfn2_is_lower_by_gfn2_than_where_gfnff_ends(drug_like: list[Molecule]) -> None:
    molecule = drug_like[0]
    relaxation = Relaxer("gfn2")(molecule)
    rough = relax(molecule).positions / ANGSTROM_PER_BOHR
    assert relaxation.converged
    assert relaxation.energy < TBLite()(molecule.elements, rough, 0).energy - 1e-3


def test_gfnff_is_relax(small: list[Molecule]) -> None:
    ours, theirs = Relaxer()(small[3]), relax(small[3])
    # Sums of several threads come in any order, which changes the last digit.
    np.testing.assert_allclose(ours.positions, theirs.positions, rtol=0.0, atol=1e-9)
    assert ours.energy == pytest.approx(theirs.energy, rel=1e-12)


def test_none_leaves_everything_and_looks_at_the_bonds() -> None:
    ethane = from_smiles("CC")
    relaxation = Relaxer("none")(ethane)
    np.testing.assert_array_equal(relaxation.positions, ethane.positions)
    assert relaxation.converged
    assert relaxation.changed_bonds == ()
    stretched = replace(ethane, positions=1.4 * ethane.positions)
    assert Relaxer("none")(stretched).changed_bonds != ()


@pytest.mark.parametrize("method", MOVING)
def test_running_out_of_steps_is_not_convergence(method: RelaxationMethod, drug_like: list[Molecule]) -> None:
    assert not Relaxer(method, Criteria(max_steps=1))(drug_like[0]).converged


@pytest.mark.parametrize("method", MOVING)
@pytest.mark.parametrize("smiles", ["N#N", "C#C", "O=C=O"])
def test_linear_molecules_relax(method: RelaxationMethod, smiles: str) -> None:
    assert Relaxer(method)(from_smiles(smiles)).converged


def test_a_charge_and_a_spin_give_another_geometry() -> None:
    # An electron in the empty π orbital of ethene takes half a bond order; the triplet turns its ends by 90°, which no
    # gradient of the planar geometry says.
    ethene = from_smiles("C=C")
    shaken = replace(ethene, positions=ethene.positions + 0.05 * np.random.default_rng(0).normal(size=(6, 3)))
    lengths = []
    for relaxer in (Relaxer("gfn2"), Relaxer("gfn2", charge=-1, unpaired=1), Relaxer("gfn2", unpaired=2)):
        positions = relaxer(shaken).positions
        lengths.append(np.linalg.norm(positions[0] - positions[1]))
    np.testing.assert_allclose(lengths, [1.32, 1.45, 1.42], atol=0.02)


def test_what_a_method_does_not_know_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="MMFF94"):
        Relaxer("mmff")(from_smiles("[H][H]"))
