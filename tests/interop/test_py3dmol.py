from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.molecule import AROMATIC, Molecule
from molvm.chem.viewing import scripts
from molvm.errors import MissingDependencyError, MoleculeError
from molvm.interop.py3dmol import to_py3dmol
from tests.studio.hostile import TEXTS


def page(molecule: Molecule, **shown: np.ndarray) -> str:
    return str(to_py3dmol(molecule, **shown).write_html())


def models(html: str) -> list[str]:
    """The SD records that the page gives to 3Dmol.js."""
    return [json.loads(f'"{text}"') for text in re.findall(r'addModel\("((?:[^"\\]|\\.)*)","sdf"\)', html)]


def test_the_view_has_the_atoms_and_bonds(small: list[Molecule]) -> None:
    for molecule in small:
        (text,) = models(page(molecule))
        mol = Chem.MolFromMolBlock(text, sanitize=False, removeHs=False)
        assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == molecule.elements.tolist()
        assert mol.GetNumBonds() == len(molecule.bonds)
        np.testing.assert_allclose(mol.GetConformer().GetPositions(), molecule.positions, atol=1e-3)


def test_nothing_is_asked_of_the_network(small: list[Molecule]) -> None:
    html = page(small[0])
    assert "http" not in html
    assert b64encode(scripts()[0].encode()).decode() in html


def test_no_name_gets_into_the_script(small: list[Molecule]) -> None:
    hostile = replace(small[0], id=TEXTS[0], properties={text: text for text in TEXTS})
    html = page(hostile)
    assert html.count("<script>") == html.count("</script>") == 1
    assert "hacked" not in html


def test_aromatic_bonds_become_drawable() -> None:
    benzene = Molecule.from_smiles("c1ccccc1")
    aromatic = replace(benzene, orders=np.where(benzene.orders > 1, AROMATIC, benzene.orders))
    broken = replace(benzene, orders=np.full(len(benzene.orders), AROMATIC))
    for molecule in (benzene, aromatic, broken):
        (text,) = models(page(molecule))
        drawn = Chem.MolFromMolBlock(text, sanitize=False, removeHs=False)
        assert {int(bond.GetBondTypeAsDouble()) for bond in drawn.GetBonds()} <= {1, 2, 3}


def test_the_relaxed_geometry_and_the_dipole_are_drawn(small: list[Molecule]) -> None:
    molecule = small[0]
    html = page(molecule, relaxed=molecule.positions + 0.1, dipole=np.array([0.0, 0.0, 2.0]))
    assert len(models(html)) == 2
    assert "addArrow" in html
    assert "addArrow" not in page(molecule, dipole=np.zeros(3))


def test_what_is_not_finite_is_drawn_at_the_origin(small: list[Molecule]) -> None:
    assert "nan" not in page(replace(small[0], positions=np.full_like(small[0].positions, np.nan)))


def test_what_is_no_molecule_is_told_how_it_becomes_one() -> None:
    with pytest.raises(MoleculeError, match=r"to_py3dmol.*Molecule\.from_rdkit"):
        to_py3dmol(Chem.MolFromSmiles("C"))  # type: ignore[arg-type]


def test_no_element_no_view() -> None:
    with pytest.raises(MoleculeError):
        to_py3dmol(Molecule([0], [[0, 0, 0]], [0], [], []))


def test_without_py3dmol_the_remedy_is_told(small: list[Molecule], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3Dmol", None)
    with pytest.raises(MissingDependencyError, match=r"molvm\[notebooks\]"):
        to_py3dmol(small[0])
