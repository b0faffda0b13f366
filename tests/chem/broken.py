"""Geometries and graphs that engines answer with numbers, exceptions or aborts; none of them is a molecule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molvm.chem.molecule import Molecule


def _moved(molecule: Molecule, positions: np.ndarray) -> Molecule:
    return replace(molecule, positions=positions)


def _with_elements(molecule: Molecule, elements: np.ndarray) -> Molecule:
    return replace(molecule, elements=elements)


def _without_last_atom(molecule: Molecule) -> Molecule:
    last = molecule.n_atoms - 1
    keep = ~(molecule.bonds == last).any(axis=1)
    return Molecule(
        molecule.elements[:last],
        molecule.positions[:last],
        molecule.formal_charges[:last],
        molecule.bonds[keep],
        molecule.orders[keep],
        id=molecule.id,
    )


def _charged(molecule: Molecule) -> Molecule:
    charges = np.array(molecule.formal_charges)
    charges[0] = 1
    return replace(molecule, formal_charges=charges)


def _two_fragments(molecule: Molecule, distance: float) -> Molecule:
    """Water beside the molecule."""
    n = molecule.n_atoms
    water = np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]]) + np.array([distance, 0.0, 0.0])
    return Molecule(
        np.append(molecule.elements, [8, 1, 1]),
        np.vstack([molecule.positions, water]),
        np.append(molecule.formal_charges, [0, 0, 0]),
        np.vstack([molecule.bonds, [[n, n + 1], [n, n + 2]]]),
        np.append(molecule.orders, [1, 1]),
        id=molecule.id,
    )


def _torn(molecule: Molecule, distance: float) -> np.ndarray:
    """Positions with the last atom further from the atom that it is bonded to."""
    last = molecule.n_atoms - 1
    (pair,) = molecule.bonds[(molecule.bonds == last).any(axis=1)]
    partner = int(pair[pair != last][0])
    positions = np.array(molecule.positions)
    along = positions[last] - positions[partner]
    positions[last] += distance * along / np.linalg.norm(along)
    return positions


def _bonded_twice(molecule: Molecule) -> Molecule:
    """The last atom bonded to the one before it as well."""
    last = molecule.n_atoms - 1
    bonds = np.vstack([molecule.bonds, [[last - 1, last]]])
    return replace(molecule, bonds=bonds, orders=np.append(molecule.orders, 1))


def broken_versions(molecule: Molecule) -> dict[str, Molecule]:
    """The molecule, broken in every way we know, by name.

    Args:
        molecule: A sound molecule whose last atom is a hydrogen.
    """
    x = molecule.positions
    generator = np.random.default_rng(5)

    def with_row(row: int, value: np.ndarray | float) -> np.ndarray:
        changed = np.array(x)
        changed[row] = value
        return changed

    half = np.array(x)
    half[: len(half) // 2] += [264.6, 0.0, 0.0]
    no_bonds = replace(molecule, bonds=np.empty((0, 2)), orders=np.empty(0))
    heavy = np.array(molecule.elements)
    heavy[0] = 120
    dummy = np.array(molecule.elements)
    dummy[0] = 0
    return {
        "two atoms 1e-9 apart": _moved(molecule, with_row(0, x[1] + 1e-9)),
        "two atoms in one place": _moved(molecule, with_row(0, x[1])),
        "all atoms at the origin": _moved(molecule, np.zeros_like(x)),
        "a coordinate that is not a number": _moved(molecule, with_row(2, np.nan)),
        "an infinite coordinate": _moved(molecule, with_row(2, np.inf)),
        "half of it 500 bohr away": _moved(molecule, half),
        "water 500 bohr away": _two_fragments(molecule, 264.6),
        "water beside it": _two_fragments(molecule, 8.0),
        "twenty times too large": _moved(molecule, 20.0 * x),
        "a third of its size": _moved(molecule, 0.35 * x),
        "random positions": _moved(molecule, generator.normal(scale=3.0, size=x.shape)),
        "a hydrogen torn 2 angstrom off its bond": _moved(molecule, _torn(molecule, 2.0)),
        "a hydrogen with a second bond": _bonded_twice(molecule),
        "a hydrogen missing": _without_last_atom(molecule),
        "a charge without a valence": _charged(molecule),
        "atomic number 0": _with_elements(molecule, dummy),
        "atomic number 120": _with_elements(molecule, heavy),
        "no bonds": no_bonds,
        "no atoms": Molecule([], np.empty((0, 3)), [], np.empty((0, 2)), [], id=molecule.id),  # type: ignore[arg-type]
    }
