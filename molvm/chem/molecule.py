"""The `Molecule`: plain arrays that every layer and every process can share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molvm.arguments import typed
from molvm.errors import MoleculeError

if TYPE_CHECKING:
    from rdkit import Chem

SINGLE, DOUBLE, TRIPLE, AROMATIC = 1, 2, 3, 4
"""The bond orders a molecule may hold."""

MAX_ATOMIC_NUMBER = 118

TO_MOLECULE = "molvm.Molecule.from_rdkit(mol), or molvm.Molecule.from_smiles(text) for a SMILES"
"""How what is no molecule becomes one, for messages."""


def _frozen(values: object, dtype: type[np.generic], name: str, width: int | None = None) -> NDArray[Any]:
    """A read-only copy of `values` as (n,) or (n, width), or a `MoleculeError` that names the field."""
    try:
        array = np.array(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise MoleculeError(f"The {name} of a molecule cannot be stored as {dtype.__name__}: {error}.") from error
    if array.size == 0:
        array = array.reshape((0,) if width is None else (0, width))
    if array.ndim != (1 if width is None else 2) or (width is not None and array.shape[1] != width):
        shape = "(n,)" if width is None else f"(n, {width})"
        raise MoleculeError(f"The {name} of a molecule have shape {array.shape}.", allowed=shape)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule with explicit hydrogens, three-dimensional positions and a bond graph.

    Nothing is promised about its chemistry: generated molecules may be broken in every way, and
    `molvm.chem.validity` says whether and how. Only the arrays fit together.

    Args:
        elements: (n,) atomic numbers, uint8; 0 to 255, known or not.
        positions: (n, 3) positions in ångström, float64; possibly not finite.
        formal_charges: (n,) formal charges in elementary charges, int8.
        bonds: (m, 2) atom indices of each bond with i < j, int32.
        orders: (m,) bond orders, uint8: 1, 2, 3, or 4 for aromatic.
        id: What the molecule is called in outcomes and files.
        properties: Further data that travels with the molecule, for instance the fields of an SDF record.

    Raises:
        MoleculeError: The arrays do not fit together, or a bond is impossible.
    """

    elements: NDArray[np.uint8]
    positions: NDArray[np.float64]
    formal_charges: NDArray[np.int8]
    bonds: NDArray[np.int32]
    orders: NDArray[np.uint8]
    id: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("elements", _frozen(self.elements, np.uint8, "elements"))
        put("positions", _frozen(self.positions, np.float64, "positions", 3))
        put("formal_charges", _frozen(self.formal_charges, np.int8, "formal charges"))
        put("bonds", _frozen(self.bonds, np.int32, "bonds", 2))
        put("orders", _frozen(self.orders, np.uint8, "orders"))
        put("properties", dict(self.properties))
        self._check_shapes()
        self._check_bonds()

    def __repr__(self) -> str:
        """Short: the arrays would fill a screen."""
        return f"Molecule({self.id!r}, {len(self.elements)} atoms, {len(self.bonds)} bonds)"

    def _repr_html_(self) -> str:
        """Flat and in 3D, for notebooks; needs no network."""
        from molvm.chem.viewing import molecule_html

        return molecule_html(self)

    def _check_shapes(self) -> None:
        n = len(self.elements)
        if len(self.positions) != n or len(self.formal_charges) != n:
            raise MoleculeError(
                f"Molecule {self.id!r} has {n} elements, {len(self.positions)} positions and "
                f"{len(self.formal_charges)} formal charges.",
                allowed="one of each an atom",
            )
        if len(self.bonds) != len(self.orders):
            raise MoleculeError(
                f"Molecule {self.id!r} has {len(self.bonds)} bonds and {len(self.orders)} bond orders.",
                allowed="one order a bond",
            )

    def _check_bonds(self) -> None:
        if not len(self.bonds):
            return
        first, second = self.bonds[:, 0], self.bonds[:, 1]
        if first.min() < 0 or second.max() >= self.n_atoms or bool(np.any(first >= second)):
            raise MoleculeError(f"Molecule {self.id!r} has a bond outside its atoms.", allowed="0 <= i < j < n")
        if self.orders.min() < SINGLE or self.orders.max() > AROMATIC:
            raise MoleculeError(f"Molecule {self.id!r} has an unknown bond order.", allowed="1, 2, 3, 4 (aromatic)")
        if len(set(zip(first.tolist(), second.tolist(), strict=True))) != len(self.bonds):
            raise MoleculeError(f"Molecule {self.id!r} names a pair of atoms twice.", allowed="each bond once")

    @property
    def n_atoms(self) -> int:
        """The number of atoms, hydrogens included."""
        return len(self.elements)

    @property
    def charge(self) -> int:
        """The sum of the formal charges, in elementary charges."""
        return int(self.formal_charges.sum(dtype=np.int64))

    @property
    def n_electrons(self) -> int:
        """The number of electrons of the neutral atoms less the charge."""
        return int(self.elements.sum(dtype=np.int64)) - self.charge

    @property
    def n_fragments(self) -> int:
        """The number of connected components of the bond graph; 0 for no atoms."""
        label = list(range(self.n_atoms))

        def root(atom: int) -> int:
            while label[atom] != atom:
                label[atom] = label[label[atom]]
                atom = label[atom]
            return atom

        for first, second in self.bonds.tolist():
            label[root(first)] = root(second)
        return sum(root(atom) == atom for atom in range(self.n_atoms))

    @property
    def formula(self) -> str:
        """The sum formula in Hill order, with the charge behind it when there is one: CH6N+, C2O4-2."""
        from rdkit import Chem

        table = Chem.GetPeriodicTable()
        numbers, counts = np.unique(self.elements, return_counts=True)
        count = {
            table.GetElementSymbol(int(z)) if 0 < z <= MAX_ATOMIC_NUMBER else f"?{z}": int(c)
            for z, c in zip(numbers, counts, strict=True)
        }
        leading = [symbol for symbol in ("C", "H") if symbol in count and "C" in count]
        order = leading + sorted(set(count) - set(leading))
        charge = {0: "", 1: "+", -1: "-"}.get(self.charge, f"{self.charge:+d}")
        return "".join(symbol + (str(count[symbol]) if count[symbol] > 1 else "") for symbol in order) + charge

    def to_rdkit(self) -> Chem.RWMol:
        """The molecule in RDKit: explicit hydrogens only, one conformer, not sanitised, named by the id.

        Properties become RDKit's, as texts. Isotopes, radicals and tags of stereochemistry of a record that it was
        read from are lost; `Chem.SanitizeMol` and `Chem.AssignStereochemistryFrom3D` find the latter in the positions.

        Raises:
            MoleculeError: An atomic number is outside 1 to 118.
        """
        from molvm.chem.rdkit_bridge import to_rdkit

        mol = to_rdkit(self)
        for name, value in self.properties.items():
            if name != "_Name":
                mol.SetProp(name, str(value))
        return mol

    @classmethod
    @typed()
    def from_rdkit(cls, mol: Chem.Mol, *, id: str = "", properties: Mapping[str, object] | None = None) -> Molecule:
        """Read an RDKit molecule and its first conformer.

        Args:
            mol: A molecule whose hydrogens are atoms; implicit ones are not added.
            id: What to call it.
            properties: Further data to keep.

        Raises:
            MoleculeError: It has no conformer, or a bond of a type other than single, double, triple, aromatic.
        """
        from molvm.chem.rdkit_bridge import from_rdkit

        return from_rdkit(mol, name=id, properties=properties or {})

    @classmethod
    @typed()
    def from_smiles(cls, smiles: str, *, id: str = "") -> Molecule:
        """A molecule with hydrogens and positions by ETKDG, always the same for one SMILES.

        Args:
            smiles: Of one molecule.
            id: What to call it; the SMILES by default.

        Raises:
            MoleculeError: It is no SMILES, or cannot be embedded.
        """
        from molvm.chem.formats.smiles import parse_smiles

        record = parse_smiles(smiles, id or smiles, {})
        if record.molecule is None:
            raise MoleculeError(f"{smiles!r:.60} makes no molecule: {record.reason}.", allowed="a SMILES")
        return record.molecule

    def smiles(self) -> str | None:
        """Canonical SMILES of the bond graph, without hydrogens, isotopes and stereochemistry.

        None when RDKit cannot sanitise the molecule.
        """
        from molvm.chem.rdkit_bridge import canonical_smiles

        return canonical_smiles(self)


def require_molecule(value: object, asked: str) -> Molecule:
    """The value, if it is a molecule of molvm.

    Args:
        value: What a user has handed over.
        asked: What it was handed to, for the message.

    Raises:
        MoleculeError: It is something else, such as a molecule of RDKit or a SMILES.
    """
    if isinstance(value, Molecule):
        return value
    raise MoleculeError(
        f"{asked} is given {value!r:.60}, a {type(value).__name__}.",
        allowed="a molvm.Molecule",
        remedy=f"{TO_MOLECULE}; molvm.score takes these as they are",
    )
