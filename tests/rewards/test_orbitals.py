from __future__ import annotations

import pytest
from properties import failure, value

from molvm.chem.molecule import Molecule


def test_the_gap_is_between_homo_and_lumo(small: list[Molecule]) -> None:
    for molecule in small[::3]:
        homo, lumo, gap = (value(name, molecule) for name in ("homo", "lumo", "gap"))
        assert homo < lumo, molecule.id
        assert gap == pytest.approx(lumo - homo, abs=1e-9), molecule.id


def test_the_longer_the_conjugation_the_smaller_the_gap() -> None:
    gaps = [value("gap", smiles) for smiles in ("C=C", "C=CC=C", "C=CC=CC=C")]
    assert gaps == sorted(gaps, reverse=True)


def test_a_charge_moves_all_orbitals_its_way() -> None:
    anion, acid, cation = (value("homo", smiles) for smiles in ("CC(=O)[O-]", "CC(=O)O", "CC(=[OH+])O"))
    assert anion > acid > cation


def test_electron_donors_raise_the_homo_and_acceptors_lower_the_lumo() -> None:
    assert value("homo", "Nc1ccccc1") > value("homo", "c1ccccc1")
    assert value("lumo", "O=[N+]([O-])c1ccccc1") < value("lumo", "c1ccccc1")


def test_the_unpaired_electron_of_a_radical_is_in_its_homo() -> None:
    # Ionisation energies: the methyl radical 9.8 eV, methane 12.6 eV.
    assert value("homo(spin=1)", "[CH3]") > value("homo", "C") + 1.0


def test_an_orbital_that_the_basis_lacks_is_a_failure() -> None:
    # Hydrogen has one orbital an atom: with both electrons unpaired, none is empty.
    assert failure("lumo(spin=2)", "[H][H]") == ("failed", "orbitals")
