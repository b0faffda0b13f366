"""Is this a molecule? Named checks, each a pure function from a molecule to a reason or None.

An engine that returns a number proves nothing: half of all broken geometries have large, finite dipoles, and a
generator that is paid for dipoles finds them. So every reward passes its molecules through a `Gate` first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from molvm.chem.molecule import MAX_ATOMIC_NUMBER, Molecule

MAX_ATOMS = 250
"""Larger molecules are turned away: one would hold a worker for minutes."""

MIN_DISTANCE = 0.5
"""Å; the shortest bond there is, in H2, has 0.74 Å."""

BOND_LENGTH_RANGE = (0.6, 1.5)
"""Allowed bond lengths in units of the sum of the covalent radii: wide enough for any sample of a working
generator (real bonds lie within 0.85 and 1.15), too narrow for a torn or collapsed molecule."""

NOBLE_GASES = (2, 10, 18, 36, 54, 86)

MAX_XTB_ELEMENT = 86
"""GFN-FF and GFN2-xTB have parameters up to radon."""


def check_size(molecule: Molecule) -> str | None:
    """At least one atom and at most `MAX_ATOMS`."""
    if molecule.n_atoms == 0:
        return "there are no atoms"
    return f"{molecule.n_atoms} atoms, more than {MAX_ATOMS}" if molecule.n_atoms > MAX_ATOMS else None


def _unknown_element(molecule: Molecule, heaviest: int) -> str | None:
    wrong = [int(z) for z in np.unique(molecule.elements) if not 0 < z <= heaviest]
    return f"atomic number {wrong[0]} is not within 1 and {heaviest}" if wrong else None


def check_elements(molecule: Molecule) -> str | None:
    """Every atomic number is an element."""
    return _unknown_element(molecule, MAX_ATOMIC_NUMBER)


def check_xtb_elements(molecule: Molecule) -> str | None:
    """Every element has parameters in GFN-FF and GFN2-xTB."""
    return _unknown_element(molecule, MAX_XTB_ELEMENT)


def check_coordinates(molecule: Molecule) -> str | None:
    """Every coordinate is finite."""
    bad = int(np.sum(~np.isfinite(molecule.positions).all(axis=1)))
    return f"{bad} atoms have coordinates that are not finite" if bad else None


def check_distances(molecule: Molecule) -> str | None:
    """No two atoms are closer than `MIN_DISTANCE`. Needs finite coordinates."""
    if molecule.n_atoms < 2:
        return None
    gaps = molecule.positions[:, None, :] - molecule.positions[None, :, :]
    distances = np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps))
    closest = float(distances[np.triu_indices(molecule.n_atoms, k=1)].min())
    return f"two atoms are {closest:.3g} Å apart, less than {MIN_DISTANCE}" if closest < MIN_DISTANCE else None


def check_bond_lengths(molecule: Molecule) -> str | None:
    """Every bond is about as long as a bond. Needs known elements and finite coordinates."""
    from molvm.chem.topology import relative_bond_lengths

    ratios = relative_bond_lengths(molecule)
    shortest, longest = BOND_LENGTH_RANGE
    wrong = np.flatnonzero((ratios < shortest) | (ratios > longest))
    if not len(wrong):
        return None
    first, second = molecule.bonds[wrong[0]].tolist()
    return f"the bond {first}-{second} has {ratios[wrong[0]]:.2f} times the length of its covalent radii"


def check_shape(molecule: Molecule) -> str | None:
    """No distance or angle contradicts the bonds. Needs a molecule that RDKit can sanitise, and finite coordinates."""
    from molvm.chem.distance_bounds import EMBEDDED_BOND_TOLERANCE, contradicted_bounds

    return contradicted_bounds(molecule, molecule.positions, EMBEDDED_BOND_TOLERANCE)


def check_builds(molecule: Molecule) -> str | None:
    """RDKit can build and sanitise it."""
    from molvm.chem.rdkit_bridge import sanitised

    mol = sanitised(molecule)
    return mol if isinstance(mol, str) else None


def check_strict(molecule: Molecule) -> str | None:
    """It sanitises with no implicit hydrogen and no radical: every valence is filled by the atoms that are there."""
    from molvm.chem.rdkit_bridge import sanitised

    mol = sanitised(molecule)
    if isinstance(mol, str):
        return mol
    for atom in mol.GetAtoms():
        if atom.GetNumRadicalElectrons() or atom.GetTotalNumHs():
            return f"atom {atom.GetIdx()} ({atom.GetSymbol()}) has an open valence"
        # RDKit knows no radicals of metals, and a single atom of iron would pass.
        if not atom.GetDegree() and not atom.GetFormalCharge() and atom.GetAtomicNum() not in NOBLE_GASES:
            return f"atom {atom.GetIdx()} ({atom.GetSymbol()}) has no bonds"
    return None


def check_connected(molecule: Molecule) -> str | None:
    """The bond graph is one fragment."""
    fragments = molecule.n_fragments
    return None if fragments == 1 else f"{fragments} fragments"


def check_neutral(molecule: Molecule) -> str | None:
    """The formal charges sum to zero; the dipole of an ion depends on the origin."""
    return f"the charge is {molecule.charge:+d}" if molecule.charge else None


def check_closed_shell(molecule: Molecule) -> str | None:
    """The number of electrons is even."""
    return f"{molecule.n_electrons} electrons, an odd number" if molecule.n_electrons % 2 else None


@dataclass(frozen=True)
class Check:
    """One named check.

    Args:
        name: What fails when it fails; shown to users and counted.
        kind: Whether a molecule that fails it is no molecule ("invalid") or one that is out of scope ("rejected").
        test: The check; None when the molecule passes, else the reason.
    """

    name: str
    kind: Literal["invalid", "rejected"]
    test: Callable[[Molecule], str | None]


@dataclass(frozen=True)
class Rejection:
    """Why a molecule did not pass a gate: the kind and name of the check and its reason."""

    kind: Literal["invalid", "rejected"]
    check: str
    reason: str


@dataclass(frozen=True)
class Gate:
    """Checks in order; the first that fails turns the molecule away, so that later ones may rely on earlier ones."""

    checks: tuple[Check, ...]

    def __call__(self, molecule: Molecule) -> Rejection | None:
        """The first rejection, or None when the molecule passes."""
        for check in self.checks:
            reason = check.test(molecule)
            if reason is not None:
                return Rejection(check.kind, check.name, reason)
        return None

    def __add__(self, other: Gate) -> Gate:
        return Gate(self.checks + other.checks)


STRICT = Gate(
    (
        Check("size", "rejected", check_size),
        Check("elements", "invalid", check_elements),
        Check("valences", "invalid", check_strict),
        Check("connected", "rejected", check_connected),
    )
)
"""Strictly valid and in one piece, whatever the positions."""

GEOMETRY = Gate(
    (
        Check("coordinates", "invalid", check_coordinates),
        Check("distances", "invalid", check_distances),
        Check("bond lengths", "invalid", check_bond_lengths),
    )
)
"""The positions can be those of a molecule with these bonds; needs known elements."""

SHAPE = Gate((Check("shape", "invalid", check_shape),))
"""No distance or angle contradicts the bonds; needs all of the above."""

SOUND = STRICT + GEOMETRY + SHAPE
"""The gate of rewards that need a whole molecule."""

CLOSED_SHELL = Gate(
    (
        Check("neutral", "rejected", check_neutral),
        Check("closed shell", "rejected", check_closed_shell),
        Check("xtb elements", "rejected", check_xtb_elements),
    )
)
"""What the semi-empirical single points of neutral molecules need besides `SOUND`."""


def is_strictly_valid(molecule: Molecule) -> bool:
    """Whether it sanitises with no implicit hydrogen and no radical; fragments are allowed."""
    return check_elements(molecule) is None and check_strict(molecule) is None


def is_valid_and_connected(molecule: Molecule) -> bool:
    """Whether it is strictly valid and one fragment."""
    return molecule.n_atoms > 0 and is_strictly_valid(molecule) and check_connected(molecule) is None
