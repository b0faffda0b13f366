from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.molecule import Molecule
from molvm.rewards.fragmentation import fragment_sizes, fragmentation
from tests.rewards.molecules import from_smiles


def within(smiles: str) -> Molecule:
    """A molecule whose pieces have their centres in one place."""
    molecule = from_smiles(smiles)
    positions = np.array(molecule.positions)
    for atoms in map(list, Chem.GetMolFrags(molecule.to_rdkit())):
        positions[atoms] -= positions[atoms].mean(axis=0)
    return replace(molecule, positions=positions)


@pytest.mark.parametrize(("smiles", "share"), [("CCO", 1.0), ("O.O", 0.5), ("CCO.O", 0.75), ("C.O.[HH]", 0.5)])
def test_the_share_of_the_largest_piece(smiles: str, share: float) -> None:
    molecule = from_smiles(smiles)
    outcome = fragmentation().outcome(molecule)
    assert outcome.value == share
    assert outcome.details["fragments"] == len(fragment_sizes(molecule)) == smiles.count(".") + 1
    assert fragmentation(graded=False).outcome(molecule).value == (1.0 if share == 1 else 0.0)


def test_pieces_within_one_another_are_no_molecules() -> None:
    failure = fragmentation().outcome(within("O.O")).failure
    assert failure is not None
    assert failure.stage == "distances"


def test_radicals_are_no_molecules_in_pieces_either() -> None:
    failure = fragmentation().outcome(from_smiles("[CH3].[CH3]")).failure
    assert failure is not None
    assert (failure.kind, failure.stage) == ("invalid", "valences")
