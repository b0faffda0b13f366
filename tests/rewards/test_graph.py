from __future__ import annotations

import pytest
from rdkit import Chem

from molvm.chem import rdkit_bridge
from molvm.chem.molecule import Molecule
from molvm.chem.validity import Rejection
from molvm.rewards import logp, qed, tpsa
from molvm.rewards.graph import examined
from tests.rewards.molecules import from_smiles


def test_the_graph_has_no_hydrogens_and_is_sanitised(drug_like: list[Molecule]) -> None:
    graph = examined(drug_like[0])
    assert isinstance(graph, Chem.Mol)
    assert {atom.GetAtomicNum() for atom in graph.GetAtoms()} == {6, 7, 8}
    assert any(atom.GetIsAromatic() for atom in graph.GetAtoms())


def test_what_is_not_sound_is_turned_away_once_and_for_all() -> None:
    assert isinstance(examined(from_smiles("O.O")), Rejection)


def test_one_examination_serves_all_that_follow(drug_like: list[Molecule], monkeypatch: pytest.MonkeyPatch) -> None:
    molecule = drug_like[1]
    before = [reward.outcome(molecule).value for reward in (qed(), logp(), tpsa())]
    monkeypatch.setattr(rdkit_bridge, "sanitised", lambda molecule: pytest.fail("examined again"))
    assert [reward.outcome(molecule).value for reward in (qed(), logp(), tpsa())] == before
