"""When two molecules are the same, atom for atom."""

from __future__ import annotations

import numpy as np

from molvm.chem.molecule import Molecule


def assert_alike(first: Molecule, second: Molecule, *, within: float = 0.0) -> None:
    """The same atoms, charges, bonds and name, and positions that differ by no more than `within` Å."""
    assert first.id == second.id
    np.testing.assert_array_equal(first.elements, second.elements)
    np.testing.assert_array_equal(first.formal_charges, second.formal_charges)
    np.testing.assert_allclose(first.positions, second.positions, rtol=0, atol=within)
    assert bonds_of(first) == bonds_of(second)


def bonds_of(molecule: Molecule) -> dict[tuple[int, int], int]:
    """The order of each bond."""
    return {(i, j): order for (i, j), order in zip(molecule.bonds.tolist(), molecule.orders.tolist(), strict=True)}
