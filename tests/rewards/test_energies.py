from __future__ import annotations

from itertools import pairwise

import pytest
from properties import failure, value

from molvm.chem.molecule import Molecule
from molvm.rewards import make_reward


def test_the_energy_per_atom_is_the_energy_over_the_atoms(small: list[Molecule]) -> None:
    for molecule in small[::6]:
        outcome = make_reward("energy_per_atom")([molecule])[0]
        assert outcome.value == pytest.approx(float(outcome.details["energy"]) / molecule.n_atoms)


def test_relaxing_with_the_method_lowers_its_energy(small: list[Molecule]) -> None:
    for molecule in small[::9]:
        none, rough, fine = (value(f"energy_per_atom(relaxation={how})", molecule) for how in ("none", "gfnff", "gfn2"))
        assert fine < rough + 1e-6
        assert fine < none + 1e-6


def test_a_free_atom_has_no_atomisation_energy() -> None:
    for smiles in ("[He]", "[Ne]", "[Ar]"):
        assert value("atomisation_energy", smiles) == pytest.approx(0.0, abs=1e-9)


def test_molecules_are_bound(small: list[Molecule]) -> None:
    for molecule in small[::3]:
        assert value("atomisation_energy", molecule) > 2.0 * molecule.n_atoms


def test_each_methylene_adds_about_as_much() -> None:
    # Measured: 12.1 eV a methylene group of the alkanes (at 0 K, without zero-point energies about 12.9).
    energies = [value("atomisation_energy", "C" * length) for length in range(2, 6)]
    steps = [after - before for before, after in pairwise(energies)]
    assert max(steps) - min(steps) < 0.05
    assert steps[0] == pytest.approx(12.9, rel=0.25)


@pytest.mark.parametrize(("smiles", "measured"), [("C", 18.2), ("O", 10.1), ("[H][H]", 4.7), ("CCO", 35.2)])
def test_atomisation_energies_are_above_the_measured_ones_but_not_far(smiles: str, measured: float) -> None:
    # xTB lacks the spin polarisation of the free atoms, so it binds too strongly.
    assert measured < value("atomisation_energy", smiles) < 1.45 * measured


def test_isomers_are_in_the_right_order() -> None:
    # Ethanol lies 0.53 eV below dimethyl ether; GFN2-xTB says 0.15.
    assert value("atomisation_energy", "CCO") > value("atomisation_energy", "COC") + 0.1


@pytest.mark.parametrize("settings", ["single_point=gfn1", "engine=xtb"])
def test_atoms_are_computed_as_the_molecule_is(settings: str) -> None:
    assert value(f"atomisation_energy({settings})", "[Ne]") == pytest.approx(0.0, abs=1e-9)
    assert 10.0 < value(f"atomisation_energy({settings})", "O") < 18.0


def test_ions_have_none() -> None:
    assert failure("atomisation_energy", "[NH4+]") == ("rejected", "neutral")
