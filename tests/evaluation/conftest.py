from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molvm.chem.molecule import Molecule


def build(smiles: str, *, kekulise: bool = True) -> Molecule:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if rdDistGeom.EmbedMolecule(mol, randomSeed=11) != 0:
        raise ValueError(smiles)
    if kekulise:
        Chem.Kekulize(mol, clearAromaticFlags=True)
    return Molecule.from_rdkit(mol, id=smiles)


@pytest.fixture(scope="session")
def make() -> Callable[..., Molecule]:
    return build


@pytest.fixture(scope="session")
def sound() -> list[Molecule]:
    """Whole molecules made of the elements of QM9."""
    return [build(smiles) for smiles in ("C", "CCO", "c1ccccc1", "CC(=O)N", "C[N+](C)(C)CC(=O)[O-]", "C#N", "FCC1CO1")]


@pytest.fixture(scope="session")
def mixed(sound: list[Molecule]) -> list[Molecule]:
    """Whole molecules, fragmented ones, molecules that lack a bond, and nonsense."""
    nothing = Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[], id="nothing")
    no_element = Molecule(
        elements=[0, 1], positions=[[0, 0, 0], [0, 0, 1]], formal_charges=[0, 0], bonds=[[0, 1]], orders=[1], id="ghost"
    )
    torn = [without_bond(molecule, 0) for molecule in sound]
    return [*sound, build("CO.N"), *torn, no_element, nothing]


def without_bond(molecule: Molecule, bond: int) -> Molecule:
    keep = np.arange(len(molecule.bonds)) != bond
    return Molecule(
        elements=molecule.elements,
        positions=molecule.positions,
        formal_charges=molecule.formal_charges,
        bonds=molecule.bonds[keep],
        orders=molecule.orders[keep],
        id=f"{molecule.id} without bond {bond}",
    )


@pytest.fixture(scope="session")
def remove_bond() -> Callable[[Molecule, int], Molecule]:
    return without_bond


def permuted_atoms(molecule: Molecule, generator: np.random.Generator) -> Molecule:
    order = generator.permutation(molecule.n_atoms)
    place = np.argsort(order)
    return Molecule(
        elements=molecule.elements[order],
        positions=molecule.positions[order],
        formal_charges=molecule.formal_charges[order],
        bonds=np.sort(place[molecule.bonds], axis=1),
        orders=molecule.orders,
        id=molecule.id,
    )


@pytest.fixture(scope="session")
def permute() -> Callable[[Molecule, np.random.Generator], Molecule]:
    return permuted_atoms
