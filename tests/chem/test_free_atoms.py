from __future__ import annotations

import pytest
from rdkit import Chem

from molvm.chem.engines.base import Method
from molvm.chem.engines.tblite import TBLite
from molvm.chem.engines.xtb import XTBPython
from molvm.chem.free_atoms import UNPAIRED, free_atom_energy
from molvm.chem.validity import MAX_XTB_ELEMENT
from molvm.errors import EngineError


def test_the_table_has_one_entry_an_element_and_their_parity() -> None:
    assert len(UNPAIRED) == MAX_XTB_ELEMENT
    for number, unpaired in enumerate(UNPAIRED, start=1):
        if not 58 <= number <= 70:  # lanthanides keep their f electrons in the core
            assert number % 2 == unpaired % 2, number


def test_main_groups_follow_hund() -> None:
    table = Chem.GetPeriodicTable()
    rule = {1: 1, 2: 0, 3: 1, 4: 2, 5: 3, 6: 2, 7: 1, 8: 0}
    for number in (*range(3, 11), *range(11, 19), *range(31, 37), *range(49, 55), *range(81, 86)):
        assert UNPAIRED[number - 1] == rule[table.GetNOuterElecs(number)], number


@pytest.mark.parametrize(("method", "unconverged"), [("gfn1", [25]), ("gfn2", [])])
def test_every_element_has_an_energy(method: Method, unconverged: list[int]) -> None:
    failed = []
    for number in range(1, MAX_XTB_ELEMENT + 1):
        try:
            assert -10.0 < free_atom_energy(TBLite(method), number) < 0.0
        except EngineError:
            failed.append(number)
    assert failed == unconverged


def test_the_engines_agree() -> None:
    for number in (1, 6, 7, 8, 9, 15, 16, 17, 35):
        assert free_atom_energy(TBLite(), number) == pytest.approx(free_atom_energy(XTBPython(), number), abs=1e-5)


def test_a_method_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    free_atom_energy.cache_clear()
    first = free_atom_energy(TBLite(), 6)
    monkeypatch.setattr(TBLite, "__call__", lambda *_: pytest.fail("asked again"))
    assert free_atom_energy(TBLite(), 6) == first
