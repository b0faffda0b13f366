from __future__ import annotations

import pytest
from properties import value

from molvm.chem.molecule import Molecule
from molvm.rewards import make_reward


@pytest.mark.parametrize(
    ("smiles", "program"), [("O", -9.154), ("CC(C)=O", -3.396), ("c1ccccc1", -0.514), ("NC(=O)C=O", -7.394)]
)
def test_water_dissolves_as_in_the_program(smiles: str, program: float) -> None:
    # `xtb --gfn 2 --alpb water` less `xtb --gfn 2`, version 6.5.1, at the GFN-FF minimum; measured: water -6.3.
    assert value("solvation_energy", smiles) == pytest.approx(program, abs=0.03)


def test_it_is_the_difference_of_two_single_points(small: list[Molecule]) -> None:
    molecule = small[5]
    dissolved, free = (
        float(make_reward("energy_per_atom", solvent=solvent)([molecule])[0].details["energy"])
        for solvent in ("dmso", None)
    )
    expected = (dissolved - free) * 627.5094740631
    assert value("solvation_energy(solvent=dmso)", molecule) == pytest.approx(expected, abs=1e-9)


def test_water_likes_ions_and_alcohols_better_than_alkanes() -> None:
    ion, alcohol, alkane = (value("solvation_energy", smiles) for smiles in ("C[NH3+]", "CO", "CC"))
    assert ion < -50.0 < alcohol < alkane


def test_an_alkane_prefers_hexane_to_water() -> None:
    assert value("solvation_energy(solvent=hexane)", "CCCC") < value("solvation_energy", "CCCC")
