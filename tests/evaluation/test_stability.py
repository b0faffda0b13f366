from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.evaluation.stability import is_stable, stable_atoms, valencies
from molvm.evaluation.valency_tables import load_valency_table


@pytest.mark.parametrize("table", ["qm9", "geom", "midi"])
def test_whole_molecules_are_stable(sound: list[Molecule], table: str) -> None:
    for molecule in sound:
        assert is_stable(molecule, load_valency_table(table)), molecule.id


@pytest.mark.parametrize("table", ["qm9", "geom"])
def test_any_bond_removed_makes_its_two_atoms_unstable_and_no_other(
    sound: list[Molecule], remove_bond: Callable[[Molecule, int], Molecule], table: str
) -> None:
    for molecule in sound:
        for bond, ends in enumerate(molecule.bonds.tolist()):
            unstable = np.flatnonzero(~stable_atoms(remove_bond(molecule, bond), load_valency_table(table)))
            assert unstable.tolist() == ends, f"{molecule.id} without bond {ends}"


def test_the_permissive_table_misses_a_carbon_that_lacks_a_hydrogen(
    make: Callable[..., Molecule], remove_bond: Callable[[Molecule, int], Molecule]
) -> None:
    torn = remove_bond(make("C"), 0)
    assert stable_atoms(torn, load_valency_table("midi"))[0]
    assert not stable_atoms(torn, load_valency_table("qm9"))[0]


def test_an_aromatic_carbon_has_valency_four_by_one_count_and_three_by_the_other(make: Callable[..., Molecule]) -> None:
    benzene = make("c1ccccc1", kekulise=False)
    assert valencies(benzene, "float").tolist() == [4.0] * 6 + [1.0] * 6
    assert valencies(benzene, "integer").tolist() == [3.0] * 6 + [1.0] * 6


def test_valencies_sum_to_twice_the_bond_orders(mixed: list[Molecule]) -> None:
    for molecule in mixed:
        assert valencies(molecule).sum() == 2 * molecule.orders.sum()


def test_nothing_is_not_stable() -> None:
    nothing = Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])
    assert not is_stable(nothing, load_valency_table("qm9"))
